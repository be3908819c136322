"""When OpenDC's engine came to know of a deadline: the question on which its order of equal-time events hangs.

OpenDC has one queue, ordered by time, then by when an entry was made (opendc-semantics section 10). Engine runs (E) are entered by earlier
engine runs, one for the earliest deadline known then. So E at t comes before another entry of t if an engine run earlier than that
entry had t as its earliest deadline. Instead of a queue of all fragment ends, the answer is looked up in the rare cases that need it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from opendt_streams.engine.native.job import Run
from opendt_streams.model.task import Int64


def known_since(t: int, runs: Sequence[Run], carbon_ms: Sequence[Int64], origin_ms: int) -> tuple[int, bool]:
    """The earliest start of anything that ends at `t` (`t` where nothing does), and whether that is the placement of a task."""
    starts = [(t, True)]
    for r in runs:
        i = int(r.job.starts_ms.searchsorted(t - r.placed_ms, side="left"))
        if 0 < i < len(r.job.starts_ms) and r.job.starts_ms[i] == t - r.placed_ms:
            start = r.placed_ms + int(r.job.starts_ms[i - 1])
            starts.append((start, start == r.placed_ms))
    for steps in carbon_ms:
        i = int(steps.searchsorted(t, side="left"))
        if i < len(steps) and steps[i] == t:
            starts.append((max(int(steps[i - 1]), origin_ms) if i else origin_ms, False))
    return min(starts)


def deadlines(runs: Sequence[Run], carbon_ms: Sequence[Int64], after: int, before: int, origin_ms: int) -> tuple[Int64, Int64]:
    """Deadlines strictly between two instants, and for each when its task was placed (for carbon: before everything)."""
    found, placed = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for r in runs:
        lo, hi = r.job.starts_ms.searchsorted((after - r.placed_ms + 1, before - r.placed_ms), side="left")
        found.append(r.job.starts_ms[max(int(lo), 1) : int(hi)] + r.placed_ms)
        placed.append(np.full(len(found[-1]), r.placed_ms))
    for steps in carbon_ms:
        found.append(steps[np.searchsorted(steps, after, side="right") : np.searchsorted(steps, before, side="left")])
        placed.append(np.full(len(found[-1]), origin_ms - 1))
    return np.concatenate(found), np.concatenate(placed)


def entered_before(
    t: int, bound: int, runs: Sequence[Run], carbon_ms: Sequence[Int64], origin_ms: int, at_bound: Callable[[], bool]
) -> bool:
    """Whether E at `t` was entered by an engine run earlier than `bound` (< t), or by the one for deadlines at `bound` if `at_bound()`.

    `runs`: all that were on a host at some time from the start of what ends at `t` until `t`.
    """
    since, by_placement = known_since(t, runs, carbon_ms, origin_ms)
    if since > bound:
        return False
    deadline, placed = deadlines(runs, carbon_ms, since, t, origin_ms)
    if ((deadline > bound) & (placed < since)).any():
        return False  # everybody who knows of t knows of something earlier
    # An instant may have two engine runs: of its deadlines, and then of its placements, which knows what was placed.
    engine_runs = {(d, False) for d in deadline.tolist()} | {(p, True) for p in placed.tolist()} | {(since, by_placement)}
    for at, of_placements in sorted(engine_runs):
        if not since <= at <= bound or (at == bound and of_placements) or (at == since and by_placement and not of_placements):
            continue
        known = placed <= at if of_placements else placed < at
        if not ((deadline > at) & known).any():
            return at < bound or at_bound()
    return False
