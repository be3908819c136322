"""An engine that gives no answer: the window fails with the reason, the twin goes on, and whoever computes it again takes that over."""

from __future__ import annotations

import json

import pytest

from opendt_streams.engine.port import NO_ANSWER
from opendt_streams.model.canonical import canonical
from opendt_streams.twin import simulator_state
from opendt_streams.twin.outputs import Publish
from opendt_streams.twin.simulator import Simulator
from opendt_streams.twin.unanswered import is_no_answer, unanswered_windows
from opendt_streams.wire import topics
from tests.unit.opendc.in_process import InProcess, kind
from tests.unit.twin import said
from tests.unit.twin.bench import Bench, as_record
from tests.unit.twin.logs import DATACENTER, Record
from tests.unit.twin.said import T0, S
from tests.unit.twin.scenario import GRID

SNAPSHOT = said.snapshot(T0, said.topology(2))
BEATS = [said.heartbeat(T0 + second * S, SNAPSHOT) for second in (0, 2, 4, 6)]
TASKS = [said.task(1, T0, 20_000), said.task(2, T0 + 2 * S, 20_000)]
WORKLOAD = [TASKS[0], BEATS[0], BEATS[1], TASKS[1], BEATS[2], BEATS[3]]


def live(runner: InProcess) -> tuple[list[Publish], list[Record]]:
    """What a simulator says when its engine answers like that, and the ledger that it wrote."""
    machine = Bench(Simulator(DATACENTER, GRID, kind(runner)))
    machine.read(topics.PHYSICAL, SNAPSHOT)
    published: list[Publish] = []
    machine.read(topics.WORKLOAD, *WORKLOAD[:3])
    ledger = [as_record(o) for o in machine.published(topics.LEDGER)]
    machine.read(topics.LEDGER, *ledger)
    published += machine.published(topics.RESULTS)
    machine.read(topics.WORKLOAD, *WORKLOAD[3:])
    return published + machine.published(topics.RESULTS), ledger


class OnceTooMany(InProcess):
    """Fails at the first question with two tasks, and answers those after."""

    def __init__(self) -> None:
        super().__init__()
        self.fails = lambda tasks: tasks == 3 and self.asked.count(3) <= 1


def values(published: list[Publish]) -> list[bytes]:
    return [canonical(o.value) for o in published]


def test_the_window_fails_with_the_reason_and_the_next_takes_its_tasks() -> None:
    published, _ = live(OnceTooMany())
    first, second = (json.loads(v) for v in values(published)[:2])
    assert "error" not in first
    assert second["error"].startswith(NO_ANSWER)
    assert "3 tasks are too many" in second["error"]


def test_a_machine_that_computes_it_again_takes_the_failure_over() -> None:
    published, ledger = live(OnceTooMany())
    recorded = unanswered_windows(as_record(o).message for o in published)
    assert list(recorded) == [T0 + 2 * S]
    machine = Bench(Simulator(DATACENTER, GRID, kind(InProcess()), unanswered=recorded))  # an engine that would answer now
    machine.read(topics.PHYSICAL, SNAPSHOT)
    machine.read(topics.LEDGER, *ledger)
    machine.read(topics.WORKLOAD, *WORKLOAD)
    assert values(machine.published(topics.RESULTS)) == values(published)


def test_a_restored_machine_takes_it_over_as_well() -> None:
    published, ledger = live(OnceTooMany())
    recorded = unanswered_windows(as_record(o).message for o in published)
    before = Bench(Simulator(DATACENTER, GRID, kind(InProcess())))
    before.read(topics.PHYSICAL, SNAPSHOT)
    before.read(topics.LEDGER, *ledger)
    before.read(topics.WORKLOAD, *WORKLOAD[:3])
    state = json.loads(json.dumps(simulator_state.snapshot(before.machine)))  # type: ignore[arg-type]
    logs = {topics.WORKLOAD: [Record(topics.WORKLOAD, v) for v in WORKLOAD], topics.PHYSICAL: [Record(topics.PHYSICAL, SNAPSHOT)]}
    again = simulator_state.restore(
        state,
        GRID,
        kind(InProcess()),
        "Mem",
        [(offset, record.message) for offset, record in enumerate(ledger)],
        lambda topic, offset: logs[topic][offset].message,
        unanswered=recorded,
    )
    outputs = [o for i in range(3, len(WORKLOAD)) for o in again.step(topics.WORKLOAD, i, logs[topics.WORKLOAD][i].message)]
    assert values([o for o in outputs if isinstance(o, Publish) and o.topic == topics.RESULTS]) == values(published)[1:]


@pytest.mark.parametrize(("error", "is_one"), [(None, False), ("task 1: odd", False), (f"{NO_ANSWER} (OpenDC, 3 attempts): x", True)])
def test_what_counts_as_no_answer(error: str | None, is_one: bool) -> None:
    assert is_no_answer(error) is is_one
