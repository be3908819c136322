"""The tasks of a whole workload as columns: a million of them are a few arrays, not millions of objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from opendt_streams.model.task import Float64, Int64, Task


@dataclass(frozen=True, slots=True, eq=False)
class TaskColumns:
    """Element i of the columns is about task i, whose fragments are the next count[i] elements of the last two.

    `memory_mib` is the request as OpenDC rounds it (opendc-semantics section 5).
    """

    id: Int64
    submission_ms: Int64
    cpu_count: Int64
    cpu_capacity_mhz: Float64
    memory_mib: Int64
    count: Int64
    duration_ms: Int64
    cpu_usage_mhz: Float64

    def __len__(self) -> int:
        return len(self.id)

    @staticmethod
    def of(tasks: Sequence[Task]) -> TaskColumns:
        def integers(values: list[int]) -> Int64:
            return np.array(values, dtype=np.int64)

        return TaskColumns(
            integers([t.id for t in tasks]),
            integers([t.submission_ms for t in tasks]),
            integers([t.cpu_count for t in tasks]),
            np.array([t.cpu_capacity_mhz for t in tasks], dtype=np.float64),
            integers([t.memory_mib for t in tasks]),
            integers([len(t.fragments) for t in tasks]),
            np.concatenate([np.zeros(0, dtype=np.int64)] + [t.fragments.duration_ms for t in tasks]),
            np.concatenate([np.zeros(0)] + [t.fragments.cpu_usage_mhz for t in tasks]),
        )

    def in_order_of_submission(self) -> TaskColumns:
        """Those with fragments, sorted by submission; file order breaks ties."""
        order = np.argsort(self.submission_ms, kind="stable")
        order = order[self.count[order] > 0]
        if np.array_equal(order, np.arange(len(self))):
            return self
        count = self.count[order]
        begin = (np.cumsum(self.count) - self.count)[order]
        rows = np.arange(count.sum()) + np.repeat(begin - (np.cumsum(count) - count), count)
        return TaskColumns(
            self.id[order],
            self.submission_ms[order],
            self.cpu_count[order],
            self.cpu_capacity_mhz[order],
            self.memory_mib[order],
            count,
            self.duration_ms[rows],
            self.cpu_usage_mhz[rows],
        )

    def without_fragments(self) -> TaskColumns:
        """What tasks are and ask for, without what they do: `count` is all that is left of their fragments."""
        return replace(self, duration_ms=self.duration_ms[:0].copy(), cpu_usage_mhz=self.cpu_usage_mhz[:0].copy())

    def moved_to(self, first_ms: int) -> TaskColumns:
        """All submissions moved alike, so that the first of a task with fragments is at `first_ms`."""
        runnable = self.submission_ms[self.count > 0]
        return replace(self, submission_ms=self.submission_ms + (first_ms - runnable.min())) if len(runnable) else self
