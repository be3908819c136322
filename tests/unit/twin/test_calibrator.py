"""The calibrator by concrete examples (windows of 2 s, instants every 6 s, time 0 is an instant)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from opendt_streams.calibration.port import Evidence, Proposal
from opendt_streams.model.canonical import JSON
from opendt_streams.model.topology import PowerModel
from opendt_streams.model.topology_json import read_topology
from opendt_streams.topology.events import make_event
from opendt_streams.twin.calibrator import Calibrator
from opendt_streams.twin.outputs import Publish
from opendt_streams.wire import headers as h
from opendt_streams.wire import topics
from opendt_streams.wire.messages import ResumePoint
from tests.unit.twin import bench, said
from tests.unit.twin.bench import Bench, decision_record, event_record, result_record
from tests.unit.twin.calibrating import EDIT, ROOT, Doubles, calibrating, decision, power
from tests.unit.twin.logs import DATACENTER
from tests.unit.twin.said import T0, S
from tests.unit.twin.scenario import GRID

# -- when and from what ----------------------------------------------------------------------------------------------------------


def test_it_decides_when_results_ledger_and_telemetry_have_reached_the_instant() -> None:
    machine, method = calibrating()
    machine.read(topics.POWER, power(1, 2, 5))
    assert machine.outputs == []
    machine.read(topics.POWER, power(6, 7))
    (event,) = machine.values(topics.LEDGER)
    assert (event["kind"], event["parent"], event["cause"]) == ("calibrated", ROOT.id, "dc|2022-10-06T22:00:06Z")
    (evidence,) = method.asked
    assert [(s.time_ms - T0) // S for s in evidence.samples] == [1, 2, 5, 6]
    assert [(r.window_start_ms - T0) // S for r in evidence.results] == [0, 2, 4]


def test_results_that_name_a_later_ledger_offset_make_it_wait_for_the_fold() -> None:
    machine = bench.calibrator(off=True)
    machine.read(topics.RESULTS, *(result_record(s, ledger=2) for s in (0, 2, 4)))
    machine.read(topics.LEDGER, event_record(ROOT))
    assert machine.outputs == []
    machine.read(topics.LEDGER, event_record(EDIT))
    assert decision(machine).headers[h.PIN] == "2"


def test_in_force_is_the_ledger_that_the_last_result_names_and_the_parent_is_the_newest_head() -> None:
    machine, method = calibrating()
    machine.read(topics.LEDGER, event_record(EDIT))
    machine.read(topics.POWER, power(6))
    assert method.asked[0].in_force.host_count == 2
    (event,) = machine.values(topics.LEDGER)
    assert event["parent"] == EDIT.id
    assert event["topology"]["clusters"][0]["hosts"][0] == EDIT.topology["clusters"][0]["hosts"][0]  # type: ignore[index, call-overload]


def test_repeated_results_are_taken_once() -> None:
    machine, method = calibrating()
    machine.read(topics.RESULTS, *(result_record(s, ledger=1) for s in (0, 2, 4)))
    machine.read(topics.POWER, power(6))
    assert len(method.asked[0].results) == 3


# -- writing ---------------------------------------------------------------------------------------------------------------------


def test_the_decision_follows_the_verdict_on_its_event_and_pins_an_offset_behind_it() -> None:
    machine, _ = calibrating()
    machine.read(topics.POWER, power(6))
    (event,) = machine.values(topics.LEDGER)
    machine.echo(topics.LEDGER)
    alarm, value = machine.values(topics.CALIBRATION)
    assert (alarm["message_type"], alarm["id"]) == ("alarm", "dc|drift|2022-10-06T22:00:06Z")
    assert (value["id"], value["outcome"], value["topology_event"]) == ("dc|2022-10-06T22:00:06Z", "calibrated", event["id"])
    assert value["parameters"]["0/0"]["idlePower"] == 100
    assert value["estimate"] == {"instants": 1}
    record = decision(machine)
    assert record.headers[h.PIN] == "2"
    assert record.headers[h.RESUME] == '{"ended":false,"fresh":1,"power":0,"refused_ms":null,"results":3,"watermark_ms":null}'


def test_a_stale_event_is_written_again_with_the_same_parameters_on_the_new_head() -> None:
    machine, method = calibrating()
    machine.read(topics.POWER, power(6))
    (mine,) = machine.published(topics.LEDGER)
    edit = make_event(parent=ROOT.id, kind="edited", actor="p", reason="", cause="e", topology=read_topology(said.topology(2, idle_w=7)))
    machine.read(topics.LEDGER, event_record(edit), bench.as_record(mine))
    (again,) = machine.values(topics.LEDGER)
    assert again["parent"] == edit.id
    assert again["topology"]["clusters"][0]["hosts"][0]["cpuPowerModel"]["idlePower"] == 100
    assert len(method.asked) == 1
    machine.echo(topics.LEDGER)
    assert decision(machine).document["topology_event"] == again["id"]


def test_an_accepted_event_with_this_cause_is_adopted_whoever_wrote_it() -> None:
    machine, _ = calibrating()
    machine.read(topics.POWER, power(6))
    (mine,) = machine.published(topics.LEDGER)
    other = make_event(
        parent=ROOT.id,
        kind="calibrated",
        actor="calibrator",
        reason="",
        cause=str(mine.value["cause"]),
        topology=read_topology(said.topology(2, idle_w=9)),
    )
    machine.read(topics.LEDGER, event_record(other))
    assert decision(machine).document["topology_event"] == other.id


def test_the_next_instant_waits_until_the_decision_was_read_back() -> None:
    machine = bench.calibrator(off=True)
    machine.read(topics.LEDGER, event_record(ROOT))
    machine.read(topics.RESULTS, *(result_record(s, ledger=1) for s in range(0, 12, 2)))
    assert decision(machine).document["instant_ms"] == T0 + 6 * S
    machine.echo(topics.CALIBRATION)
    assert decision(machine).document["instant_ms"] == T0 + 12 * S


def test_it_goes_on_from_the_first_decision_of_an_instant_whoever_wrote_it() -> None:
    machine, method = calibrating()
    resume = ResumePoint(power=1, fresh=2, watermark_ms=T0 + 5 * S, refused_ms=None, results=3)
    machine.read(topics.CALIBRATION, decision_record(6, pin=1, estimate={"instants": 41}, resume=resume))
    machine.read(topics.CALIBRATION, decision_record(6, pin=1, estimate={"instants": 7}, resume=resume))
    machine.read(topics.RESULTS, *(result_record(s, ledger=1) for s in (6, 8, 10)))
    machine.read(topics.POWER, power(1, 5), power(6, 9), power(12))
    assert [(s.time_ms - T0) // S for s in method.asked[0].samples] == [9, 12]
    machine.echo(topics.LEDGER)
    assert decision(machine).document["estimate"] == {"instants": 42}


# -- keeping -----------------------------------------------------------------------------------------------------------------------


def test_without_calibration_it_still_decides_and_needs_no_telemetry() -> None:
    machine = bench.calibrator(off=True)
    machine.read(topics.LEDGER, event_record(ROOT))
    machine.read(topics.RESULTS, *(result_record(s, ledger=1) for s in (0, 2, 4)))
    value = decision(machine).document
    assert (value["outcome"], value["reason"]) == ("kept", "off")
    assert value["parameters"]["0/0"]["idlePower"] == 50


def test_in_the_drain_everything_is_kept() -> None:
    machine, method = calibrating()
    machine.read(topics.POWER, power(6))
    machine.echo(topics.LEDGER)
    machine.echo(topics.CALIBRATION)
    machine.read(topics.RESULTS, *(result_record(s, ledger=2, drain=True) for s in (6, 8, 10)))
    value = decision(machine).document
    assert (value["outcome"], value["reason"], value["estimate"]) == ("kept", "ended", {"instants": 1})
    assert len(method.asked) == 1


def test_silence_is_written_down_first_and_decides_when_it_is_read() -> None:
    machine, method = calibrating()
    machine.read(topics.POWER, power(5))
    assert isinstance(machine.machine, Calibrator)
    assert machine.machine.waits_for_power
    machine.outputs = machine.machine.silence()
    (note,) = machine.values(topics.POWER)
    assert note == {"message_type": "silence", "instant": "2022-10-06T22:00:06Z"}
    machine.echo(topics.POWER)
    value = decision(machine).document
    assert (value["outcome"], value["reason"], value["estimate"]) == ("kept", "no telemetry", {})
    assert method.asked == []


def test_silence_that_the_data_overtook_means_nothing() -> None:
    machine, method = calibrating()
    assert isinstance(machine.machine, Calibrator)
    note = next(o for o in machine.machine.silence() if isinstance(o, Publish))
    machine.read(topics.POWER, power(6), bench.as_record(note))
    assert len(method.asked) == 1


def test_it_waits_for_power_only_while_nothing_else_is_missing() -> None:
    calibrator = Calibrator(DATACENTER, GRID, Doubles())
    machine = Bench(calibrator)

    def waits() -> bool:
        return calibrator.waits_for_power

    assert not waits()
    machine.read(topics.LEDGER, event_record(ROOT))
    machine.read(topics.RESULTS, result_record(0, 1), result_record(2, 1))
    assert not waits()
    machine.read(topics.RESULTS, result_record(4, 1))
    assert waits()
    machine.read(topics.POWER, power(6))
    assert not waits()  # its event is on its way


# -- the end, bad input ------------------------------------------------------------------------------------------------------------


def test_it_ends_when_the_results_have_ended_and_all_instants_are_decided() -> None:
    machine = bench.calibrator(off=True)
    machine.read(topics.LEDGER, event_record(ROOT))
    machine.read(topics.RESULTS, *(result_record(s, ledger=1) for s in (0, 2, 4)))
    (first,) = machine.published(topics.CALIBRATION)
    machine.read(topics.RESULTS, b'{"message_type":"end","id":"dc|end","datacenter":"dc","unplaceable":0}')
    assert machine.outputs == []
    machine.read(topics.CALIBRATION, bench.as_record(first))
    assert [v["message_type"] for v in machine.values(topics.CALIBRATION)] == ["end"]


def test_it_answers_for_the_topics_whose_first_reader_it_is() -> None:
    machine = bench.calibrator()
    for topic in (topics.POWER, topics.RESULTS, topics.CALIBRATION):
        machine.read(topic, b"{")
        assert machine.dead() == [(topic, 0)]
    machine.read(topics.LEDGER, b"{")
    assert machine.dead() == []


def test_a_model_that_the_ledger_would_reject_is_kept_back_with_an_alarm() -> None:
    """Its event would never be accepted, and the twin would wait for it for ever."""

    class Nothing(Doubles):
        def decide(self, estimate: Mapping[str, JSON], evidence: Evidence) -> Proposal:
            models = {(0, 0): PowerModel("asymptotic", 10.0, 20.0, asym_util=0.0)}
            return replace(super().decide(estimate, evidence), models=models)

    machine = Bench(Calibrator(DATACENTER, GRID, Nothing()))
    machine.read(topics.LEDGER, event_record(ROOT))
    machine.read(topics.RESULTS, *(result_record(s, ledger=1) for s in (0, 2, 4)))
    machine.read(topics.POWER, power(1, 6))
    assert machine.values(topics.LEDGER) == []
    drift, fit, said_ = machine.values(topics.CALIBRATION)
    assert (drift["kind"], fit["kind"]) == ("drift", "fit") and "asymUtil" in str(fit["text"])
    assert said_["outcome"] == "kept" and "asymUtil" in str(said_["reason"])
