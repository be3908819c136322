"""Whole experiments, bit by bit against the literal event queue."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opendt_streams.engine.native.simulation import Simulation, simulate
from opendt_streams.engine.native.tables.host import HostTable
from opendt_streams.engine.native.tables.service import ServiceTable
from opendt_streams.engine.task_columns import TaskColumns
from opendt_streams.errors import SimulationError
from opendt_streams.model.carbon import CarbonTrace
from opendt_streams.model.task import Task
from opendt_streams.model.topology import Topology
from tests.unit.engine.opendc_queue import Queue, Row
from tests.unit.engine.workloads import tasks, topologies, traces


def rows_of(simulation: Simulation, *, marks: bool) -> list[Row]:
    hosts = len(simulation.hosts)
    host_table, service_table = HostTable(simulation), ServiceTable(simulation)
    rows = []
    for piece in simulation.pieces(marks=marks):
        service = service_table.rows(piece)
        counters = np.stack([service[f"tasks_{c}"] for c in ("total", "pending", "active", "completed", "terminated")], axis=1)
        count = piece.end - piece.first
        demand, running = np.full((count, hosts), np.nan), np.zeros((count, hosts))
        if marks:
            host = host_table.rows(piece)
            demand, running = np.reshape(host["cpu_demand"], (count, hosts)), np.reshape(host["tasks_running"], (count, hosts))
        for i in range(count):
            sources = tuple(
                (float(c.power_w[i]), float(c.energy_j[i]), float(c.carbon_intensity_g_per_kwh[i]), float(c.carbon_g[i]))
                for c in piece.clusters
            )
            time = int(simulation.rows.time_ms[piece.first + i])
            total, pending, active, completed, terminated = counters[i].tolist()
            rows.append(
                Row(time, sources, (total, pending, active, completed, terminated), tuple(demand[i].tolist()), tuple(running[i].tolist()))
            )
    return rows


def runs_of(simulation: Simulation) -> list[tuple[int, ...]]:
    runs = simulation.log.runs
    columns = simulation.log.tasks.id[runs.reference], runs.host, runs.placed_ms, runs.end_ms
    return list(zip(*(c.tolist() for c in columns), strict=True))


@settings(max_examples=200, deadline=None)
@given(topologies(), traces(), tasks(), st.sampled_from([1000, 1500, 2000, 3000]))
def test_everything_is_as_in_the_queue(topology: Topology, carbon: dict[str, CarbonTrace], work: list[Task], interval_ms: int) -> None:
    expected = Queue(topology, carbon, work, interval_ms)
    try:
        simulation = simulate(topology, carbon, TaskColumns.of(work), interval_ms=interval_ms)
    except SimulationError:
        assert expected.blocked
        return
    assert not expected.blocked
    assert runs_of(simulation) == [(x.task.id, x.host.number, x.placed, x.end) for x in expected.lives]
    assert [job.id for job, _ in simulation.log.terminated] == [t.id for t in expected.terminated]
    with_hosts, without_hosts = rows_of(simulation, marks=True), rows_of(simulation, marks=False)
    assert [(r.time, r.counters, r.running) for r in with_hosts] == [(r.time, r.counters, r.running) for r in expected.rows]
    for row, wanted in zip(with_hosts, expected.rows, strict=True):
        assert row.demand == pytest.approx(wanted.demand, rel=1e-12, abs=1e-9)
    assert [(r.time, r.sources, r.counters) for r in with_hosts] == [(r.time, r.sources, r.counters) for r in without_hosts]
    for row, wanted in zip(with_hosts, expected.rows, strict=True):
        for (power, energy, intensity, carbon_g), (p, e, i, c) in zip(row.sources, wanted.sources, strict=True):
            assert (power, intensity) == (p, i)
            # Where power falls and rises back at one instant, OpenDC adds in two parts what we add in one: a last bit of float64.
            assert energy == pytest.approx(e, rel=1e-12)
            assert carbon_g == pytest.approx(c, rel=1e-12)
