"""Rows of the native engine against those of the real OpenDC for the same inputs.

Equal means: within one step of the float32 that OpenDC writes, and the last bits of the running totals whose differences rows are. Ours are
left limits. A row of OpenDC's may show what is after its instant instead (opendc-semantics section 10); which rows do, and what, follows
from the order of its events, which the native engine knows for a whole run. Such a row must be exactly what that says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from opendt_streams.engine.native.simulation import simulate
from opendt_streams.engine.opendc.one_trace import one_trace_each, together
from opendt_streams.engine.opendc.problem import Problem
from opendt_streams.engine.opendc.rows import PowerRows, as_exported
from opendt_streams.engine.port import ClusterRows
from opendt_streams.model import times
from opendt_streams.model.task import Float64

_OF_TOTALS = 1e-9  # how far a difference of totals is from exact, as a share of the window's largest
_COLUMNS = ("energy_j", "carbon_g", "power_w", "carbon_intensity_g_per_kwh")
_INSTANTANEOUS = ("power_w", "carbon_intensity_g_per_kwh")


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """A window of the native engine, and what OpenDC must be asked to say the same."""

    problem: Problem
    after_ms: int
    clusters: tuple[ClusterRows, ...]
    semantics: str


@dataclass(frozen=True, slots=True)
class Answer:
    """`right_limits`: rows that differ as the order of OpenDC's events says; `different`: all others; `first`: of those, in words."""

    rows: int
    right_limits: int
    different: int
    first: str | None


class Answered:
    """What OpenDC said to a problem; and, worked out when it is needed, what it must say tick by tick, by the order of its events."""

    def __init__(self, problem: Problem, rows: PowerRows, semantics: str) -> None:
        self.problem, self.rows, self._semantics = problem, rows, semantics

    @cached_property
    def expected(self) -> PowerRows:
        return together(self.problem, [_simulated(part, self._semantics) for part in one_trace_each(self.problem)])


def check(question: Question, answered: Answered) -> Answer:
    """The question's rows against those of a run that covers it."""
    found = answered.rows
    until_ms, right_limits, different, rows, first = question.problem.until_ms, 0, 0, 0, None
    expected: tuple[ClusterRows, ...] | None = None
    for c, (ours, theirs) in enumerate(zip(question.clusters, found.between(question.after_ms, until_ms), strict=True)):
        rows += len(ours.power_w)
        wrong = {name: _differs(getattr(ours, name), getattr(theirs, name)) for name in _COLUMNS}
        explained = np.zeros(len(ours.power_w), dtype=np.bool_)
        if any(wrong[name].any() for name in _INSTANTANEOUS):
            expected = expected or answered.expected.between(question.after_ms, until_ms)
            explained = np.logical_and.reduce([getattr(expected[c], n) == getattr(theirs, n) for n in _INSTANTANEOUS])
        limits = (wrong["power_w"] | wrong["carbon_intensity_g_per_kwh"]) & explained
        bad = {n: w & ~limits if n in _INSTANTANEOUS else w for n, w in wrong.items()}
        right_limits += int(limits.sum())
        different += int(np.logical_or.reduce(list(bad.values())).sum())
        for name, where in bad.items():
            if first is None and where.any():
                row = int(np.argmax(where))
                at = times.iso(question.after_ms + (row + 1) * answered.problem.interval_ms)
                pair = " against ".join(f"{getattr(rows_of, name)[row]:.6f}" for rows_of in (ours, theirs))
                first = f"cluster {ours.name} at {at}: {name} {pair} of OpenDC"
    return Answer(rows, right_limits, different, first)


def _differs(ours: Float64, theirs: Float64) -> NDArray[np.bool_]:
    step = np.spacing(np.maximum(np.abs(ours), np.abs(theirs)).astype(np.float32)).astype(np.float64)
    return np.asarray(np.abs(ours - theirs) > step + _OF_TOTALS * np.abs(ours).max(initial=0.0))


def _simulated(problem: Problem, semantics: str) -> PowerRows:
    simulation = simulate(
        problem.topology, problem.carbon, problem.tasks(), interval_ms=problem.interval_ms, policy=problem.policy, semantics=semantics
    )
    time_ms = simulation.rows.time_ms
    ticks = (int(time_ms[-1]) - problem.origin_ms - 1) // problem.interval_ms
    until_ms = problem.origin_ms + ticks * problem.interval_ms
    on_grid = ((time_ms - problem.origin_ms) % problem.interval_ms == 0) & (time_ms <= until_ms)
    pieces = [piece.clusters for piece in simulation.pieces(marks=False)]
    clusters = [as_exported(_taken([p[c] for p in pieces], on_grid)) for c in range(len(problem.topology.clusters))]
    return PowerRows(problem.origin_ms, problem.interval_ms, until_ms, {c.name: c for c in clusters})


def _taken(parts: Sequence[ClusterRows], which: NDArray[np.bool_]) -> ClusterRows:
    columns = (np.concatenate([getattr(p, n) for p in parts])[which] for n in ("power_w", "energy_j", _INSTANTANEOUS[1], "carbon_g"))
    return ClusterRows(parts[0].name, *columns)
