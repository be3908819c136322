"""What runs say about a span of time, gathered from where their fragments lie."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from opendt_streams.engine.native.job import Edges, Run
from opendt_streams.model.task import Float64, Int64


@dataclass(frozen=True, slots=True, eq=False)
class Spans:
    """Runs sorted by host, then placement; run i has the next count[i] elements of the last two.

    `starts_ms` are absolute; the first of a run may lie before the span, the others lie in it. `reference` is the job's.
    """

    reference: Int64
    host: Int64
    placed_ms: Int64
    end_ms: Int64
    count: Int64
    starts_ms: Int64
    usage_mhz: Float64


def gather(runs: Sequence[Run], from_ms: int, until_ms: int) -> Spans:
    """From runs in order of placement, all active in [from, until). Moves their cursors to `from`."""
    ordered = sorted(runs, key=lambda r: r.host)
    parts = [_entries(r, from_ms, until_ms) for r in ordered]
    placed = np.array([r.placed_ms for r in ordered], dtype=np.int64)
    count = np.array([hi - lo for lo, hi in parts], dtype=np.int64)
    starts = [np.zeros(0, dtype=np.int64)] + [r.job.edges.starts_ms[lo:hi] for r, (lo, hi) in zip(ordered, parts, strict=True)]
    return Spans(
        reference=np.array([r.job.reference for r in ordered], dtype=np.int64),
        host=np.array([r.host for r in ordered], dtype=np.int64),
        placed_ms=placed,
        end_ms=np.array([r.end_ms for r in ordered], dtype=np.int64),
        count=count,
        starts_ms=np.concatenate(starts) + np.repeat(placed, count),
        usage_mhz=np.concatenate([np.zeros(0)] + [r.job.edges.usage_mhz[lo:hi] for r, (lo, hi) in zip(ordered, parts, strict=True)]),
    )


def _entries(run: Run, from_ms: int, until_ms: int) -> tuple[int, int]:
    """Which entries speak about [from, until): from the one in force at `from` to the last before `until`."""
    job, placed_ms = run.job, run.placed_ms
    clock, lo, end = job.edges.clock, job.first, job.end
    if from_ms > placed_ms:
        lo = bisect_right(clock, from_ms - placed_ms, lo + run.cursor, end) - 1
        run.cursor = lo - job.first
    if until_ms > run.end_ms:
        return lo, end
    return lo, bisect_left(clock, until_ms - placed_ms, lo, end)


@dataclass(frozen=True, slots=True, eq=False)
class RunColumns:
    """All runs of an experiment, in order of placement; their entries are first..last-1 of `edges`."""

    edges: Edges
    reference: Int64
    host: Int64
    placed_ms: Int64
    end_ms: Int64
    first: Int64
    last: Int64

    def __len__(self) -> int:
        return len(self.host)

    @staticmethod
    def of(runs: Sequence[Run], edges: Edges, count: Int64) -> RunColumns:
        """Of jobs that were prepared together: those of tasks with `count` fragments, whose references number them."""
        reference = np.array([r.job.reference for r in runs], dtype=np.int64)
        last = np.cumsum(count + 1)[reference]
        return RunColumns._of(runs, edges, reference, last - count[reference] - 1, last)

    @staticmethod
    def executed(runs: Sequence[Run]) -> RunColumns:
        """Of jobs that became what was executed."""
        count = np.array([r.job.end - r.job.first for r in runs], dtype=np.int64)
        edges = Edges(
            np.concatenate([np.zeros(0, dtype=np.int64)] + [r.job.starts_ms for r in runs]),
            np.concatenate([np.zeros(0)] + [r.job.usage_mhz for r in runs]),
        )
        reference = np.array([r.job.reference for r in runs], dtype=np.int64)
        return RunColumns._of(runs, edges, reference, np.cumsum(count) - count, np.cumsum(count))

    @staticmethod
    def _of(runs: Sequence[Run], edges: Edges, reference: Int64, first: Int64, last: Int64) -> RunColumns:
        return RunColumns(
            edges,
            reference,
            np.array([r.host for r in runs], dtype=np.int64),
            np.array([r.placed_ms for r in runs], dtype=np.int64),
            np.array([r.end_ms for r in runs], dtype=np.int64),
            first,
            last,
        )

    def gather(self, runs: Int64, from_ms: int, until_ms: int) -> Spans:
        """From the runs of these numbers, ascending, all active in [from, until)."""
        runs = runs[np.argsort(self.host[runs], kind="stable")]
        placed, lo, hi = self.placed_ms[runs], self.first[runs], self.last[runs]
        lo = np.maximum(_search(self.edges.starts_ms, lo, hi, from_ms - placed + 1) - 1, lo)
        hi = _search(self.edges.starts_ms, lo, hi, until_ms - placed)
        count = hi - lo
        run = np.repeat(np.arange(len(runs)), count)
        entry = np.arange(len(run)) + np.repeat(lo - (np.cumsum(count) - count), count)
        return Spans(
            self.reference[runs],
            self.host[runs],
            placed,
            self.end_ms[runs],
            count,
            self.edges.starts_ms[entry] + placed[run],
            self.edges.usage_mhz[entry],
        )


def _search(values: Int64, first: Int64, end: Int64, wanted: Int64) -> Int64:
    """For each span first..end-1 of ascending values the first that is at least the wanted one, or its end: all bisected at once."""
    lo, hi = first.copy(), end.copy()
    while (open_ := np.flatnonzero(lo < hi)).size:
        middle = (lo[open_] + hi[open_]) >> 1
        small = values[middle] < wanted[open_]
        lo[open_[small]] = middle[small] + 1
        hi[open_[~small]] = middle[~small]
    return lo
