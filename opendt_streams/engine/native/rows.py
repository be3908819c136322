"""Which rows OpenDC writes, when, and what each of them has seen (opendc-semantics section 10).

There is a row at every tick until the run ends, and a final row while its last task ends. Where a tick coincides with a change, it shows
the state before or after it, as the order in OpenDC's queue has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from opendt_streams.engine.native.deadlines import Engine, entered_before
from opendt_streams.engine.native.job import Job, Run
from opendt_streams.model.task import Int64

Bools: TypeAlias = NDArray[np.bool_]
_AT_A_TIME: Final = 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Log:
    """What happened in a whole run. `runs` in order of placement; `submissions` (time, job) in order of submission."""

    origin_ms: int
    runs: Sequence[Run]
    submissions: Sequence[tuple[int, Job]]
    terminated: Sequence[tuple[Job, int]]
    finished_at_deadline: bool  # see OpenDCScheduler, this and the next
    finished_after_changes: bool


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows in the order of writing. Element i of every column is about row i; two rows may have the same time.

    `after`: power and demand are those after the changes at its instant, instead of left limits.
    The three `sees_` say whether counters and task states of the row include what happened at its very instant.
    """

    time_ms: Int64
    after: Bools
    sees_ends: Bools
    sees_passes: Bools
    sees_submissions: Bools

    def first_with(self, event_ms: Int64, sees: Bools) -> Int64:
        """The first row that shows each event; the number of rows where none does."""
        return np.searchsorted(2 * self.time_ms + sees, 2 * event_ms + 1, side="left")


def plan_rows(log: Log, interval_ms: int, engine: Engine) -> Rows:
    last_end = max((r.end_ms for r in log.runs), default=log.origin_ms)
    last_refusal = max((t for _, t in log.terminated), default=log.origin_ms)
    final = max(last_end, last_refusal)
    ticks = np.arange(log.origin_ms + interval_ms, final + 1, interval_ms, dtype=np.int64)
    after = _ticks_after_changes(ticks, interval_ms, log, engine)
    counted = _ticks_after_submissions(ticks, interval_ms, np.unique(np.array([t for t, _ in log.submissions], dtype=np.int64)))

    # The final row comes before a tick of its instant only if that tick comes after the ends that make it the final one.
    at = len(ticks)
    if at and ticks[-1] == final and after[-1] and log.finished_at_deadline:
        at -= 1
    # What the last tick shows when the run is over is final, too.
    over = np.arange(len(ticks)) >= at
    return Rows(
        np.insert(ticks, at, final),
        np.insert(after, at, log.finished_after_changes),
        np.insert(after | over, at, True),
        np.insert(over, at, True),
        np.insert(counted | over, at, True),
    )


def _ticks_after_changes(ticks: Int64, interval_ms: int, log: Log, engine: Engine) -> Bools:
    """For each tick whether the engine run of its instant, if there is one, came first: only one entered before the previous tick did."""
    after = np.zeros(len(ticks), dtype=np.bool_)
    candidates = {t for steps in engine.carbon_ms for t in steps[(steps - log.origin_ms) % interval_ms == 0].tolist()}
    runs = [r for r in log.runs if r.job.lasts_ms]
    for batch in _batches(runs):
        counts = [len(r.job.starts_ms) for r in batch]
        time = np.concatenate([r.job.starts_ms for r in batch]) + np.repeat(np.array([r.placed_ms for r in batch]), counts)
        lasted = np.diff(time, prepend=time[:1])
        lasted[np.cumsum(counts)[:-1]] = 0  # the start of a run ends nothing
        candidates.update(time[(lasted >= interval_ms) & ((time - log.origin_ms) % interval_ms == 0)].tolist())
    hopeful = replace(engine, merged=lambda _: None)
    placed, end = np.array([r.placed_ms for r in runs]), np.array([r.end_ms for r in runs])
    for t in sorted(candidates):
        k = (t - log.origin_ms) // interval_ms - 1
        if not 0 < k < len(ticks):
            continue  # before the first tick nothing can have been entered
        bound, tie = t - interval_ms, partial(bool, after[k - 1])
        # What ended before the previous tick, or came in a pass, can only add reasons against: most questions are settled without.
        if entered_before(t, bound, [runs[i] for i in np.flatnonzero((placed < t) & (end > bound))], hopeful, tie):
            after[k] = entered_before(t, bound, [runs[i] for i in np.flatnonzero(placed < t)], engine, tie)
    return after


def _batches(runs: Sequence[Run]) -> list[list[Run]]:
    batches: list[list[Run]] = []
    entries = _AT_A_TIME
    for r in runs:
        if entries >= _AT_A_TIME:
            batches.append([])
            entries = 0
        batches[-1].append(r)
        entries += len(r.job.starts_ms)
    return batches


def _ticks_after_submissions(ticks: Int64, interval_ms: int, instants: Int64) -> Bools:
    """For each tick whether a submission of its instant came first: its entry was made when the previous submission was processed."""
    after = np.zeros(len(ticks), dtype=np.bool_)
    for t in np.intersect1d(ticks, instants).tolist():
        k = (t - int(ticks[0])) // interval_ms
        previous = int(instants[np.searchsorted(instants, t) - 1])
        if k:
            after[k] = previous < ticks[k - 1] or (previous == ticks[k - 1] and after[k - 1])
    return after
