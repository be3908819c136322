"""A calibrator is restored from the ledger and the decisions alone."""

from __future__ import annotations

from opendt_streams.twin import calibrator_state
from opendt_streams.twin.calibrator import Calibrator
from opendt_streams.twin.outputs import DeadLetter
from opendt_streams.wire import topics
from opendt_streams.wire.messages import ResumePoint
from tests.unit.twin.bench import Bench, decision_record, event_record, result_record
from tests.unit.twin.calibrating import ROOT, Doubles, calibrating, decision, power
from tests.unit.twin.logs import DATACENTER, Record
from tests.unit.twin.said import END, T0, S, heartbeat
from tests.unit.twin.scenario import GRID


def restored(ledger: list[Record], decisions: list[Record]) -> Calibrator:
    ledger_records, calibration_records = ([(o, r.message) for o, r in enumerate(log)] for log in (ledger, decisions))
    return calibrator_state.restore(DATACENTER, GRID, Doubles(), ledger_records, calibration_records)


def test_without_a_decision_everything_is_read_again_but_the_ledger() -> None:
    machine = restored([event_record(ROOT)], [])
    assert machine.next == {topics.RESULTS: 0, topics.POWER: 0, topics.LEDGER: 1, topics.CALIBRATION: 0}


def test_it_goes_on_from_the_first_record_of_the_newest_instant() -> None:
    points = [ResumePoint(power=p, fresh=p + 1, watermark_ms=T0, refused_ms=None, results=3 * p) for p in range(4)]
    decisions = [
        decision_record(6, 1, resume=points[1]),
        Record(topics.CALIBRATION, b"rubbish"),
        decision_record(12, 1, resume=points[2], estimate={"instants": 2}),
        decision_record(12, 1, resume=points[3]),
        decision_record(6, 1, resume=points[1]),  # a double worker that lags behind
    ]
    machine = restored([event_record(ROOT)], decisions)
    assert machine.decided_ms == T0 + 12 * S
    assert machine.estimate == {"instants": 2}
    assert machine.next == {topics.RESULTS: 6, topics.POWER: 2, topics.LEDGER: 1, topics.CALIBRATION: 3}


def test_restored_behind_the_end_of_power_it_still_refuses_what_follows() -> None:
    """Decisions of the drain do not look at dc.power, so they resume from wherever reading stood."""
    resume = ResumePoint(power=2, fresh=2, watermark_ms=T0, refused_ms=None, results=3, ended=True)
    machine = restored([event_record(ROOT)], [decision_record(6, 1, resume=resume)])
    outputs = machine.step(topics.POWER, 2, Record(topics.POWER, heartbeat(T0 + 7 * S)).message)
    assert [o.offset for o in outputs if isinstance(o, DeadLetter)] == [2]


def test_a_restored_calibrator_decides_the_next_instant_as_the_old_one() -> None:
    messages = [power(1, 5), power(6, 7), power(2, 8), END]
    calm, _ = calibrating()
    calm.read(topics.POWER, *messages)
    calm.echo(topics.LEDGER)
    calm.echo(topics.CALIBRATION)
    calm.read(topics.RESULTS, *(result_record(s, ledger=2) for s in (6, 8, 10)))
    calm.echo(topics.LEDGER)
    expected = decision(calm)

    machine = Bench(restored(calm.logs[topics.LEDGER], calm.logs[topics.CALIBRATION]))
    machine.machine.next[topics.LEDGER] = len(calm.logs[topics.LEDGER])
    for topic in (topics.POWER, topics.RESULTS):
        start = machine.machine.next[topic]
        machine.logs[topic] = list(calm.logs[topic][:start])
        machine.read(topic, *calm.logs[topic][start:])
    assert decision(machine).value == expected.value
    assert expected.document["late_samples"] == 1
