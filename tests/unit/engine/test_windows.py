"""Laws of the engine as the twin uses it: window by window."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opendt_streams.engine.native import NATIVE
from opendt_streams.engine.native.placement import SEMANTICS
from opendt_streams.engine.port import Engine, EngineSettings, EngineWindow, Submission
from opendt_streams.errors import BadInput, SimulationError
from opendt_streams.model.basis import basis_energy_j, basis_power_w
from opendt_streams.model.carbon import CarbonTrace
from opendt_streams.model.task import Task
from opendt_streams.model.topology import Cluster, PowerModel, Topology
from tests.unit.engine.workloads import ORIGIN_MS, datacenter, host_group, task, tasks, topologies, traces

STEP_MS = 1000
END_MS = ORIGIN_MS + 60 * STEP_MS
SETTINGS = EngineSettings(ORIGIN_MS, STEP_MS)


def submissions(work: Sequence[Task]) -> list[Submission]:
    return [Submission(t, t.submission_ms, t.id) for t in sorted(work, key=lambda t: t.submission_ms)]


def advance(engine: Engine, until_ms: int, work: Sequence[Task]) -> EngineWindow:
    return engine.advance(until_ms, [s for s in submissions(work) if engine.now_ms <= s.at_ms < until_ms])


def rests(models: Iterable[PowerModel]) -> float:
    """What the rests of sums may make of power [W]: they are too small for the basis, and show with steep models only."""
    return 1e-5 if any(m.model_type == "sqrt" or m.calibration_factor < 1 for m in models) else 0.0


def columns(windows: Sequence[EngineWindow]) -> list[Any]:
    """Everything that rows say, comparable with ==."""
    return [
        (
            name,
            [np.concatenate([getattr(w.clusters[c], name) for w in windows]).tolist() for c in range(len(windows[0].clusters))],
        )
        for name in ("power_w", "energy_j", "carbon_intensity_g_per_kwh", "carbon_g")
    ]


def counts(windows: Sequence[EngineWindow]) -> tuple[int, ...]:
    last = windows[-1]
    return (
        *(sum(getattr(w, name) for w in windows) for name in ("submitted", "completed", "terminated")),
        last.running,
        last.queued,
    )


cuts = st.lists(st.integers(1, 59), max_size=6, unique=True).map(lambda c: [ORIGIN_MS + i * STEP_MS for i in sorted(c)] + [END_MS])


kinds = st.builds(
    EngineSettings,
    st.just(ORIGIN_MS),
    st.just(STEP_MS),
    policy=st.sampled_from(["Mem", "Mem", "CoreMemInv", "ActiveServers", "ProvisionedCoresInv", "Random"]),
    semantics=st.sampled_from(SEMANTICS),
    seed=st.integers(0, 3),
)


@settings(max_examples=200, deadline=None)
@given(topologies(), traces(), tasks(), cuts, kinds)
def test_however_time_is_cut_and_restored_the_same_comes_out(
    topology: Topology, carbon: dict[str, CarbonTrace], work: list[Task], edges: list[int], kind: EngineSettings
) -> None:
    whole = [advance(NATIVE.start(kind, topology, carbon), END_MS, work)]
    by_reference = {t.id: t for t in work}
    engine = NATIVE.start(kind, topology, carbon)
    windows = []
    for edge in edges:
        windows.append(advance(engine, edge, work))
        state = json.loads(json.dumps(engine.checkpoint()))
        assert engine.references() == tuple(sorted({*state["queue"], *state["running"]["reference"]}))
        engine = NATIVE.restore(kind, topology, carbon, state, by_reference.__getitem__)
        assert engine.checkpoint() == state
    assert columns(windows) == columns(whole)
    assert counts(windows) == counts(whole)
    for g, group in enumerate(whole[0].basis):
        parts = [w.basis[g] for w in windows]
        assert group.demand_mhz == tuple(d for p in parts for d in p.demand_mhz)
        assert group.host_count == tuple(n for p in parts for n in p.host_count)
        assert sum(group.window_host_ms) == sum(ms for p in parts for ms in p.window_host_ms)


@settings(max_examples=100, deadline=None)
@given(topologies(), traces(), tasks(), kinds)
def test_every_task_is_accounted_for_and_nothing_is_left_at_the_end(
    topology: Topology, carbon: dict[str, CarbonTrace], work: list[Task], kind: EngineSettings
) -> None:
    engine = NATIVE.start(kind, topology, carbon)
    windows = [advance(engine, ORIGIN_MS + i * 10 * STEP_MS, work) for i in range(1, 30)]
    submitted, completed, terminated, running, queued = counts(windows)
    assert submitted == len(work) == completed + terminated + running + queued
    assert running == 0
    assert engine.idle


@settings(max_examples=60, deadline=None)
@given(topologies(carbon=False), tasks())
def test_energy_does_not_depend_on_the_rows_and_is_the_sum_over_them(topology: Topology, work: list[Task]) -> None:
    coarse = advance(NATIVE.start(EngineSettings(ORIGIN_MS, 20 * STEP_MS), topology, {}), END_MS, work)
    fine = advance(NATIVE.start(SETTINGS, topology, {}), END_MS, work)
    for a, b in zip(coarse.clusters, fine.clusters, strict=True):
        assert a.energy_j == pytest.approx(b.energy_j.reshape(-1, 20).sum(axis=1), rel=1e-12)
        assert a.power_w.tolist() == b.power_w[19::20].tolist()


@settings(max_examples=60, deadline=None)
@given(topologies(), traces(), tasks())
def test_clusters_add_up_to_the_datacenter_and_every_number_is_finite(
    topology: Topology, carbon: dict[str, CarbonTrace], work: list[Task]
) -> None:
    """The same hosts in the same order in a single cluster draw what the clusters draw together."""
    one = Topology((Cluster("all", tuple(g for c in topology.clusters for g in c.host_groups)),))
    apart, together = (advance(NATIVE.start(SETTINGS, t, carbon), END_MS, work).clusters for t in (topology, one))
    for name in ("power_w", "energy_j"):
        assert sum(getattr(c, name) for c in apart) == pytest.approx(getattr(together[0], name), rel=1e-12)
    for c in apart:
        assert all(np.isfinite(column).all() for column in (c.power_w, c.energy_j, c.carbon_intensity_g_per_kwh, c.carbon_g))


def test_tasks_of_one_instant_are_placed_in_the_given_order() -> None:
    work = [task(i, 0, [(1000 * i, 100.0)]) for i in (3, 1, 2)]
    engine = NATIVE.start(SETTINGS, datacenter(host_group(cores=1)), {})
    ends = [advance(engine, ORIGIN_MS + i * STEP_MS, work).completed for i in range(1, 8)]
    assert ends == [0, 0, 1, 1, 0, 1, 0]


@settings(max_examples=100, deadline=None)
@given(topologies(carbon=False), tasks())
def test_the_basis_gives_the_power_and_energy_of_the_simulation(topology: Topology, work: list[Task]) -> None:
    window = advance(NATIVE.start(SETTINGS, topology, {}), END_MS, work)
    for c, rows in enumerate(window.clusters):
        mine = [(b, topology.clusters[c].host_groups[b.group].power_model) for b in window.basis if b.cluster == c]
        rest_w = rests(model for _, model in mine)
        assert rows.power_w == pytest.approx(sum(basis_power_w(b, model) for b, model in mine), rel=1e-9, abs=rest_w)
        energy = sum(basis_energy_j(b, model, END_MS - ORIGIN_MS) for b, model in mine)
        assert rows.energy_j.sum() == pytest.approx(energy, rel=1e-9, abs=60 * rest_w)


@settings(max_examples=60, deadline=None)
@given(topologies(carbon=False), tasks(), st.floats(0.5, 5.0))
def test_the_basis_answers_for_other_power_parameters(topology: Topology, work: list[Task], exponent: float) -> None:
    window = advance(NATIVE.start(SETTINGS, topology, {}), END_MS, work)
    for model in (
        PowerModel("mse", 31.0, 113.0, calibration_factor=exponent),
        PowerModel("asymptotic", 31.0, 113.0, asym_util=0.3, dvfs=exponent > 2),
        PowerModel("cubic", 31.0, 113.0),
    ):
        models = {(c, h): model for c, h, _ in topology.host_groups}
        simulated = advance(NATIVE.start(SETTINGS, topology.with_power_models(models), {}), END_MS, work)
        rest_w = rests([model])
        expected_w = sum(basis_power_w(b, model) for b in window.basis)
        assert sum(r.power_w for r in simulated.clusters) == pytest.approx(expected_w, rel=1e-9, abs=rest_w)
        energy = sum(basis_energy_j(b, model, END_MS - ORIGIN_MS) for b in window.basis)
        assert sum(r.energy_j.sum() for r in simulated.clusters) == pytest.approx(energy, rel=1e-9, abs=60 * rest_w)


def test_an_idle_datacenter_draws_what_its_models_say_at_zero() -> None:
    topology = datacenter(host_group(count=3), host_group("B", count=2, model=PowerModel("constant", 1.0, 2.0, power_w=9.5)))
    window = NATIVE.start(SETTINGS, topology, {}).advance(ORIGIN_MS + 2 * STEP_MS, [])
    assert window.clusters[0].power_w.tolist() == [169.0, 169.0]
    assert window.clusters[0].energy_j.tolist() == [169.0, 169.0]
    assert [b.demand_mhz for b in window.basis] == [((), ()), ((), ())]


def test_rows_are_left_limits_and_what_happens_at_the_end_of_a_window_belongs_to_it() -> None:
    engine = NATIVE.start(SETTINGS, datacenter(host_group(cores=1)), {})
    window = advance(engine, ORIGIN_MS + 2 * STEP_MS, [task(1, 0, [(2000, 1000.0)])])
    assert window.clusters[0].power_w.tolist() == [150.0, 150.0]
    assert (window.completed, window.running) == (1, 0)
    assert engine.idle


def test_a_task_without_any_usage_ends_where_it_is_placed() -> None:
    window = advance(NATIVE.start(SETTINGS, datacenter(host_group()), {}), ORIGIN_MS + STEP_MS, [task(1, 0, [(5000, 0.0), (5000, 0.0)])])
    assert (window.completed, window.running) == (1, 0)


def test_a_task_waits_for_the_next_whole_second() -> None:
    window = advance(NATIVE.start(SETTINGS, datacenter(host_group(cores=1)), {}), ORIGIN_MS + 3 * STEP_MS, [task(1, 300, [(1000, 1000.0)])])
    assert window.clusters[0].power_w.tolist() == [50.0, 150.0, 50.0]


def test_the_head_of_the_queue_blocks_and_what_is_too_big_is_terminated() -> None:
    work = [task(1, 0, [(5000, 1.0)], cores=3), task(2, 0, [(5000, 1.0)], cores=2), task(3, 0, [(5000, 1.0)], cores=1)]
    engine = NATIVE.start(SETTINGS, datacenter(host_group(cores=4)), {})
    window = advance(engine, ORIGIN_MS + 2 * STEP_MS, [*work, task(4, 0, [(1, 1.0)], cores=5)])
    assert (window.running, window.queued, window.terminated) == (1, 3, 0)
    assert not engine.idle
    window = engine.advance(ORIGIN_MS + 6 * STEP_MS, [])
    assert (window.running, window.queued, window.terminated, window.completed) == (2, 0, 1, 1)


def test_what_never_fits_leaves_the_engine_idle() -> None:
    topology = datacenter(host_group("many cores", cores=8, memory_mib=100), host_group("much memory", cores=1, memory_mib=1000))
    engine = NATIVE.start(SETTINGS, topology, {})
    window = advance(engine, ORIGIN_MS + STEP_MS, [task(1, 0, [(1000, 1.0)], cores=8, memory_mib=1000)])
    assert (window.queued, engine.idle) == (1, True)


def test_new_power_parameters_hold_from_the_start_of_the_next_window() -> None:
    topology = datacenter(host_group(cores=1))
    engine = NATIVE.start(SETTINGS, topology, {})
    first = advance(engine, ORIGIN_MS + STEP_MS, [task(1, 0, [(3000, 500.0)])])
    assert engine.apply(topology.with_power_models({(0, 0): PowerModel("linear", 10.0, 20.0)}), {}) == 0
    second = engine.advance(ORIGIN_MS + 2 * STEP_MS, [])
    assert (first.clusters[0].power_w.tolist(), second.clusters[0].power_w.tolist()) == ([100.0], [15.0])
    assert second.clusters[0].energy_j.tolist() == [15.0]
    assert second.running == 1


def test_tasks_of_removed_hosts_start_over_from_the_head_of_the_queue() -> None:
    before = datacenter(host_group("A", count=2, cores=1), host_group("B", count=1, cores=1))
    after = datacenter(host_group("A", count=1, cores=1), host_group("B", count=1, cores=1))
    work = [task(i, 0, [(4000, 100.0 * i)]) for i in (1, 2, 3, 4)]
    engine = NATIVE.start(SETTINGS, before, {})
    advance(engine, ORIGIN_MS + 2 * STEP_MS, work)
    assert engine.apply(after, {}) == 1
    state = engine.checkpoint()
    assert state["queue"] == [2, 4]
    assert state["running"] == {"reference": [1, 3], "host": [0, 1], "placed_ms": [ORIGIN_MS, ORIGIN_MS]}
    window = engine.advance(ORIGIN_MS + 4 * STEP_MS, [])
    assert (window.requeued, window.completed, window.running, window.queued) == (1, 2, 0, 2)
    window = engine.advance(ORIGIN_MS + 5 * STEP_MS, [])
    assert (window.requeued, window.completed, window.running, window.queued) == (0, 0, 2, 0)
    assert engine.checkpoint()["running"] == {"reference": [2, 4], "host": [0, 1], "placed_ms": [ORIGIN_MS + 4 * STEP_MS] * 2}
    assert engine.advance(ORIGIN_MS + 9 * STEP_MS, []).completed == 2


def test_more_hardware_takes_up_what_waits_at_once() -> None:
    engine = NATIVE.start(SETTINGS, datacenter(host_group(cores=1)), {})
    advance(engine, ORIGIN_MS + STEP_MS, [task(1, 0, [(9000, 1.0)]), task(2, 0, [(9000, 1.0)])])
    engine.apply(datacenter(host_group(cores=1, count=2)), {})
    assert engine.checkpoint()["pass_ms"] == ORIGIN_MS + STEP_MS
    assert engine.advance(ORIGIN_MS + 2 * STEP_MS, []).running == 2


def test_with_newer_semantics_memory_is_not_over_committed_and_tasks_without_usage_take_their_time() -> None:
    work = [task(1, 0, [(5000, 0.0)], memory_mib=800), task(2, 0, [(5000, 1.0)], memory_mib=400)]
    older, newer = (
        advance(NATIVE.start(EngineSettings(ORIGIN_MS, STEP_MS, semantics=s), datacenter(host_group()), {}), ORIGIN_MS + 4 * STEP_MS, work)
        for s in SEMANTICS
    )
    assert (older.completed, older.running, older.queued) == (1, 1, 0)
    assert (newer.completed, newer.running, newer.queued) == (0, 1, 1)


def test_the_order_of_pools_outlives_a_change_of_the_hardware() -> None:
    """v2.4g+: hosts become empty in the order 1, 0; the next task goes to the one that waits longest, also on the new topology."""
    group = host_group(count=2, cores=1)
    before, after = datacenter(group), datacenter(replace(group, count=3))
    work = [task(1, 0, [(4000, 1.0)]), task(2, 0, [(3000, 1.0)]), task(3, 5000, [(9000, 1.0)]), task(4, 5000, [(9000, 1.0)])]
    placed = []
    for topology in (before, after):
        engine = NATIVE.start(EngineSettings(ORIGIN_MS, STEP_MS, semantics="2.4g+"), before, {})
        advance(engine, ORIGIN_MS + 5 * STEP_MS, work)
        if topology is not before:
            assert engine.apply(topology, {}) == 0
        advance(engine, ORIGIN_MS + 6 * STEP_MS, work)
        state: Any = engine.checkpoint()
        placed.append(dict(zip(state["running"]["reference"], state["running"]["host"], strict=True)))
    assert placed == [{3: 1, 4: 0}, {3: 1, 4: 0}]


@pytest.mark.parametrize("pieces", [[(-1, 1.0)], [(1, float("nan"))], [(1, -1.0)], [(1, float("inf"))], [], [(2**62, 1.0), (2**62, 1.0)]])
def test_impossible_tasks_raise_and_leave_the_engine_as_it_was(pieces: list[tuple[int, float]]) -> None:
    engine = NATIVE.start(SETTINGS, datacenter(host_group()), {})
    advance(engine, ORIGIN_MS + STEP_MS, [task(1, 0, [(9000, 1.0)])])
    before = engine.checkpoint()
    with pytest.raises(SimulationError, match="task 2") as error:
        advance(engine, ORIGIN_MS + 2 * STEP_MS, [task(4, 1000, [(1, 1.0)]), task(2, 1000, pieces), task(3, 1000, [(1, 1.0)])])
    assert error.value.task == 2
    assert engine.checkpoint() == before
    assert engine.advance(ORIGIN_MS + 2 * STEP_MS, []).running == 1


def test_power_without_a_finite_value_raises_and_leaves_the_engine_as_it_was() -> None:
    topology = datacenter(
        host_group(model=PowerModel("linear", 1e308, 1e308)), host_group(model=PowerModel("constant", 1, 1, power_w=float("inf")))
    )
    engine = NATIVE.start(SETTINGS, topology, {})
    before = engine.checkpoint()
    with pytest.raises(SimulationError, match="no finite power"):
        advance(engine, ORIGIN_MS + STEP_MS, [task(1, 0, [(9000, 1.0)])])
    assert (engine.checkpoint(), engine.now_ms) == (before, ORIGIN_MS)


def test_a_missing_carbon_trace_is_named() -> None:
    with pytest.raises(BadInput, match=r"'carbon\.parquet'"):
        NATIVE.start(SETTINGS, datacenter(host_group(), carbon="carbon.parquet"), {})


def test_unknown_semantics_and_policies_are_refused() -> None:
    with pytest.raises(BadInput, match="Timeshift"):
        NATIVE.start(EngineSettings(ORIGIN_MS, STEP_MS, policy="Timeshift"), datacenter(host_group()), {})
    with pytest.raises(BadInput, match=r"2\.3.*2\.4f, 2\.4g\+"):
        NATIVE.start(EngineSettings(ORIGIN_MS, STEP_MS, semantics="2.3"), datacenter(host_group()), {})


def test_submissions_outside_of_the_span_are_a_mistake_of_the_caller() -> None:
    engine = NATIVE.start(SETTINGS, datacenter(host_group()), {})
    early, late = task(1, 0, [(1000, 1.0)]), task(2, 500, [(1000, 1.0)])
    for wrong in (
        [Submission(late, late.submission_ms, 2), Submission(early, early.submission_ms, 1)],
        [Submission(early, ORIGIN_MS + STEP_MS, 1)],
    ):
        with pytest.raises(ValueError, match="submissions must be sorted"):
            engine.advance(ORIGIN_MS + STEP_MS, wrong)
