"""What the adapter does around OpenDC's answers: which questions it asks, what it keeps of an answer, how it fails, what it stores."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opendt_streams.engine.native import NATIVE
from opendt_streams.engine.opendc.engine import OpenDcEngine
from opendt_streams.engine.opendc.hardware import unknown_model
from opendt_streams.engine.opendc.kind import OpenDcKind
from opendt_streams.engine.opendc.runner import NoAnswer
from opendt_streams.engine.port import Engine, EngineSettings, EngineWindow, Submission
from opendt_streams.errors import SimulationError
from opendt_streams.model.carbon import CarbonTrace
from opendt_streams.model.task import Task
from opendt_streams.model.topology import PowerModel, Topology
from tests.unit.engine.workloads import ORIGIN_MS, datacenter, host_group, task, tasks, topologies, traces
from tests.unit.opendc.in_process import InProcess, kind

STEP_MS = 1000
SETTINGS = EngineSettings(ORIGIN_MS, STEP_MS)
DC = datacenter(host_group(count=2))
LONG = [(1, task(1, 0, [(60_000, 500.0)])), (2, task(2, 0, [(60_000, 700.0)]))]


def at(second: int) -> int:
    return ORIGIN_MS + second * STEP_MS


def entering(*work: Task) -> list[Submission]:
    return [Submission(t, t.submission_ms, t.id) for t in work]


def started(runner: InProcess, topology: Topology = DC) -> OpenDcEngine:
    engine = kind(runner).start(SETTINGS, topology, {})
    assert isinstance(engine, OpenDcEngine)
    return engine


def energy(window: EngineWindow) -> list[list[float]]:
    return [c.energy_j.tolist() for c in window.clusters]


@settings(max_examples=12, deadline=None)
@given(topologies(), traces(), tasks(), st.lists(st.integers(1, 59), max_size=3, unique=True))
def test_energy_is_the_native_engines_however_time_is_cut(
    topology: Topology, carbon: dict[str, CarbonTrace], work: list[Task], cuts: list[int]
) -> None:
    """Final rows, rows of one instant, idle ends, gaps, tasks that never start: whatever the run has, the window's rows are whole."""
    if unknown_model(topology) is not None:
        return
    ours, theirs = NATIVE.start(SETTINGS, topology, carbon), kind().start(SETTINGS, topology, carbon)
    submissions = sorted(entering(*work), key=lambda s: s.at_ms)
    for edge in [*(at(c) for c in sorted(cuts)), at(60)]:
        mine = [s for s in submissions if ours.now_ms <= s.at_ms < edge]
        a, b = ours.advance(edge, mine), theirs.advance(edge, mine)
        assert (a.submitted, a.completed, a.running, a.queued, a.basis) == (b.submitted, b.completed, b.running, b.queued, b.basis)
        for x, y in zip(a.clusters, b.clusters, strict=True):
            assert x.name == y.name
            assert y.energy_j == pytest.approx(x.energy_j, rel=1e-6)
            assert y.carbon_g == pytest.approx(x.carbon_g, rel=1e-6, abs=1e-9)
            assert len(y.power_w) == len(a.row_ms)


def test_a_run_answers_for_later_windows_without_new_tasks() -> None:
    runner = InProcess()
    engine = started(runner)
    engine.advance(at(10), entering(LONG[0][1]))
    for second in (20, 30, 59):
        engine.advance(at(second), [])
    assert runner.invocations == 1
    engine.advance(at(70), [])  # behind the end of the run
    assert runner.invocations == 2
    engine.advance(at(80), [])  # nothing runs any more
    assert runner.invocations == 2


def test_new_tasks_and_new_parameters_are_simulated_again() -> None:
    runner = InProcess()
    engine = started(runner)
    engine.advance(at(10), entering(LONG[0][1]))
    engine.advance(at(20), entering(replace(LONG[1][1], submission_ms=at(12))))
    assert runner.invocations == 2
    engine.apply(DC.with_power_models({(0, 0): PowerModel("linear", 60.0, 150.0)}), {})
    window = engine.advance(at(30), [])
    assert runner.invocations == 3
    assert window.clusters[0].power_w.min() > 120.0


def test_several_windows_are_one_run_when_their_tasks_are_known() -> None:
    runner = InProcess()
    engine, alone = started(runner), started(InProcess())
    second = entering(replace(LONG[1][1], submission_ms=at(12)))
    engine.expect(at(30), second)
    windows = [engine.advance(at(10), entering(LONG[0][1])), engine.advance(at(20), second), engine.advance(at(30), [])]
    assert runner.invocations == 1
    assert [energy(w) for w in windows] == [
        energy(alone.advance(at(10), entering(LONG[0][1]))),
        energy(alone.advance(at(20), second)),
        energy(alone.advance(at(30), [])),
    ]


def test_what_comes_later_never_decides_whether_there_is_an_answer() -> None:
    runner = InProcess(fails=lambda tasks: tasks == 3)  # two tasks and the one that ends the run
    engine = started(runner)
    second = entering(replace(LONG[1][1], submission_ms=at(12)))
    engine.expect(at(20), second)
    assert engine.advance(at(10), entering(LONG[0][1])).running == 1
    assert runner.asked == [3, 2]
    with pytest.raises(NoAnswer):
        engine.advance(at(20), second)


def test_after_a_failure_it_is_as_it_was() -> None:
    engine = started(InProcess(fails=lambda tasks: tasks > 2))
    engine.advance(at(10), entering(LONG[0][1]))
    before = engine.checkpoint()
    with pytest.raises(NoAnswer):
        engine.advance(at(20), entering(replace(LONG[1][1], submission_ms=at(12))))
    assert engine.checkpoint() == before
    assert engine.now_ms == at(10)
    assert engine.advance(at(20), []).running == 1


def test_hardware_may_not_change_while_it_runs_and_is_named() -> None:
    runner = InProcess()
    engine = started(runner)
    engine.advance(at(10), entering(LONG[0][1]))
    assert engine.apply(datacenter(host_group(count=3)), {}) == 0
    with pytest.raises(SimulationError, match="count of host entry 0 of cluster 0 was 2 and would be 3"):
        engine.advance(at(20), [])
    engine.apply(DC, {})
    assert engine.advance(at(20), []).running == 1


def test_a_refused_topology_is_still_refused_after_a_restart() -> None:
    engine = started(InProcess())
    engine.advance(at(10), entering(LONG[0][1]))
    other = datacenter(host_group(count=2, cores=8))
    engine.apply(other, {})
    state = json.loads(json.dumps(engine.checkpoint()))
    again = kind().restore(SETTINGS, other, {}, state, {1: LONG[0][1]}.__getitem__)
    with pytest.raises(SimulationError, match="cores_per_cpu of host entry 0 of cluster 0 was 4 and would be 8"):
        again.advance(at(20), [])
    again.apply(DC, {})
    assert energy(again.advance(at(20), [])) == energy(started_over(engine).advance(at(20), []))


def started_over(engine: OpenDcEngine) -> OpenDcEngine:
    engine.apply(DC, {})
    return engine


def test_a_power_model_that_is_not_opendcs_is_named() -> None:
    model = PowerModel("busy-linear", 60.0, 0.0, busy_power_w=20.0, slope_power_w=70.0)
    engine = started(InProcess(), datacenter(host_group(model=model)))
    assert "busy-linear" not in kind().power_models
    with pytest.raises(SimulationError, match="no power model busy-linear"):
        engine.advance(at(10), [])


def test_an_idle_datacenter_costs_nothing_and_draws_f_of_0() -> None:
    runner = InProcess()
    window = started(runner).advance(at(3), [])
    assert runner.invocations == 0
    assert window.clusters[0].power_w.tolist() == [100.0] * 3


def test_what_is_over_is_not_told_again() -> None:
    runner = InProcess()
    engine = started(runner)
    engine.advance(at(10), entering(task(1, 0, [(5000, 500.0)])))
    assert engine.references() == ()
    engine.advance(at(30), entering(task(2, 12_000, [(5000, 500.0)])))
    assert runner.asked == [2, 3]  # both times one task, and the markers that open and end the run


@pytest.mark.parametrize(
    ("model", "semantics"),
    [(PowerModel("sqrt", 50.0, 150.0), "2.4f"), (PowerModel("linear", 50.0, 150.0), "2.4g+")],
)
def test_what_is_remembered_is_told_again(model: PowerModel, semantics: str) -> None:
    engine = kind().start(replace(SETTINGS, semantics=semantics), datacenter(host_group(model=model)), {})
    engine.advance(at(10), entering(task(1, 0, [(5000, 500.0)])))
    assert engine.references() == (1,)


def test_a_task_that_waits_for_ever_does_not_make_the_run_endless() -> None:
    topology = datacenter(host_group("many cores", cores=8, memory_mib=100), host_group("much memory", cores=1, memory_mib=1000))
    work = [task(1, 0, [(5000, 500.0)]), task(2, 0, [(5000, 500.0)], cores=8, memory_mib=1000), task(3, 0, [(5000, 500.0)])]
    engine = started(InProcess(), topology)
    window = engine.advance(at(10), entering(*work))
    assert (window.completed, window.queued) == (1, 2)
    assert np.isfinite(window.clusters[0].power_w).all()


def restored(engine: Engine, of: OpenDcKind, work: dict[int, Task]) -> Engine:
    state = json.loads(json.dumps(engine.checkpoint()))
    again = of.restore(SETTINGS, DC, {}, state, work.__getitem__)
    assert again.checkpoint() == state
    return again


def test_a_restored_engine_goes_on_as_if_nothing_had_happened() -> None:
    work = {i: replace(t, submission_ms=at(3 * i)) for i, t in LONG}
    straight, cut = kind().start(SETTINGS, DC, {}), kind().start(SETTINGS, DC, {})
    for second in (5, 10, 80, 100):
        mine = [s for s in entering(*work.values()) if straight.now_ms <= s.at_ms < at(second)]
        cut = restored(cut, kind(), work)
        assert energy(straight.advance(at(second), mine)) == energy(cut.advance(at(second), mine))
