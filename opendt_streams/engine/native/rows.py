"""Which rows OpenDC writes, when, and what each of them has seen (opendc-semantics section 10).

There is a row at every tick until the run ends, and a final row while its last task ends. Where a tick coincides with a change, it shows
the state before or after it, as the order in OpenDC's queue has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from opendt_streams.engine.native.job import Job
from opendt_streams.engine.native.scheduler import Finish
from opendt_streams.engine.native.spans import RunColumns
from opendt_streams.engine.native.ticks import Ticks
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


def plan_rows(log: Log, ticks: Ticks, finish: Finish, interval_ms: int) -> Rows:
    """The rows of a finished run."""
    last_end = int(log.runs.end_ms.max(initial=log.origin_ms))
    last_refusal = max((t for _, t in log.terminated), default=log.origin_ms)
    final = max(last_end, last_refusal)
    check_row_count((final - log.origin_ms) // interval_ms)
    ticks_ms = np.arange(log.origin_ms + interval_ms, final + 1, interval_ms, dtype=np.int64)
    after = np.isin(ticks_ms, np.array(sorted(ticks.after), dtype=np.int64))
    counted = _ticks_after_submissions(ticks_ms, interval_ms, np.unique(log.tasks.submission_ms))

    # The final row comes before a tick of its instant only if that tick comes after the ends that make it the final one.
    at = len(ticks_ms)
    if at and ticks_ms[-1] == final and after[-1] and finish.ended and not finish.after_engine:
        at -= 1
    # What the last tick shows when the run is over is final, too.
    over = np.arange(len(ticks_ms)) >= at
    return Rows(
        np.insert(ticks_ms, at, final),
        np.insert(after, at, finish.after_engine),
        np.insert(after | over, at, True),
        np.insert(over, at, True),
        np.insert(counted | over, at, True),
    )


def _ticks_after_submissions(ticks: Int64, interval_ms: int, instants: Int64) -> Bools:
    """For each tick whether a submission of its instant came first: its entry was made when the previous submission was processed."""
    after = np.zeros(len(ticks), dtype=np.bool_)
    for t in np.intersect1d(ticks, instants).tolist():
        k = (t - int(ticks[0])) // interval_ms
        previous = int(instants[np.searchsorted(instants, t) - 1])
        if k:
            after[k] = previous < ticks[k - 1] or (previous == ticks[k - 1] and after[k - 1])
    return after
