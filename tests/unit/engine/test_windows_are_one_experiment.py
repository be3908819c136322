"""Any cut into windows, with any checkpoint between them, is one whole experiment whose time 0 is the first window's start."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opendt_streams.engine.native import NATIVE
from opendt_streams.engine.native.job import Run, prepare
from opendt_streams.engine.native.simulation import Simulation, simulate
from opendt_streams.engine.native.task_ends import TaskEnds
from opendt_streams.engine.port import Engine, EngineSettings, Submission
from opendt_streams.engine.task_columns import TaskColumns
from opendt_streams.errors import SimulationError
from opendt_streams.model.carbon import CarbonTrace
from opendt_streams.model.task import Task, fragments
from opendt_streams.model.topology import Cluster, PowerModel, Topology
from tests.unit.engine.queueing import random_world
from tests.unit.engine.workloads import ORIGIN_MS, datacenter, host_group, task, tasks, topologies, traces

STEP_MS = 1000
# Holds time 0 where the first window begins: no host can take it, OpenDC refuses it there, and nothing else notices.
FIRST = Task(10**6, ORIGIN_MS, 0, 10**5, 0.0, 0, fragments([1], [1.0]))

settings_of_all_kinds = st.builds(
    EngineSettings,
    st.just(ORIGIN_MS),
    st.just(STEP_MS),
    policy=st.sampled_from(["Mem", "Mem", "MemInv", "CoreMem", "ActiveServers", "ActiveServersInv", "ProvisionedCores", "Random"]),
    semantics=st.sampled_from(["2.4f", "2.4f", "2.4g+"]),
)


def whole(kind: EngineSettings, topology: Topology, carbon: Mapping[str, CarbonTrace], work: Sequence[Task]) -> Simulation | None:
    """None if a task waits for ever: an experiment refuses that."""
    columns = TaskColumns.of([FIRST, *work])
    try:
        return simulate(
            topology, carbon, columns, interval_ms=kind.sample_interval_ms, policy=kind.policy, semantics=kind.semantics, seed=kind.seed
        )
    except SimulationError:
        return None


def runs_of(simulation: Simulation) -> dict[int, tuple[int, int]]:
    """Host and time of placement of each task."""
    runs = simulation.log.runs
    return dict(
        zip(simulation.log.tasks.id[runs.reference].tolist(), zip(runs.host.tolist(), runs.placed_ms.tolist(), strict=True), strict=True)
    )


def columns_of(simulation: Simulation, name: str) -> list[list[float]]:
    parts = [[getattr(c, name) for c in piece.clusters] for piece in simulation.pieces(marks=False)]
    return [np.concatenate([p[c] for p in parts]).tolist() for c in range(len(simulation.topology.clusters))]


def assert_windows_are(
    simulation: Simulation,
    kind: EngineSettings,
    carbon: Mapping[str, CarbonTrace],
    work: Sequence[Task],
    edges_ms: Sequence[int],
    *,
    restore: bool,
) -> None:
    expected, by_id = runs_of(simulation), {t.id: t for t in work}
    engine: Engine = NATIVE.start(kind, simulation.topology, carbon)
    windows = []
    for from_ms, until_ms in pairwise([ORIGIN_MS, *edges_ms]):
        entering = sorted((t for t in work if from_ms <= t.submission_ms < until_ms), key=lambda t: t.submission_ms)
        windows.append(engine.advance(until_ms, [Submission(t, t.submission_ms, t.id) for t in entering]))
        state: Any = json.loads(json.dumps(engine.checkpoint()))
        running = state["running"]
        for number, host, placed_ms in zip(running["reference"], running["host"], running["placed_ms"], strict=True):
            assert (host, placed_ms) == expected[number]
        if restore:
            engine = NATIVE.restore(kind, simulation.topology, carbon, state, by_id.__getitem__)
            assert engine.checkpoint() == state
    assert sum(w.completed for w in windows) == len(expected)
    assert sum(w.terminated for w in windows) == len(work) - len(expected)
    rows = int(np.searchsorted(simulation.rows.time_ms, simulation.rows.time_ms[-1]))  # before the last instant: its rows are special
    for name in ("energy_j", "carbon_g"):
        found = [np.concatenate([getattr(w.clusters[c], name) for w in windows])[:rows].tolist() for c in range(len(windows[0].clusters))]
        assert found == [column[:rows] for column in columns_of(simulation, name)]


def end_ms(simulation: Simulation, step_ms: int = STEP_MS) -> int:
    """A row after everything."""
    return ORIGIN_MS + (int(simulation.rows.time_ms[-1] - ORIGIN_MS) // step_ms + 2) * step_ms


@settings(max_examples=300, deadline=None)
@given(topologies(), traces(), tasks(), settings_of_all_kinds, st.data())
def test_small_worlds_full_of_equal_instants(
    topology: Topology, carbon: dict[str, CarbonTrace], work: list[Task], kind: EngineSettings, data: st.DataObject
) -> None:
    simulation = whole(kind, topology, carbon, work)
    if simulation is None:
        return
    end = end_ms(simulation)
    cuts = data.draw(st.sets(st.integers(1, max((end - ORIGIN_MS) // STEP_MS - 1, 1)), max_size=8))
    edges = [*sorted(e for c in cuts if (e := ORIGIN_MS + c * STEP_MS) < end), end]
    assert_windows_are(simulation, kind, carbon, work, edges, restore=data.draw(st.booleans()))


@pytest.mark.parametrize("seed", range(60))
def test_workloads_that_queue(seed: int) -> None:
    world = random_world(seed, tasks=120)
    kind = EngineSettings(ORIGIN_MS, world.step_ms, policy=world.policy, semantics=world.semantics)
    simulation = whole(kind, world.topology, world.carbon, world.tasks)
    if simulation is None:
        return
    end = end_ms(simulation, world.step_ms)
    some = np.random.default_rng(seed).integers(1, 40, size=10_000) * world.step_ms + 0
    edges = [*(e for e in (ORIGIN_MS + np.cumsum(some)).tolist() if e < end), end]
    assert_windows_are(simulation, kind, world.carbon, world.tasks, edges, restore=seed % 2 == 0)


def test_a_submission_at_the_edge_of_a_window_comes_before_the_pass_that_was_asked_for_after_it_was_entered() -> None:
    """At 2 s the host is freed and task 3 comes. One pass places 2 and 3, so 3 finds the host of 2, which ends at once, still taken."""
    topology = datacenter(host_group(count=2, cores=2))
    work = [task(1, 0, [(2000, 1.0)], cores=2), task(4, 0, [(2000, 1.0)], cores=2), task(2, 1000, [(5000, 0.0)], cores=2)]
    work.append(task(3, 2000, [(3000, 1.0)], cores=2))
    engine = NATIVE.start(EngineSettings(ORIGIN_MS, STEP_MS), topology, {})
    for second in (1, 2, 3):
        entering = [t for t in work if engine.now_ms <= t.submission_ms < ORIGIN_MS + second * STEP_MS]
        engine.advance(ORIGIN_MS + second * STEP_MS, [Submission(t, t.submission_ms, t.id) for t in entering])
    state: Any = engine.checkpoint()
    assert state["running"] == {"reference": [3], "host": [1], "placed_ms": [ORIGIN_MS + 2000]}


def test_a_change_of_hardware_comes_after_the_ends_of_its_instant_and_before_the_submissions() -> None:
    """At 2 s both hosts become free and one goes away; of the tasks that come then the first is placed at once, the second waits."""
    before, after = datacenter(host_group(count=2, cores=1)), datacenter(host_group(count=1, cores=1))
    engine = NATIVE.start(EngineSettings(ORIGIN_MS, STEP_MS), before, {})
    early = [task(i, 0, [(2000, 1.0)]) for i in (1, 2)]
    window = engine.advance(ORIGIN_MS + 2000, [Submission(t, t.submission_ms, t.id) for t in early])
    assert (window.completed, window.running) == (2, 0)
    assert engine.apply(after, {}) == 0
    late = [task(i, 2000, [(2000, 1.0)]) for i in (3, 4)]
    window = engine.advance(ORIGIN_MS + 3000, [Submission(t, t.submission_ms, t.id) for t in late])
    assert (window.completed, window.running, window.queued) == (0, 1, 1)


def test_tasks_that_were_put_back_are_placed_before_those_that_come_then() -> None:
    before, after = datacenter(host_group(count=2, cores=1)), datacenter(host_group(count=1, cores=1))
    engine = NATIVE.start(EngineSettings(ORIGIN_MS, STEP_MS), before, {})
    early = [task(1, 0, [(2000, 1.0)]), task(2, 0, [(9000, 1.0)])]
    engine.advance(ORIGIN_MS + 2000, [Submission(t, t.submission_ms, t.id) for t in early])
    assert engine.apply(after, {}) == 1
    engine.advance(ORIGIN_MS + 3000, [Submission(t, t.submission_ms, t.id) for t in [task(3, 2000, [(2000, 1.0)])]])
    state: Any = engine.checkpoint()
    assert (state["running"]["reference"], state["queue"]) == ([2], [3])


def test_sums_are_followed_from_the_change_of_the_power_model_on() -> None:
    """From 1 s on the model shows rests of sums. What is there then is added up afresh, in order of placement."""
    plain = datacenter(host_group(cores=8))
    steep = plain.with_power_models({(0, 0): PowerModel("sqrt", 20.0, 1000.0)})
    work = [task(0, 0, [(1500, 2718.28), (1000, 333.3)]), task(1, 0, [(2000, 55.55)])]
    engine = NATIVE.start(EngineSettings(ORIGIN_MS, STEP_MS), plain, {})
    engine.advance(ORIGIN_MS + 1000, [Submission(t, t.submission_ms, t.id) for t in work])
    engine.apply(steep, {})
    window = engine.advance(ORIGIN_MS + 4000, [])
    rest = 2718.28 + 55.55 + (333.3 - 2718.28) - 55.55 - 333.3
    assert rest > 0
    assert window.clusters[0].power_w[-1] == 20.0 + 980.0 * np.sqrt(rest / 8000.0)
    engine.apply(plain, {})
    assert engine.advance(ORIGIN_MS + 5000, []).clusters[0].power_w.tolist() == [50.0]


def test_tasks_that_run_are_known_to_the_order_when_their_sums_cease_to_show() -> None:
    """The carbon trace makes the order matter from the start; then the scheduler takes over tasks that are half way through."""
    work = task(0, 0, [(1500, 1.0), (3000, 1.0)])
    (job,) = prepare([0], TaskColumns.of([work]))
    run = Run(job, 0, ORIGIN_MS, ORIGIN_MS + 4500, known=(ORIGIN_MS, 2))
    ends = TaskEnds(ORIGIN_MS, [np.array([ORIGIN_MS + 250])])
    ends.begin({0: run}, ORIGIN_MS + 1000)
    assert ends.entered(ORIGIN_MS + 1500, {0: run}) == (ORIGIN_MS + 250, -1)


def test_many_hosts_draw_what_they_draw_in_parts() -> None:
    """More hosts than are added up one by one: the sum of the whole is that of its halves, whatever happened before."""
    model = PowerModel("mse", 31.7, 113.3, calibration_factor=1.7)
    halves = Topology(tuple(Cluster(n, (host_group(n, count=700, cores=2, model=model),)) for n in "AB"))
    one = Topology((Cluster("C", tuple(replace(c.host_groups[0]) for c in halves.clusters)),))
    work = [task(i, 100 * i, [(3000 + 7 * i, 0.1 * i), (500, 1000.7)], cores=2) for i in range(900)]
    kind = EngineSettings(ORIGIN_MS, 10_000, policy="ActiveServers")
    apart, together = (
        NATIVE.start(kind, t, {}).advance(ORIGIN_MS + 120_000, [Submission(t, t.submission_ms, t.id) for t in work]).clusters
        for t in (halves, one)
    )
    for name in ("power_w", "energy_j"):
        assert sum(getattr(c, name) for c in apart) == pytest.approx(getattr(together[0], name), rel=1e-13)
