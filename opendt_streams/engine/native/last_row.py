"""The row that is written while the last task ends, in the middle of an instant: what it has seen of that instant.

It depends on the order in which nodes leave OpenDC's heap of deadlines. `deadline_heap.py` follows that heap through a whole run; here is
what can be known without: equal deadlines stay where they are in a binary heap, and the last node takes the place of one that leaves. So
nodes 0 to n of one deadline leave in the order 0, n, n-1, ... 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from opendt_streams.engine.native.rows import Log
from opendt_streams.model.task import Float64, Int64


@dataclass(frozen=True, slots=True, eq=False)
class LastRow:
    """`stepped`: for each carbon trace whether it has taken a step of this instant. `ended`: a task's end makes the row, not a refusal.

    `demand_mhz`: per host what its CPU has been told; None if that is what power and the other columns say.
    """

    row: int
    stepped: tuple[bool, ...]
    ended: bool
    demand_mhz: Float64 | None = None


def ends_without_length(log: Log, final_ms: int) -> bool:
    """Whether the last fragment of a task that ends then has no length: its host has been told of it when the row is written."""
    runs = log.runs
    ending = np.flatnonzero(runs.end_ms == final_ms)
    starts, last = runs.edges.starts_ms, runs.last[ending] - 1
    return bool((starts[last] == starts[last - 1]).any())


def carbon_has_stepped(log: Log, final_ms: int, carbon_ms: Sequence[Int64]) -> bool | None:
    """Whether the only step of that instant is taken before the last task ends. None if only the whole run of the heap can tell."""
    found = [int(steps.searchsorted(final_ms)) for steps in carbon_ms]
    if not any(i < len(steps) and steps[i] == final_ms for i, steps in zip(found, carbon_ms, strict=True)):
        return False
    if len(carbon_ms) > 1:
        return None
    (i,), (steps,) = found, carbon_ms
    entered_ms = int(steps[i - 1]) if i else log.origin_ms
    runs = log.runs
    ran = runs.end_ms > runs.placed_ms
    ending = np.flatnonzero(ran & (runs.end_ms == final_ms))
    placed, starts = runs.placed_ms[ending], runs.edges.starts_ms
    # When each of them began its last fragment; and the last instant before the end at which any task went on or ended.
    began = placed + starts[runs.last[ending] - 2]
    busy_ms = max(int(runs.end_ms[ran & (runs.end_ms < final_ms)].max(initial=log.origin_ms)), int(began[began > placed].max(initial=0)))
    if entered_ms > busy_ms:
        # Everything else in the heap is due with it. So it is node n for the n tasks placed before, and n - 1 of them leave after it.
        return int((placed < entered_ms).sum()) != 1
    # All tasks went on then or are new: the step was alone in the heap, and stays in front.
    return True if (began >= busy_ms).all() else None
