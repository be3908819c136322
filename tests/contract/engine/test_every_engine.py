"""What every engine behind the port keeps to: the native one always, the real OpenDC where there is one."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TypeAlias

import pytest

from opendt_streams.engine.native import NATIVE
from opendt_streams.engine.port import Engine, EngineKind, EngineSettings, EngineWindow, Submission
from opendt_streams.errors import SimulationError
from opendt_streams.model.carbon import carbon_trace
from opendt_streams.model.task import Task, fragments
from opendt_streams.model.topology import Cluster, PowerModel, Topology
from tests.contract.engine.real import needs_opendc, real_kind
from tests.unit.engine.workloads import ORIGIN_MS, host_group, task

STEP_MS = 10_000
SETTINGS = EngineSettings(ORIGIN_MS, STEP_MS)
END_MS = ORIGIN_MS + 60 * STEP_MS
TRACES = {"trace": carbon_trace([ORIGIN_MS - 1, ORIGIN_MS + 95_500, ORIGIN_MS + 301_000], [100.0, 250.0, 80.0])}
DC = Topology(
    (
        Cluster("C", (host_group("A", count=2), host_group("B", cores=2, model=PowerModel("mse", 60.0, 140.0, calibration_factor=2.0)))),
        Cluster("C", (host_group("A", model=PowerModel("square", 30.0, 90.0)),), carbon_trace="trace"),
    )
)
# More than there is room for, one too big for every host, one that is late in the run, a quiet time in between.
WORK = {
    t.id: t
    for t in [
        *(task(i, 1700 * i, [(17_300, 410.0 * i), (8_100, 90.0), (33_000, 700.5)], cores=3) for i in range(1, 7)),
        task(7, 20_000, [(1000, 1.0)], cores=9),
        task(8, 400_400, [(30_000, 3000.0)], cores=2),
    ]
}

engines = pytest.mark.parametrize(
    "kind", [pytest.param(lambda: NATIVE, id="native"), pytest.param(real_kind, id="opendc", marks=needs_opendc)]
)
Kind: TypeAlias = Callable[[], EngineKind]


def submissions(work: Sequence[Task], from_ms: int, until_ms: int) -> list[Submission]:
    return [Submission(t, t.submission_ms, t.id) for t in work if from_ms <= t.submission_ms < until_ms]


def run(engine: Engine, edges: Sequence[int]) -> list[EngineWindow]:
    return [engine.advance(edge, submissions(list(WORK.values()), engine.now_ms, edge)) for edge in edges]


def joined(windows: Sequence[EngineWindow], column: str) -> list[list[float]]:
    return [[x for w in windows for x in getattr(w.clusters[c], column).tolist()] for c in range(len(DC.clusters))]


@engines
def test_however_time_is_cut_and_restored_the_same_comes_out(kind: Kind) -> None:
    of: EngineKind = kind()
    whole = run(of.start(SETTINGS, DC, TRACES), [END_MS])
    engine, parts = of.start(SETTINGS, DC, TRACES), []
    for edge in (ORIGIN_MS + STEP_MS, ORIGIN_MS + 9 * STEP_MS, ORIGIN_MS + 39 * STEP_MS, ORIGIN_MS + 41 * STEP_MS, END_MS):
        parts += run(engine, [edge])
        state = json.loads(json.dumps(engine.checkpoint()))
        assert set(engine.references()) <= WORK.keys()
        engine = of.restore(SETTINGS, DC, TRACES, state, {r: WORK[r] for r in engine.references()}.__getitem__)
        assert engine.checkpoint() == state
    for column in ("power_w", "energy_j", "carbon_g"):
        for mine, all_at_once in zip(joined(parts, column), joined(whole, column), strict=True):
            assert mine == pytest.approx(all_at_once, rel=1e-6)
    assert [sum(w.completed for w in ws) for ws in (parts, whole)] == [7, 7]
    assert [sum(w.terminated for w in ws) for ws in (parts, whole)] == [1, 1]


@engines
def test_rows_and_clusters_are_those_that_were_asked_for(kind: Kind) -> None:
    engine = kind().start(SETTINGS, DC, TRACES)
    (window,) = run(engine, [END_MS])
    assert window.row_ms.tolist() == list(range(ORIGIN_MS + STEP_MS, END_MS + 1, STEP_MS))
    assert [c.name for c in window.clusters] == ["C", "C-0"]
    assert window.clusters[0].carbon_g.max() == 0 < window.clusters[1].carbon_g.min()
    assert window.clusters[0].power_w[-1] == pytest.approx(2 * 50.0 + 60.0)
    assert engine.idle


@engines
def test_power_parameters_change_from_a_window_on(kind: Kind) -> None:
    half = ORIGIN_MS + 5 * STEP_MS
    other = DC.with_power_models({(0, 0): PowerModel("linear", 10.0, 20.0)}, default=None)
    engine, from_the_start = kind().start(SETTINGS, DC, TRACES), kind().start(SETTINGS, other, TRACES)
    (_, expected) = run(from_the_start, [half, END_MS])
    run(engine, [half])
    engine.apply(other, TRACES)
    (changed,) = run(engine, [END_MS])
    for a, b in zip(changed.clusters, expected.clusters, strict=True):
        assert a.energy_j == pytest.approx(b.energy_j, rel=1e-6)


@engines
def test_what_cannot_be_simulated_is_refused_and_changes_nothing(kind: Kind) -> None:
    engine = kind().start(SETTINGS, DC, TRACES)
    run(engine, [ORIGIN_MS + STEP_MS])
    before = engine.checkpoint()
    odd = Task(99, ORIGIN_MS + STEP_MS, 1000, 1, 0.0, 0, fragments([1000], [float("inf")]))
    with pytest.raises(SimulationError, match="task 99") as raised:
        engine.advance(ORIGIN_MS + 2 * STEP_MS, [Submission(odd, odd.submission_ms, 99)])
    assert raised.value.task == 99
    assert engine.checkpoint() == before
