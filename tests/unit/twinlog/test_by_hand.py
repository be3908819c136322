"""Topics written by hand: of an id the first record counts, also where its interval was written before a restart."""

from __future__ import annotations

from typing import Any

from opendt_streams.model import times
from opendt_streams.model.decision import Alarm, Decision
from opendt_streams.model.power import PowerSample
from opendt_streams.model.result import Series, TaskCounts, WindowResult
from opendt_streams.model.topology_json import read_topology
from opendt_streams.topology.events import make_event
from opendt_streams.twinlog import schemas
from opendt_streams.twinlog.part import Part
from opendt_streams.twinlog.recorder import Recorder
from opendt_streams.windows.grid import Grid
from opendt_streams.wire import topics
from opendt_streams.wire.messages import AlarmRecorded, DecisionRecorded, End, Message, PowerBatch, ResultRecorded, ResumePoint
from tests.unit.twin import said

HOUR = times.HOUR
GRID = Grid(window_ms=HOUR, sample_interval_ms=HOUR)
T = 1000 * HOUR
EVENT = make_event(parent=None, kind="baselined", actor="simulator", reason="", cause="", topology=read_topology(said.topology(1)))


def result(number: int) -> ResultRecorded:
    start, series = T + number * HOUR, Series((1.0,), (1.0,), (0.0,), (0.0,))
    rows = (start + HOUR,)
    return ResultRecorded(
        WindowResult(str(number), "DC", "main", start, start + HOUR, EVENT.id, False, TaskCounts(), rows, series), ledger=1
    )


def decision(number: int, reason: str) -> DecisionRecorded:
    return decided(T + number * HOUR, reason)


def decided(instant_ms: int, reason: str) -> DecisionRecorded:
    made = Decision(
        id=f"DC|{instant_ms}",
        datacenter="DC",
        instant_ms=instant_ms,
        method="stub",
        outcome="kept",
        reason=reason,
        topology_event=None,
        parameters={},
        estimate={},
        data_from_ms=None,
        data_until_ms=None,
        samples=0,
        late_samples=0,
    )
    return DecisionRecorded(made, pin=1, resume=ResumePoint(0, 0, None, None, 0))


def alarm(number: int, text: str) -> AlarmRecorded:
    return AlarmRecorded(Alarm(f"odd {number}", "DC", "odd", T + number * HOUR, text))


class Reader:
    """Writes and reads topics at once."""

    def __init__(self, *power: Message) -> None:
        self.logs: dict[str, list[Message]] = {topic: [] for topic in Recorder.reads}
        self.recorder, self.parts = Recorder("DC", GRID), list[Part]()
        self.say(topics.LEDGER, EVENT)
        self.say(topics.POWER, *power, End())

    def say(self, topic: str, *messages: Message) -> None:
        for message in messages:
            self.recorder.step(topic, len(self.logs[topic]), message)
            self.logs[topic].append(message)
        self.parts += self.recorder.take_parts()

    def restart(self) -> dict[str, Any]:
        state = self.recorder.checkpoint()
        self.recorder = Recorder.restore("DC", GRID, state, list(enumerate(self.logs[topics.LEDGER])))
        for topic, start in self.recorder.next.items():
            for offset in range(start, len(self.logs[topic])):
                self.recorder.step(topic, offset, self.logs[topic][offset])
        self.parts += self.recorder.take_parts()
        return state

    def column(self, table: str, name: str) -> list[Any]:
        return [value for part in self.parts if part.table == table for value in part.rows[name].to_pylist()]


def test_the_first_decision_of_an_instant_counts() -> None:
    reader = Reader()
    reader.say(topics.CALIBRATION, decision(1, "first"), decision(1, "second"))
    reader.restart()
    reader.say(topics.RESULTS, result(0))
    reader.say(topics.CALIBRATION, decision(1, "third"), decision(2, "next"))
    reader.say(topics.RESULTS, result(0), result(1))
    assert reader.column(schemas.CALIBRATION, "reason") == ["first", "next"]
    assert reader.column(schemas.RESULTS, "run_number") == [1, 2]


def test_an_alarm_whose_decision_is_not_there_yet_is_read_again() -> None:
    reader = Reader()
    reader.say(topics.CALIBRATION, alarm(1, "first"))
    assert reader.restart()["calibration"] == 0
    reader.say(topics.CALIBRATION, alarm(1, "second"), decision(1, ""), alarm(1, "third"))
    reader.say(topics.RESULTS, result(0))
    assert reader.column(schemas.ALARMS, "text") == ["first"]


def test_an_alarm_that_is_repeated_after_its_interval_was_written_stays_out_of_the_next() -> None:
    reader = Reader()
    reader.say(topics.CALIBRATION, alarm(1, "once"), decision(1, ""))
    reader.say(topics.RESULTS, result(0))
    reader.restart()
    reader.say(topics.CALIBRATION, alarm(1, "again"), alarm(2, "new"), decision(2, ""))
    reader.say(topics.RESULTS, result(1))
    assert reader.column(schemas.ALARMS, "text") == ["once", "new"]


def test_a_decision_of_no_instant_or_of_another_branch_is_not_recorded() -> None:
    reader = Reader()
    what_if = WindowResult("w", "DC", "what-if", T, T + HOUR, EVENT.id, False, TaskCounts())
    reader.say(topics.CALIBRATION, decided(T + 5, "odd"), decision(1, "kept"))
    reader.say(topics.RESULTS, ResultRecorded(what_if, 1), result(0))
    assert reader.column(schemas.CALIBRATION, "reason") == ["kept"]
    assert reader.column(schemas.RESULTS, "branch") == ["main"]


def test_the_last_row_of_an_interval_is_measured_by_the_samples_after_it_which_are_telemetry_of_the_next() -> None:
    reader = Reader(PowerBatch((PowerSample(T + HOUR + 5, 40.0), PowerSample(T + HOUR + 7, 60.0))))
    reader.say(topics.CALIBRATION, decision(1, ""))
    reader.say(topics.RESULTS, result(0))
    assert reader.column(schemas.AGG_RESULTS, "measured_power_w") == [50.0]
    assert reader.column(schemas.TELEMETRY, "power_w") == []
    reader.say(topics.CALIBRATION, decision(2, ""))
    reader.say(topics.RESULTS, result(1))
    assert reader.column(schemas.AGG_RESULTS, "measured_power_w") == [50.0, None]
    assert reader.column(schemas.TELEMETRY, "power_w") == [40.0, 60.0]
