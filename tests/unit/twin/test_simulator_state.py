"""The stored state: whole, and honest about what it cannot find any more."""

from __future__ import annotations

import json
from typing import Any

import pytest

from opendt_streams.errors import HistoryGone
from opendt_streams.model.canonical import canonical
from opendt_streams.twin import simulator_state
from opendt_streams.twin.simulator import Simulator
from opendt_streams.wire import topics
from tests.unit.twin import bench, said
from tests.unit.twin.bench import Bench, decision_record
from tests.unit.twin.logs import Record
from tests.unit.twin.said import T0, S
from tests.unit.twin.scenario import GRID
from tests.unit.twin.stubs import POISON
from tests.unit.twin.workers import STUB_ENGINES

ONE, OTHER, UNREAD = (said.snapshot(T0, said.topology(hosts)) for hosts in (1, 2, 3))


def busy() -> Bench:
    """A simulator with something in every part of its state."""
    machine = bench.simulator()
    beat = [said.heartbeat(T0 + s * S, ONE) for s in range(10)]
    jobs = [said.task(i, T0 + s * S, 9 * S) for i, s in enumerate([1, 1, 5, 9, 12])]
    machine.read(topics.PHYSICAL, ONE, OTHER, b"{")
    machine.read(topics.WORKLOAD, jobs[0], beat[0])
    machine.echo(topics.LEDGER)
    machine.read(topics.WORKLOAD, *jobs[1:], jobs[0], beat[3], said.heartbeat(T0 + 6 * S, OTHER), said.task(8, T0 + 7 * S))
    machine.read(topics.WORKLOAD, said.heartbeat(T0 + 90 * S), said.heartbeat(T0 + 7 * S, UNREAD), beat[9])
    machine.read(topics.CALIBRATION, decision_record(12, pin=9))
    return machine


def state_of(machine: Bench) -> dict[str, Any]:
    assert isinstance(machine.machine, Simulator)
    document: dict[str, Any] = json.loads(canonical(simulator_state.snapshot(machine.machine)))
    return document


def restore(machine: Bench, state: dict[str, Any]) -> Simulator:
    ledger = [(o, r.message) for o, r in enumerate(machine.logs[topics.LEDGER][: state["next"][topics.LEDGER]])]
    return simulator_state.restore(state, GRID, STUB_ENGINES, "Mem", ledger, lambda topic, offset: machine.logs[topic][offset].message)


def test_a_state_is_restored_whole() -> None:
    machine = busy()
    state = state_of(machine)
    empty = [key for key, value in (state | state["intake"]).items() if value in ([], {}, None)]
    assert empty == ["unsimulated", "early"]  # everything else is put to the test
    assert canonical(simulator_state.snapshot(restore(machine, state))) == canonical(state)


def test_tasks_without_a_first_heartbeat_are_restored_too() -> None:
    machine = bench.simulator()
    machine.read(topics.WORKLOAD, said.task(1, T0))
    state = state_of(machine)
    assert state["intake"]["early"] == [0]
    restored = restore(machine, state)
    assert [w.task.id for w in restored.intake.early] == [1]


def test_what_could_not_be_simulated_is_restored_too() -> None:
    machine = bench.simulator()
    machine.read(topics.PHYSICAL, ONE)
    machine.read(topics.WORKLOAD, said.task(1, T0, mem_capacity=POISON), said.heartbeat(T0, ONE))
    machine.echo(topics.LEDGER)
    machine.read(topics.WORKLOAD, said.heartbeat(T0 + 2 * S, ONE))
    state = state_of(machine)
    assert state["failed"]
    assert state["unsimulated"] == [[0, T0]]
    assert canonical(simulator_state.snapshot(restore(machine, state))) == canonical(state)


def test_it_holds_references_and_names_all_that_a_restore_reads() -> None:
    machine = busy()
    state = state_of(machine)
    assert simulator_state.references(state) == {topics.WORKLOAD: [0, 2, 3, 4, 5, 9, 11, 12], topics.PHYSICAL: [0, 1]}
    assert len(canonical(state)) < 5000


def test_a_state_of_another_version_is_refused() -> None:
    machine = busy()
    with pytest.raises(HistoryGone, match="version 0; expected version 2"):
        restore(machine, state_of(machine) | {"version": 0})


@pytest.mark.parametrize(("topic", "offset"), [(topics.WORKLOAD, 3), (topics.PHYSICAL, 0)])
def test_another_message_at_a_reference_is_an_error_never_a_guess(topic: str, offset: int) -> None:
    machine = busy()
    state = state_of(machine)
    machine.logs[topic][offset] = Record(topic, said.heartbeat(T0) if topic == topics.WORKLOAD else UNREAD)
    with pytest.raises(HistoryGone, match=f"{topic} at offset {offset} is not"):
        restore(machine, state)


def test_a_ledger_without_the_event_in_force_is_an_error() -> None:
    machine = busy()
    state = state_of(machine)
    machine.logs[topics.LEDGER].clear()
    with pytest.raises(HistoryGone, match=r"is not in sim\.topology"):
        restore(machine, state)
