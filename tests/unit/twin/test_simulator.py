"""The simulator by concrete examples (windows of 2 s, instants every 6 s, time 0 is an instant)."""

from __future__ import annotations

from typing import Any

from opendt_streams.model.event import TopologyEvent
from opendt_streams.model.topology_json import read_topology
from opendt_streams.topology.events import make_event
from opendt_streams.wire import headers as h
from opendt_streams.wire import topics
from tests.unit.twin import bench, said
from tests.unit.twin.bench import Bench, decision_record, edit, event_record, windows
from tests.unit.twin.said import END, T0, S
from tests.unit.twin.stubs import MOODY, NAMED, NEVER_FITS

TWO, THREE = (said.snapshot(T0, said.topology(hosts)) for hosts in (2, 3))


def beat(second: int, snapshot: bytes | None = TWO) -> bytes:
    return said.heartbeat(T0 + second * S, snapshot)


def job(identity: int, second: int, lasts_s: int = 1, **more: Any) -> bytes:
    return said.task(identity, T0 + second * S, lasts_s * S, **more)


def started(snapshot: bytes = TWO, *messages: bytes) -> Bench:
    """A simulator with its first baseline, at time 0."""
    machine = bench.simulator()
    machine.read(topics.PHYSICAL, snapshot)
    machine.read(topics.WORKLOAD, beat(0, snapshot), *messages)
    machine.echo(topics.LEDGER)
    return machine


def test_nothing_is_simulated_before_the_first_baseline_is_in_the_log() -> None:
    machine = bench.simulator()
    machine.read(topics.WORKLOAD, beat(0))
    assert machine.outputs == []
    machine.read(topics.PHYSICAL, TWO)
    (event,) = machine.values(topics.LEDGER)
    assert (event["kind"], event["parent"], event["cause"]) == ("baselined", None, "dc|2022-10-06T22:00:00Z|baseline")
    machine.read(topics.WORKLOAD, beat(4))
    assert windows(machine) == []
    machine.read(topics.LEDGER, event_record(_event(event)))
    assert windows(machine) == [0, 2]


def _event(document: dict[str, object]) -> TopologyEvent:
    return TopologyEvent(**document)  # type: ignore[arg-type]


def test_an_idle_datacenter_gives_windows_up_to_the_watermark() -> None:
    machine = started()
    machine.read(topics.WORKLOAD, beat(3), beat(5))
    assert windows(machine) == [0, 2]
    (first, _) = machine.values(topics.RESULTS)
    assert first["drain"] is False
    assert [(t - T0) // S for t in first["row_ms"]] == [1, 2]


def test_the_window_table_says_open_due_simulated_and_gone() -> None:
    machine = bench.simulator()
    machine.read(topics.PHYSICAL, TWO)
    machine.read(topics.WORKLOAD, beat(0))
    assert machine.rows() == [(0, "open")]
    machine.echo(topics.LEDGER)
    machine.read(topics.WORKLOAD, beat(5))
    assert machine.rows() == [(0, "due"), (2, "due"), (4, "open"), (0, "simulated"), (2, "simulated")]
    machine.read(topics.WORKLOAD, beat(18))
    for instant in (6, 12):
        machine.read(topics.CALIBRATION, decision_record(instant, pin=1))
    assert machine.rows() == [(12, "simulated"), (0, None), (14, "simulated"), (2, None), (16, "simulated"), (4, None)]


def test_an_input_that_was_read_before_changes_nothing() -> None:
    machine = started()
    machine.read(topics.WORKLOAD, beat(4))
    assert machine.machine.step(topics.WORKLOAD, 0, machine.logs[topics.WORKLOAD][1].message) == []


def test_outputs_say_what_was_read_and_folded() -> None:
    machine = started()
    machine.read(topics.WORKLOAD, beat(2))
    (result,) = machine.published(topics.RESULTS)
    assert result.headers[h.LEDGER] == "1"
    assert result.headers[h.INPUTS] == '{"dc.topology":1,"dc.workload":2,"sim.calibration":0,"sim.topology":1}'


# -- instants ------------------------------------------------------------------------------------------------------------------


def test_windows_after_an_instant_wait_for_its_decision_and_its_ledger_offset() -> None:
    machine = started()
    machine.read(topics.WORKLOAD, beat(8))
    assert windows(machine) == [0, 2, 4]
    change = edit(machine, 5)
    machine.read(topics.CALIBRATION, decision_record(6, pin=2))
    assert windows(machine) == []
    machine.read(topics.LEDGER, event_record(change))
    (result,) = machine.values(topics.RESULTS)
    assert result["topology_event"] == change.id


def test_windows_use_the_head_at_exactly_the_pin_and_of_an_instant_the_first_decision() -> None:
    machine = started()
    machine.read(topics.LEDGER, event_record(edit(machine, 5)))
    machine.read(topics.WORKLOAD, beat(8))
    machine.read(topics.CALIBRATION, decision_record(6, pin=1), decision_record(6, pin=2))
    (result,) = machine.values(topics.RESULTS)
    assert result["topology_event"] == machine.machine.ledger.main[0].event.id


def test_changed_hardware_holds_the_last_result_before_the_instant_until_its_baseline_stands() -> None:
    machine = started()
    machine.read(topics.LEDGER, event_record(edit(machine, 5)))
    machine.read(topics.PHYSICAL, THREE)
    machine.read(topics.WORKLOAD, beat(5, THREE), beat(6, THREE))
    assert windows(machine) == [0, 2]
    (event,) = machine.values(topics.LEDGER)
    assert (event["kind"], event["cause"]) == ("baselined", "dc|2022-10-06T22:00:06Z|baseline")
    assert "overridden" in event["reason"]
    machine.echo(topics.LEDGER)
    assert windows(machine) == [4]
    (result,) = machine.published(topics.RESULTS)
    assert result.headers[h.LEDGER] == "3"


def test_hardware_named_after_an_instant_is_of_the_next_one() -> None:
    machine = started()
    machine.read(topics.PHYSICAL, THREE)
    machine.read(topics.WORKLOAD, beat(6), beat(7, THREE))
    assert windows(machine) == [0, 2, 4]
    assert machine.values(topics.LEDGER) == []


def test_a_stale_baseline_is_written_again_on_the_new_head() -> None:
    machine = started()
    machine.read(topics.PHYSICAL, THREE)
    machine.read(topics.WORKLOAD, beat(6, THREE))
    (mine,) = machine.published(topics.LEDGER)
    change = edit(machine, 2)
    machine.read(topics.LEDGER, event_record(change), bench.as_record(mine))
    (again,) = machine.values(topics.LEDGER)
    assert again["parent"] == change.id
    assert again["cause"] == mine.value["cause"]
    machine.echo(topics.LEDGER)
    assert windows(machine) == [4]


def test_power_parameters_of_unchanged_groups_carry_over_to_a_baseline() -> None:
    machine = started()
    machine.read(topics.LEDGER, event_record(edit(machine, 2)))  # same hardware, other parameters
    grown = said.snapshot(T0, said.topology(2, extra_groups=1))
    machine.read(topics.PHYSICAL, grown)
    machine.read(topics.WORKLOAD, beat(6, grown))
    (event,) = machine.values(topics.LEDGER)
    assert [e["cpuPowerModel"]["idlePower"] for e in event["topology"]["clusters"][0]["hosts"]] == [77, 50]


def test_other_power_parameters_in_a_snapshot_are_no_other_hardware() -> None:
    machine = started()
    other = said.snapshot(T0, said.topology(2, idle_w=99))
    machine.read(topics.PHYSICAL, other)
    machine.read(topics.WORKLOAD, beat(6, other))
    assert windows(machine) == [0, 2, 4]


def test_a_stranger_who_calls_himself_simulator_disturbs_nothing() -> None:
    machine = started()
    head = machine.machine.ledger.head
    assert head is not None
    for cause in ("dc|soon|baseline", "mine"):
        head = machine.machine.ledger.head
        assert head is not None
        stranger = make_event(
            parent=head.event.id, kind="baselined", actor="simulator", reason="", cause=cause, topology=read_topology(said.topology(9))
        )
        machine.read(topics.LEDGER, event_record(stranger))
    machine.read(topics.WORKLOAD, beat(6))
    assert windows(machine) == [0, 2, 4]
    assert machine.values(topics.LEDGER) == []


# -- the drain and the end -----------------------------------------------------------------------------------------------------


def test_the_drain_goes_on_until_nothing_runs_or_waits() -> None:
    machine = started(TWO, job(1, 1, lasts_s=3), job(2, 5), beat(2))
    machine.read(topics.WORKLOAD, END)
    assert [(v["window_start_ms"] - T0, v["drain"]) for v in machine.values(topics.RESULTS)] == [(2000, True), (4000, True)]
    machine.read(topics.CALIBRATION, decision_record(6, pin=1))
    (end,) = machine.values(topics.RESULTS)
    assert (end["message_type"], end["id"], end["unplaceable"]) == ("end", "dc|end", 0)
    assert machine.machine.done


def test_the_window_that_holds_the_watermark_is_closed() -> None:
    machine = started(TWO, beat(3))
    machine.read(topics.WORKLOAD, END)
    assert windows(machine) == [2]
    assert machine.machine.done  # no instant was reached, so no decision is waited for


def test_what_fits_nowhere_stays_queued_and_is_told_with_the_end() -> None:
    machine = started(TWO, job(1, 1, cpu_count=NEVER_FITS), beat(3))
    machine.read(topics.WORKLOAD, END)
    assert machine.values(topics.RESULTS)[-1]["unplaceable"] == 1


def test_without_any_valid_topology_there_is_only_the_end() -> None:
    machine, broken = bench.simulator(), said.snapshot(T0, said.topology(0))
    machine.read(topics.PHYSICAL, broken)
    assert machine.dead() == [(topics.PHYSICAL, 0)]
    machine.read(topics.WORKLOAD, beat(0, broken), beat(8, broken), END)
    assert [v["message_type"] for v in machine.values(topics.RESULTS)] == ["end"]


def test_a_datacenter_that_says_nothing_but_end_ends() -> None:
    machine = bench.simulator()
    machine.read(topics.WORKLOAD, END)
    assert [v["message_type"] for v in machine.values(topics.RESULTS)] == ["end"]


def test_data_after_the_end_is_dead_even_when_the_run_is_over() -> None:
    machine = started(TWO, END)
    machine.read(topics.WORKLOAD, beat(9))
    assert machine.dead() == [(topics.WORKLOAD, 2)]


# -- errors --------------------------------------------------------------------------------------------------------------------


def test_a_window_that_cannot_be_simulated_has_an_error_and_the_stream_goes_on() -> None:
    one = said.snapshot(T0, said.topology(1))
    machine = started(one, job(1, 2, lasts_s=9), job(2, 3, mem_capacity=MOODY))
    machine.read(topics.WORKLOAD, beat(4, one))
    good, bad = machine.values(topics.RESULTS)
    assert "error" not in good
    assert bad["error"] == "a task that cannot be simulated"
    assert "row_ms" not in bad or bad["row_ms"] == []
    assert bad["tasks"]["queued"] == 2


def test_the_first_window_that_can_be_simulated_again_has_its_own_rows_only() -> None:
    one = said.snapshot(T0, said.topology(1))
    machine = started(one, job(1, 3, mem_capacity=MOODY))
    machine.read(topics.LEDGER, event_record(edit(machine, 2)))
    machine.read(topics.WORKLOAD, beat(8, one))
    assert ["error" in v for v in machine.values(topics.RESULTS)] == [False, True, True]
    machine.read(topics.CALIBRATION, decision_record(6, pin=2))
    (result,) = machine.values(topics.RESULTS)
    assert [(t - T0) // S for t in result["row_ms"]] == [7, 8]
    assert result["tasks"]["submitted"] == 1


def test_a_task_that_is_named_as_the_cause_is_a_dead_letter_and_the_others_are_tried_again() -> None:
    machine = started(TWO, job(1, 0), job(2, 1, mem_capacity=NAMED))
    machine.read(topics.WORKLOAD, beat(2), beat(4))
    assert machine.dead() == [(topics.WORKLOAD, 2)]
    failed, good = machine.values(topics.RESULTS)
    assert (failed["error"], failed["tasks"]["queued"]) == ("this task cannot be simulated", 1)
    assert ("error" in good, good["tasks"]["submitted"]) == (False, 1)


def test_an_error_in_the_drain_ends_it() -> None:
    one = said.snapshot(T0, said.topology(1))
    machine = started(one, job(1, 1, mem_capacity=MOODY))
    machine.read(topics.WORKLOAD, END)
    assert [v.get("error") is not None for v in machine.values(topics.RESULTS)] == [True, False]
    assert machine.values(topics.RESULTS)[-1]["unplaceable"] == 1


# -- bad input -----------------------------------------------------------------------------------------------------------------


def test_it_answers_for_the_topics_whose_first_reader_it_is() -> None:
    machine = started()
    for topic, offset in ((topics.WORKLOAD, 1), (topics.PHYSICAL, 1), (topics.LEDGER, 1)):
        machine.read(topic, b"{")
        assert machine.dead() == [(topic, offset)]
    machine.read(topics.CALIBRATION, b"{")
    assert machine.dead() == []
