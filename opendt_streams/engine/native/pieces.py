"""A span of time cut into pieces at row instants, so that memory stays bounded however much happens in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from opendt_streams.engine.native.job import Run
from opendt_streams.engine.native.spans import RunColumns
from opendt_streams.model.task import Int64

_ENTRIES_AT_A_TIME: Final = 200_000
_ASKED: Final = 1000


def pieces(running: Sequence[Run], placed: Sequence[Run], from_ms: int, row_ms: Int64) -> Iterator[tuple[int, Int64, list[Run]]]:
    """(start, its rows, the runs active in it in order of placement) of each piece of (from, row_ms[-1]].

    `running` are the tasks that ran at `from`, `placed` those that were placed after it, both in order of placement.
    """
    until_ms = int(row_ms[-1])
    entries = _about(running, from_ms, until_ms) + _about(placed, from_ms, until_ms)
    parts = min(int(entries / _ENTRIES_AT_A_TIME) + 1, len(row_ms))
    active, next_placed = list(running), 0
    for rows in np.array_split(row_ms, parts):
        end_ms = int(rows[-1])
        active = [r for r in active if r.end_ms > from_ms]
        while next_placed < len(placed) and placed[next_placed].placed_ms < end_ms:
            run = placed[next_placed]
            # What ends where it starts belongs as well, if that is what its fragments say: it may leave something behind.
            if run.job.edges.clock[run.job.end - 1] == run.end_ms - run.placed_ms:
                active.append(run)
            next_placed += 1
        yield from_ms, rows, active
        from_ms = end_ms


def column_pieces(runs: RunColumns, from_ms: int, row_ms: Int64) -> Iterator[tuple[int, Int64, Int64]]:
    """The same for all runs of an experiment: the last are the numbers of those active, ascending."""
    parts = min(int((runs.last - runs.first).sum() / _ENTRIES_AT_A_TIME) + 1, len(row_ms))
    # Those that end where they start belong as well, if that is what their fragments say: they may leave something behind.
    asking = runs.edges.starts_ms[runs.last - 1] == runs.end_ms - runs.placed_ms
    active, next_placed = np.zeros(0, dtype=np.int64), 0
    for rows in np.array_split(row_ms, parts):
        end_ms = int(rows[-1])
        active = active[runs.end_ms[active] > from_ms]
        end = int(np.searchsorted(runs.placed_ms, end_ms, side="left"))
        new = np.arange(next_placed, end)
        active, next_placed = np.concatenate((active, new[asking[new]])), end
        yield from_ms, rows, active
        from_ms = end_ms


def _about(runs: Sequence[Run], from_ms: int, until_ms: int) -> float:
    """About how many entries of the runs fall into the span: of many, some speak for all."""
    stride = 1 + len(runs) // _ASKED
    return stride * sum(_entries(r, from_ms, until_ms) for r in runs[::stride])


def _entries(run: Run, from_ms: int, until_ms: int) -> float:
    """About how many entries of the run fall into the span."""
    if run.end_ms == run.placed_ms:
        return 0.0
    overlap = min(run.end_ms, until_ms) - max(run.placed_ms, from_ms)
    return (run.job.end - run.job.first) * overlap / (run.end_ms - run.placed_ms)
