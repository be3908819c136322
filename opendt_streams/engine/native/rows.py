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
from opendt_streams.engine.native.spans import RunColumns
from opendt_streams.engine.task_columns import TaskColumns
from opendt_streams.errors import SimulationError
from opendt_streams.model.task import Int64

Bools: TypeAlias = NDArray[np.bool_]
_MOST_ROWS: Final = 20_000_000  # 95 years at 150 s


@dataclass(frozen=True, slots=True, eq=False)
class Log:
    """What happened in a whole run. `runs` in order of placement, `tasks` in order of submission: a run's reference is a row of them."""

    origin_ms: int
    runs: RunColumns
    tasks: TaskColumns
    terminated: Sequence[tuple[Job, int]]


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

    @property
    def last(self) -> int:
        """The row that is written when the last task ends or is refused; a tick's row of the same instant may follow."""
        return int(np.argmax(self.sees_passes))

    def first_with(self, event_ms: Int64, sees: Bools) -> Int64:
        """The first row that shows each event; the number of rows where none does."""
        return np.searchsorted(2 * self.time_ms + sees, 2 * event_ms + 1, side="left")


def check_row_count(count: int) -> None:
    """Refuses a run whose output no machine could hold: a task of many years must not look like a hang."""
    if count > _MOST_ROWS:
        raise SimulationError(
            f"the run is so long that there are more than {_MOST_ROWS:,} rows",
            hint="Choose a longer exportInterval, or look for tasks that last for years",
        )


def plan_rows(
    log: Log, runs: Sequence[Run], interval_ms: int, engine: Engine, finished_at_deadline: bool, finished_after_changes: bool
) -> Rows:
    """The rows of a run without an event queue. `runs` are those of the log; the last two arguments are OpenDCScheduler's."""
    last_end = int(log.runs.end_ms.max(initial=log.origin_ms))
    last_refusal = max((t for _, t in log.terminated), default=log.origin_ms)
    final = max(last_end, last_refusal)
    check_row_count((final - log.origin_ms) // interval_ms)
    ticks = np.arange(log.origin_ms + interval_ms, final + 1, interval_ms, dtype=np.int64)
    after = _ticks_after_changes(ticks, interval_ms, log, runs, engine)
    counted = _ticks_after_submissions(ticks, interval_ms, np.unique(log.tasks.submission_ms))

    # The final row comes before a tick of its instant only if that tick comes after the ends that make it the final one.
    at = len(ticks)
    if at and ticks[-1] == final and after[-1] and finished_at_deadline:
        at -= 1
    # What the last tick shows when the run is over is final, too.
    over = np.arange(len(ticks)) >= at
    return Rows(
        np.insert(ticks, at, final),
        np.insert(after, at, finished_after_changes),
        np.insert(after | over, at, True),
        np.insert(over, at, True),
        np.insert(counted | over, at, True),
    )


def _ticks_after_changes(ticks: Int64, interval_ms: int, log: Log, runs: Sequence[Run], engine: Engine) -> Bools:
    """For each tick whether the engine run of its instant, if there is one, came first: only one entered before the previous tick did."""
    after = np.zeros(len(ticks), dtype=np.bool_)
    candidates = {t for steps in engine.carbon_ms for t in steps[(steps - log.origin_ms) % interval_ms == 0].tolist()}
    ends = _ends_of_long_fragments(log.runs, interval_ms)
    candidates.update(ends[(ends - log.origin_ms) % interval_ms == 0].tolist())
    hopeful = replace(engine, merged=lambda _: None)
    placed, end = log.runs.placed_ms, np.where(log.runs.end_ms > log.runs.placed_ms, log.runs.end_ms, engine.origin_ms - 1)
    for t in sorted(candidates):
        k = (t - log.origin_ms) // interval_ms - 1
        if not 0 < k < len(ticks):
            continue  # before the first tick nothing can have been entered
        bound, tie = t - interval_ms, partial(bool, after[k - 1])
        # What ended before the previous tick, or came in a pass, can only add reasons against: most questions are settled without.
        if entered_before(t, bound, [runs[i] for i in np.flatnonzero((placed < t) & (end > bound)).tolist()], hopeful, tie):
            after[k] = entered_before(t, bound, [runs[i] for i in np.flatnonzero((placed < t) & (end >= placed)).tolist()], engine, tie)
    return after


def _ends_of_long_fragments(runs: RunColumns, at_least_ms: int) -> Int64:
    """When fragments end that last at least so long."""
    if not len(runs):
        return runs.end_ms
    starts = runs.edges.starts_ms
    entry = 1 + np.flatnonzero(starts[1:] - starts[:-1] >= at_least_ms)  # no run starts later than the one before ends: both count from 0
    order = np.argsort(runs.first, kind="stable")
    run = order[np.searchsorted(runs.first[order], entry, side="right") - 1]
    ran = (entry < runs.last[run]) & (entry > runs.first[run]) & (runs.end_ms[run] > runs.placed_ms[run])
    return starts[entry[ran]] + runs.placed_ms[run[ran]]


def _ticks_after_submissions(ticks: Int64, interval_ms: int, instants: Int64) -> Bools:
    """For each tick whether a submission of its instant came first: its entry was made when the previous submission was processed."""
    after = np.zeros(len(ticks), dtype=np.bool_)
    for t in np.intersect1d(ticks, instants).tolist():
        k = (t - int(ticks[0])) // interval_ms
        previous = int(instants[np.searchsorted(instants, t) - 1])
        if k:
            after[k] = previous < ticks[k - 1] or (previous == ticks[k - 1] and after[k - 1])
    return after
