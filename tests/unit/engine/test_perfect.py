"""Perfect scaling: work that is not granted in time is done later."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opendt_streams.engine.native.queue.perfect import max_min
from opendt_streams.engine.native.simulation import Simulation, simulate
from opendt_streams.engine.task_columns import TaskColumns
from opendt_streams.errors import SimulationError
from opendt_streams.model.task import Task
from opendt_streams.model.topology import PowerModel, Topology
from tests.unit.engine.workloads import ORIGIN_MS, datacenter, host_group, task, tasks, topologies

MODEL = PowerModel("linear", 50.0, 150.0)


def perfect(topology: Topology, work: list[Task], interval_ms: int = 1000, semantics: str = "2.4f") -> Simulation:
    return simulate(topology, {}, TaskColumns.of(work), interval_ms=interval_ms, scaling="Perfect", semantics=semantics)


def ends(simulation: Simulation) -> list[int]:
    return [end - ORIGIN_MS for end in simulation.log.runs.end_ms.tolist()]


def executed(simulation: Simulation, run: int) -> list[tuple[int, float]]:
    """(start, demand) of each fragment, and the end."""
    runs = simulation.log.runs
    entries = slice(int(runs.first[run]), int(runs.last[run]))
    return list(zip(runs.edges.starts_ms[entries].tolist(), runs.edges.usage_mhz[entries].tolist(), strict=True))


def test_two_tasks_that_ask_for_all_of_a_host_take_twice_as_long() -> None:
    """1 core of 1000 MHz; both ask for 1000 MHz for 4 s; the second comes when the first has done half of it."""
    topology = datacenter(host_group(cores=2, model=MODEL))  # 2000 MHz
    simulation = perfect(topology, [task(1, 0, [(4000, 2000.0)]), task(2, 2000, [(4000, 2000.0)])])
    # From 2 s on each gets 1000 MHz: the first has 4 000 000 MHz ms left and ends at 6 s; the second then has as much and ends at 8 s.
    assert ends(simulation) == [6000, 8000]
    powers = [piece.clusters[0].power_w.tolist() for piece in simulation.pieces(marks=False)]
    # The end of 8 s was planned at 6 s, before the tick of 8 s was: the final row, then the tick's, after the end.
    assert powers == [[*[150.0] * 8, 50.0]]


def test_fragments_follow_one_another_when_their_work_is_done() -> None:
    topology = datacenter(host_group(cores=2))
    simulation = perfect(topology, [task(1, 0, [(1000, 2000.0), (1000, 500.0)]), task(2, 0, [(3000, 1000.0)])])
    # Both get 1000 MHz until the first fragment of task 1 is done after 2 s; then the host has enough.
    assert executed(simulation, 0) == [(0, 2000.0), (2000, 500.0), (3000, 0.0)]
    assert executed(simulation, 1) == [(0, 1000.0), (3000, 0.0)]


def test_fragments_without_work_take_no_time() -> None:
    simulation = perfect(datacenter(host_group()), [task(1, 0, [(5000, 0.0), (1000, 10.0), (0, 10.0)]), task(2, 0, [(5000, 0.0)])])
    assert ends(simulation) == [1000, 0]


def test_less_than_a_millisecond_of_work_is_none() -> None:
    """Three tasks share 1000 MHz: 333.33 MHz each, so 1000 MHz ms take 3 ms and 1 MHz ms nothing."""
    work = [task(i, 0, [(1, 1000.0), (1, 1.0)]) for i in range(3)]
    assert ends(perfect(datacenter(host_group(cores=1, memory_mib=10_000), host_group("big", cores=3)), work)) == [1 + 1, 1 + 1, 1 + 1]


roomy = st.just(datacenter(host_group(count=8, cores=40, memory_mib=100_000)))


@settings(max_examples=60, deadline=None)
@given(roomy, tasks())
def test_without_contention_it_is_no_delay(topology: Topology, work: list[Task]) -> None:
    """Whatever the usages: fractions of a MHz, too. Only fragments without usage differ, which take no time."""

    def busy_only(t: Task) -> list[tuple[int, float]]:
        return [(d, max(u, 0.1)) for d, u in zip(t.fragments.duration_ms.tolist(), t.fragments.cpu_usage_mhz.tolist(), strict=True)]

    busy = [task(t.id, t.submission_ms - ORIGIN_MS, busy_only(t)) for t in work]
    columns = TaskColumns.of(busy)
    plain = simulate(topology, {}, columns, interval_ms=1000)
    assert ends(perfect(topology, busy)) == ends(plain)
    assert rows(perfect(topology, busy)) == rows(plain)


def rows(simulation: Simulation) -> list[object]:
    found = [(p.clusters[0].power_w.tolist(), p.clusters[0].energy_j.tolist()) for p in simulation.pieces(marks=False)]
    return [simulation.rows.time_ms.tolist(), *found]


@settings(max_examples=150, deadline=None)
@given(topologies(carbon=False), tasks(), st.sampled_from(["2.4f", "2.4g+"]))
def test_all_work_is_done_and_no_host_does_more_than_it_can(topology: Topology, work: list[Task], semantics: str) -> None:
    try:
        simulation = perfect(topology, work, semantics=semantics)
    except SimulationError:  # a head of the queue that fits nowhere
        return
    runs, hosts, log = simulation.log.runs, simulation.hosts, simulation.log
    assert len(runs) + len(log.terminated) == len(work)
    of_run = [next(t for t in work if t.id == number) for number in log.tasks.id[runs.reference].tolist()]
    for h in range(len(hosts)):
        mine = np.flatnonzero(runs.host == h).tolist()
        if not mine:
            continue
        wanted = sum(float((of_run[i].fragments.duration_ms * of_run[i].fragments.cpu_usage_mhz).sum()) for i in mine)
        elapsed = int(runs.end_ms[mine].max() - runs.placed_ms[mine].min())
        # Rounding down loses less than a millisecond of work of each fragment.
        lost = sum(len(of_run[i].fragments) for i in mine) * float(hosts.capacity_mhz[h])
        assert wanted <= elapsed * float(hosts.capacity_mhz[h]) + lost
    for i, t in enumerate(of_run):
        shortest = int(t.fragments.duration_ms[t.fragments.cpu_usage_mhz > 0].sum())
        assert runs.end_ms[i] - runs.placed_ms[i] >= shortest - len(t.fragments)
    assert rows(simulation) == rows(perfect(topology, work, semantics=semantics))


@given(st.lists(st.floats(0.1, 3000.0), min_size=1, max_size=8), st.floats(1.0, 5000.0))
def test_laws_of_max_min(demands: list[float], supply: float) -> None:
    granted = max_min(demands, supply)
    assert sum(granted) == pytest.approx(min(sum(demands), supply))
    assert all(0 < g <= d for g, d in zip(granted, demands, strict=True))
    unmet = [g for g, d in zip(granted, demands, strict=True) if g < d]
    assert all(g == pytest.approx(max(granted)) for g in unmet)


def test_what_would_run_for_ever_is_refused_by_its_task() -> None:
    with pytest.raises(SimulationError, match=r"task 7: .*run for ever") as error:
        perfect(datacenter(host_group(cores=1)), [task(7, 0, [(10**12, 1e15)])])
    assert error.value.task == 7


def test_a_run_of_many_years_is_refused() -> None:
    with pytest.raises(SimulationError, match="rows"):
        simulate(datacenter(host_group()), {}, TaskColumns.of([task(1, 0, [(10**12, 1.0)])]), interval_ms=1000)
