"""tasks.parquet and fragments.parquet as columns: a task's Python object exists only while somebody looks at it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from opendt_streams.model.task import Float64, Fragments, Int64, Task
from opendt_streams.workload.columns import Table
from opendt_streams.workload.findings import Findings

TASKS: Final = "tasks.parquet"
FRAGMENTS: Final = "fragments.parquet"
N = TypeVar("N", bound=np.generic)


@dataclass(frozen=True, slots=True, eq=False)
class TaskTable:
    """n tasks by submission time (file order at equal times); fragments in file order per task, as CSR.

    The fragments of task i are rows fragment_offsets[i] to fragment_offsets[i + 1] of the two fragment columns.
    Shapes: the first six (n,), offsets (n + 1,), fragment columns (fragments,). All read-only.
    """

    id: Int64
    submission_ms: Int64
    duration_ms: Int64
    cpu_count: Int64
    cpu_capacity_mhz: Float64
    mem_capacity: Int64
    fragment_offsets: Int64
    fragment_duration_ms: Int64
    fragment_usage_mhz: Float64

    def __post_init__(self) -> None:
        for column in fields(self):
            getattr(self, column.name).flags.writeable = False

    def __len__(self) -> int:
        return len(self.id)

    def __iter__(self) -> Iterator[Task]:
        return (self.task(i) for i in range(len(self)))

    @property
    def fragment_counts(self) -> Int64:
        return np.diff(self.fragment_offsets)

    def task(self, i: int) -> Task:
        """Task i; its fragments are views."""
        rows = slice(int(self.fragment_offsets[i]), int(self.fragment_offsets[i + 1]))
        return Task(
            id=int(self.id[i]),
            submission_ms=int(self.submission_ms[i]),
            duration_ms=int(self.duration_ms[i]),
            cpu_count=int(self.cpu_count[i]),
            cpu_capacity_mhz=float(self.cpu_capacity_mhz[i]),
            mem_capacity=int(self.mem_capacity[i]),
            fragments=Fragments(self.fragment_duration_ms[rows], self.fragment_usage_mhz[rows]),
        )


def read_tasks(directory: Path) -> TaskTable:
    """The tasks of a workload directory, OpenDT's form (string ids) or OpenDC's (int32 ids).

    Raises:
        BadInput: names the file, row and column of the first thing that is wrong.
    """
    table = load_tasks(directory, Findings(directory, strict=True))
    if table is None:
        raise AssertionError("a strict reading raises instead of giving up")
    return table


def load_tasks(directory: Path, findings: Findings) -> TaskTable | None:
    heads = _load_heads(Table.open(directory / TASKS, findings), findings)
    table = Table.open(directory / FRAGMENTS, findings)
    if table is None:
        return None
    ids = table.ids("id")
    # One column after the other: a fragment column of SURF takes 19 MB, and only what is kept stays.
    join = _Join.of(heads.id, ids, findings) if heads is not None and ids is not None else None
    duration = _gather(table.whole_numbers("duration"), join)
    usage = _gather(table.numbers("cpu_usage"), join)
    # Arrow keeps freed memory for itself; the process that reads a workload lives on for hours.
    pa.default_memory_pool().release_unused()
    if heads is None or join is None or duration is None or usage is None:
        return None
    return TaskTable(
        id=heads.id,
        submission_ms=heads.submission_ms,
        duration_ms=heads.duration_ms,
        cpu_count=heads.cpu_count,
        cpu_capacity_mhz=heads.cpu_capacity_mhz,
        mem_capacity=heads.mem_capacity,
        fragment_offsets=join.offsets,
        fragment_duration_ms=duration,
        fragment_usage_mhz=usage,
    )


@dataclass(frozen=True, slots=True)
class _Heads:
    id: Int64
    submission_ms: Int64
    duration_ms: Int64
    cpu_count: Int64
    cpu_capacity_mhz: Float64
    mem_capacity: Int64

    def columns(self) -> list[NDArray[Any]]:
        return [getattr(self, c.name) for c in fields(self)]

    def sorted(self) -> _Heads:
        """By submission time; file order breaks ties."""
        order = np.argsort(self.submission_ms, kind="stable")
        return _Heads(*(column[order] for column in self.columns()))


def _gather(column: NDArray[N] | None, join: _Join | None) -> NDArray[N] | None:
    return None if column is None or join is None else column[join.rows]


def _load_heads(table: Table | None, findings: Findings) -> _Heads | None:
    if table is None:
        return None
    if not table.row_count:
        findings.error(TASKS, "the workload is empty", "at least one task")
        return None
    ids, submission = table.ids("id"), table.instants("submission_time")
    duration, cpu_count = table.whole_numbers("duration"), table.whole_numbers("cpu_count")
    capacity, memory = table.numbers("cpu_capacity"), table.whole_numbers("mem_capacity")
    if ids is None or submission is None or duration is None or cpu_count is None or capacity is None or memory is None:
        return None
    heads = _Heads(ids, submission, duration, cpu_count, capacity, memory)
    return heads.sorted() if _check_duplicates(heads, findings) else None


def _check_duplicates(heads: _Heads, findings: Findings) -> bool:
    """The same task twice is skipped by the twin; one id with two contents has no right answer."""
    order = np.argsort(heads.id, kind="stable")
    same = np.flatnonzero(heads.id[order][1:] == heads.id[order][:-1])
    fine = True
    for earlier, later in zip(order[same], order[same + 1], strict=True):
        what = f"the id {heads.id[later]} is that of row {earlier} too"
        if all(column[earlier] == column[later] for column in heads.columns()):
            findings.warning(TASKS, f"{what}, with the same content", "one row per task", row=int(later), column="id")
        else:
            findings.error(TASKS, f"{what}, with other content", "one row per task", row=int(later), column="id")
            fine = False
    return fine


@dataclass(frozen=True, slots=True)
class _Join:
    """Which rows of fragments.parquet belong to which task: rows[offsets[i]:offsets[i + 1]] are those of task i, in file order."""

    offsets: Int64
    rows: NDArray[np.int32]

    @staticmethod
    def of(task_ids: Int64, fragment_ids: Int64, findings: Findings) -> _Join:
        if not len(fragment_ids):
            findings.warning(FRAGMENTS, "there are no fragments: no task does anything", "fragments of the tasks")
        known, which = np.unique(task_ids, return_inverse=True)
        slot = np.minimum(np.searchsorted(known, fragment_ids), len(known) - 1).astype(np.int32)
        strangers = known[slot] != fragment_ids
        if strangers.any():
            row, count = int(strangers.argmax()), int(strangers.sum())
            what = f"{count} fragments belong to no task; the first to task {fragment_ids[row]}"
            findings.warning(FRAGMENTS, what, f"ids that {TASKS} has", row=row, column="id")
        slot[strangers] = len(known)  # behind all others, where nobody takes them
        counts = np.bincount(slot, minlength=len(known) + 1)
        starts = np.cumsum(counts) - counts
        grouped = np.argsort(slot, kind="stable").astype(np.int32)
        del slot, strangers
        per_task = counts[which]
        offsets = np.concatenate(([0], np.cumsum(per_task)))
        # Tasks with the same id share their fragments, so this is a gather and not a permutation.
        place = np.arange(offsets[-1])
        place += np.repeat(starts[which] - offsets[:-1], per_task)
        return _Join(offsets, grouped[place])
