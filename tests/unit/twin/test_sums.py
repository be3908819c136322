"""Sums of what stands on the topic are those of the engine that ran it all at once, however small or large the site (decision 14)."""

from __future__ import annotations

from dataclasses import replace
from math import fsum

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opendt_streams.engine.native import NATIVE
from opendt_streams.engine.native.simulation import simulate
from opendt_streams.engine.port import EngineSettings, Submission
from opendt_streams.engine.task_columns import TaskColumns
from opendt_streams.model.basis import basis_energy_j, basis_power_w
from opendt_streams.model.canonical import canonical
from opendt_streams.model.carbon import CarbonTrace, carbon_trace
from opendt_streams.model.result import WindowResult
from opendt_streams.model.task import Task
from opendt_streams.model.topology import Cluster, PowerModel, Topology
from opendt_streams.twin.intake import Counts
from opendt_streams.twin.results import window_result
from opendt_streams.twinlog.totals import Totals
from opendt_streams.wire import topics
from opendt_streams.wire.decode import decode
from opendt_streams.wire.messages import ResultRecorded
from opendt_streams.wire.twin import result_value
from tests.unit.engine.workloads import ORIGIN_MS, host_group, task

LAW = 1e-9
ROW_MS, WINDOW_MS = 30_000, 300_000
SHAPES = (
    PowerModel("linear", 2.7, 6.4),
    PowerModel("mse", 60.0, 250.0, calibration_factor=1.2),
    PowerModel("busy-linear", 60.1, 0.0, busy_power_w=20.2, slope_power_w=70.7),
)


def scaled(model: PowerModel, factor: float) -> PowerModel:
    names = ("idle_power_w", "max_power_w", "busy_power_w", "slope_power_w")
    return replace(model, **{name: getattr(model, name) * factor for name in names})


def published(topology: Topology, traces: dict[str, CarbonTrace], work: list[Task], windows: int) -> list[WindowResult]:
    """What the simulator writes, read back from its bytes."""
    engine = NATIVE.start(EngineSettings(ORIGIN_MS, ROW_MS), topology, traces)
    found = []
    for start in range(ORIGIN_MS, ORIGIN_MS + windows * WINDOW_MS, WINDOW_MS):
        end = start + WINDOW_MS
        entering = [Submission(t, t.submission_ms, t.id) for t in work if start <= t.submission_ms < end]
        computed = engine.advance(end, entering)
        made = window_result(
            datacenter="DC",
            start_ms=start,
            end_ms=end,
            topology_event="",
            drain=False,
            counts=Counts(),
            computed=computed,
            simulated=topology,
            requeued=0,
        )
        value = result_value(made)
        message = decode(topics.RESULTS, canonical(value), {"opendt_ledger": "0"})
        assert isinstance(message, ResultRecorded)
        found.append(message.result)
    return found


def at_once(topology: Topology, traces: dict[str, CarbonTrace], work: list[Task]) -> list[tuple[float, float]]:
    """(energy [J], carbon [g]) of each cluster up to the end of the last task, unrounded: what `opendt engine run` exports."""
    pieces = [piece.clusters for piece in simulate(topology, traces, TaskColumns.of(work), interval_ms=ROW_MS).pieces(marks=False)]
    return [tuple(fsum(fsum(getattr(p[c], n)) for p in pieces) for n in ("energy_j", "carbon_g")) for c in range(len(pieces[0]))]  # type: ignore[misc]


@settings(max_examples=40, deadline=None)
@given(
    size=st.integers(-9, 9),
    intensity=st.floats(1e-6, 1e3),
    shapes=st.lists(st.sampled_from(SHAPES), min_size=1, max_size=3),
    windows=st.integers(1, 60),
    usage=st.lists(st.floats(0.001, 1000.0), min_size=1, max_size=7),
)
def test_totals_of_a_run_are_those_of_the_engine(
    size: int, intensity: float, shapes: list[PowerModel], windows: int, usage: list[float]
) -> None:
    clusters = [Cluster(f"C{i}", (host_group(model=scaled(m, 10.0**size)),), carbon_trace="trace") for i, m in enumerate(shapes)]
    topology, traces = Topology(tuple(clusters)), {"trace": carbon_trace([0, ORIGIN_MS + 70_000], [intensity / 3, intensity])}
    length_ms = windows * WINDOW_MS
    pieces = [(int(t), usage[i % len(usage)]) for i, t in enumerate(np.diff(np.linspace(0, length_ms, 5 * windows + 2).astype(int)))]
    work = [task(1, 0, pieces)]
    results, exact = published(topology, traces, work, windows), at_once(topology, traces, work)
    totals = Totals()
    for result in results:
        totals.take(result)
    found = totals.document()
    assert found["energy_kwh"] == pytest.approx(fsum(e for e, _ in exact) / 3.6e6, rel=LAW)
    assert found["carbon_kg"] == pytest.approx(fsum(c for _, c in exact) / 1000, rel=LAW)
    for cluster, (energy_j, carbon_g) in zip(found["clusters"].values(), exact, strict=True):
        assert cluster["energy_kwh"] == pytest.approx(energy_j / 3.6e6, rel=LAW)
        assert cluster["carbon_kg"] == pytest.approx(carbon_g / 1000, rel=LAW)
    for result in results:
        assert result.total is not None
        power = sum(basis_power_w(b, clusters[b.cluster].host_groups[b.group].power_model) for b in result.basis)
        energy = sum(basis_energy_j(b, clusters[b.cluster].host_groups[b.group].power_model, WINDOW_MS) for b in result.basis)
        assert np.asarray(power) == pytest.approx(result.total.power_w, rel=5e-11)
        assert energy == pytest.approx(fsum(result.total.energy_j), rel=1e-10)


def test_a_small_site_has_carbon() -> None:
    """One board of 2.7 W for four hours at 22 g/kWh: 38,880 J and 0.2376 g, in rows of half a milligram."""
    topology = Topology((Cluster("C", (host_group(model=PowerModel("linear", 2.7, 6.4)),), carbon_trace="trace"),))
    results = published(topology, {"trace": carbon_trace([0], [22.0])}, [task(1, 0, [(14_400_000, 0.0)])], 48)
    carbon = [g for r in results if r.total is not None and r.total.carbon_g is not None for g in r.total.carbon_g]
    assert len(carbon) == 480
    assert fsum(carbon) == pytest.approx(0.2376, rel=1e-11)
    assert carbon[0] == pytest.approx(0.000495, rel=1e-11)


def test_of_clusters_of_which_one_has_a_trace_the_total_is_unknown_and_its_own_carbon_known() -> None:
    clusters = (Cluster("known", (host_group(),), carbon_trace="trace"), Cluster("dark", (host_group(),), carbon_trace=None))
    results = published(Topology(clusters), {"trace": carbon_trace([0], [100.0])}, [task(1, 0, [(600_000, 500.0)])], 2)
    totals = Totals()
    for result in results:
        assert result.total is not None
        assert (result.total.carbon_g, result.total.carbon_intensity_g_per_kwh) == (None, None)
        totals.take(result)
    found = totals.document()
    assert found["carbon_kg"] is None
    assert found["energy_kwh"] == pytest.approx(fsum(c["energy_kwh"] for c in found["clusters"].values()))
    assert found["clusters"]["dark"]["carbon_kg"] is None
    assert found["clusters"]["known"]["carbon_kg"] == pytest.approx(found["clusters"]["known"]["energy_kwh"] * 0.1)
