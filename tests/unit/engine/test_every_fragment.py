"""The engine followed through every fragment, and its heap, against the paths that give the same answers another way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opendt_streams.engine.native.course import Setting, follow_every_fragment, know_the_ends
from opendt_streams.engine.native.hosts import expand
from opendt_streams.engine.native.queue.deadline_heap import DeadlineHeap
from opendt_streams.engine.native.queue.scaling import NoDelay
from opendt_streams.engine.native.simulation import simulate
from opendt_streams.engine.task_columns import TaskColumns
from opendt_streams.errors import SimulationError
from opendt_streams.model.carbon import CarbonTrace
from opendt_streams.model.task import Task
from opendt_streams.model.topology import Topology
from tests.unit.engine.queueing import random_world
from tests.unit.engine.test_against_opendc_queue import rows_of, runs_of
from tests.unit.engine.workloads import tasks, topologies, traces


@settings(max_examples=200, deadline=None)
@given(topologies(), traces(), tasks(), st.sampled_from([1000, 1500, 2000, 3000]))
def test_it_gives_the_runs_and_rows_of_the_fast_path(
    topology: Topology, carbon: dict[str, CarbonTrace], work: list[Task], interval_ms: int
) -> None:
    columns = TaskColumns.of(work).in_order_of_submission()
    steps = [carbon["trace"].steps_between(int(columns.submission_ms[0]), 2**62) for c in topology.clusters if c.carbon_trace]
    setting = Setting.of(expand(topology), columns, steps, interval_ms)
    try:
        simulation = simulate(topology, carbon, columns, interval_ms=interval_ms)
    except SimulationError:
        with pytest.raises(SimulationError, match="waits for ever"):
            follow_every_fragment(setting, NoDelay())
        return
    followed = follow_every_fragment(setting, NoDelay())
    mine_all = replace(simulation, log=followed.log, rows=followed.rows)
    assert runs_of(mine_all) == runs_of(simulation)
    assert [(job.reference, at) for job, at in followed.log.terminated] == [(j.reference, at) for j, at in simulation.log.terminated]
    assert rows_of(mine_all, marks=True) == rows_of(simulation, marks=True)


@pytest.mark.parametrize("seed", range(40))
def test_it_places_tasks_as_the_fast_path_does_where_they_queue(seed: int) -> None:
    world = random_world(seed, tasks=150)
    columns = TaskColumns.of(world.tasks).in_order_of_submission()
    steps = [trace.steps_between(int(columns.submission_ms[0]), 2**62) for trace in world.carbon.values()]
    setting = Setting.of(expand(world.topology), columns, steps, world.step_ms, world.policy)
    try:
        fast, rows, _ = know_the_ends(setting)
    except SimulationError:
        return
    followed = follow_every_fragment(setting, NoDelay())
    for name in ("reference", "host", "placed_ms", "end_ms"):
        assert getattr(followed.log.runs, name).tolist() == getattr(fast.runs, name).tolist()
    assert followed.rows.after.tolist() == rows.after.tolist()


moves = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 30), st.sampled_from(["put", "put", "drop", "poll"])), max_size=60)


@given(moves)
def test_the_heap_gives_what_is_due_and_keeps_the_rest(found: Sequence[tuple[int, int, str]]) -> None:
    heap, pending = DeadlineHeap(), dict[int, int]()
    for node, time_ms, what in found:
        if what == "put":
            heap.put(node, time_ms)
            pending[node] = time_ms
        elif what == "drop":
            heap.drop(node)
            pending.pop(node, None)
        else:
            first, earliest = heap.poll(time_ms), min(pending.values(), default=None)
            if first is None:
                assert earliest is None or earliest > time_ms
            else:
                assert pending.pop(first) == earliest
        assert heap.first_ms == min(pending.values(), default=None)


def test_equal_deadlines_leave_in_the_order_of_opendc() -> None:
    """Worked out by hand: after the first has left, the last takes its place and is not moved down below its equals."""
    heap = DeadlineHeap()
    for node in range(5):
        heap.put(node, 1000)
    assert [heap.poll(1000) for _ in range(6)] == [0, 4, 3, 2, 1, None]
