"""When OpenDC's engine came to know of a deadline: the question on which its order of equal-time events hangs.

OpenDC has one queue, ordered by time, then by when an entry was made (opendc-semantics section 10). Engine runs (E) are entered by earlier
engine runs, one for the earliest deadline known then. So E at t comes before another entry of t if an engine run earlier than that
entry had t as its earliest deadline. Instead of a queue of all fragment ends, the answer is looked up in the rare cases that need it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from opendt_streams.engine.native.job import Run
from opendt_streams.model.task import Int64


@dataclass(frozen=True, slots=True, eq=False)
class Engine:
    """What decides when OpenDC's engine runs, and what it knows: apart from the tasks, which each question brings along.

    `merged` names the pass, if any, that came before the deadlines of an instant, so that one engine run handled them and what it placed.
    """

    origin_ms: int
    carbon_ms: Sequence[Int64]
    merged: Callable[[int], int | None]


@dataclass(frozen=True, slots=True, eq=False)
class Deadlines:
    """Deadlines with when, and in which pass, their task was placed; carbon steps belong to pass -1, before everything."""

    time_ms: Int64
    placed_ms: Int64
    pass_number: Int64


def known_since(t: int, runs: Sequence[Run], engine: Engine) -> tuple[int, int]:
    """The earliest start of anything that ends at `t` (`t` where nothing does), and the pass that placed it, or -1 if no pass did."""
    starts = [(t, -1)]
    for r in runs:
        i = int(r.job.starts_ms.searchsorted(t - r.placed_ms, side="left"))
        if 0 < i < len(r.job.starts_ms) and r.job.starts_ms[i] == t - r.placed_ms:
            start = r.placed_ms + int(r.job.starts_ms[i - 1])
            starts.append((start, r.pass_number if start == r.placed_ms else -1))
    for steps in engine.carbon_ms:
        i = int(steps.searchsorted(t, side="left"))
        if i < len(steps) and steps[i] == t:
            starts.append((max(int(steps[i - 1]), engine.origin_ms) if i else engine.origin_ms, -1))
    return min(starts)


def deadlines(runs: Sequence[Run], engine: Engine, after: int, before: int) -> Deadlines:
    """Deadlines strictly between two instants."""
    found, placed, numbers = [np.zeros(0, dtype=np.int64)], [engine.origin_ms - 1], [-1]
    for r in runs:
        lo, hi = r.job.starts_ms.searchsorted((after - r.placed_ms + 1, before - r.placed_ms), side="left")
        found.append(r.job.starts_ms[max(int(lo), 1) : int(hi)] + r.placed_ms)
        placed.append(r.placed_ms)
        numbers.append(r.pass_number)
    for steps in engine.carbon_ms:
        found.append(steps[np.searchsorted(steps, after, side="right") : np.searchsorted(steps, before, side="left")])
        placed.append(engine.origin_ms - 1)
        numbers.append(-1)
    counts = [len(f) for f in found]
    return Deadlines(np.concatenate(found), np.repeat(placed, counts), np.repeat(numbers, counts))


def entered_before(t: int, bound: int, runs: Sequence[Run], engine: Engine, at_bound: Callable[[], bool]) -> bool:
    """Whether E at `t` was entered by an engine run earlier than `bound` (< t), or by the one for deadlines at `bound` if `at_bound()`.

    `runs`: all that were on a host at some time from the start of what ends at `t` until `t`.
    """
    since = known_since(t, runs, engine)
    if since >= (bound, 0):
        return False
    if any(_has_deadline(r, bound, t) for r in runs if r.placed_ms < since[0]):
        return False  # every engine run that knows of t knows of something earlier
    others = deadlines(runs, engine, since[0], t)
    # An instant has an engine run for its deadlines, and then one after each pass that placed something.
    engine_runs = {(d, -1) for d in others.time_ms.tolist()}
    engine_runs |= {since} | set(zip(others.placed_ms.tolist(), others.pass_number.tolist(), strict=True))
    for at, number in sorted(engine_runs):
        if not since <= (at, number) < (bound, 0):
            continue
        known = others.pass_number <= number if number >= 0 else others.placed_ms < at
        if ((others.time_ms > at) & known).any():
            continue
        merged = engine.merged(at) if number < 0 else None
        if merged is None or not ((others.time_ms > at) & (others.pass_number <= merged)).any():
            return at < bound or at_bound()
    return False


def _has_deadline(run: Run, after: int, before: int) -> bool:
    lo, hi = run.job.starts_ms.searchsorted((after - run.placed_ms + 1, before - run.placed_ms), side="left")
    return bool(max(int(lo), 1) < hi)
