"""Workload folders and carbon traces in OpenDC's Parquet form (opendc-semantics section 2), and in OpenDT's: text ids, nullable columns."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from opendt_streams.engine.task_columns import TaskColumns
from opendt_streams.errors import BadInput
from opendt_streams.model.carbon import CarbonTrace, carbon_trace
from opendt_streams.model.task import Int64

_UNSUPPORTED: Final = ("gpu_count", "gpu_capacity", "gpu_usage", "parents", "children")


def read_tasks(folder: Path) -> TaskColumns:
    """All tasks of `tasks.parquet` with their fragments from `fragments.parquet`, both in file order.

    Raises:
        BadInput: names file, column and, where it can, the row (from 0) of what is wrong.
    """
    tasks = _File(folder / "tasks.parquet")
    fragments = _File(folder / "fragments.parquet")
    for file in (tasks, fragments):
        file.refuse_unsupported()
    ids = tasks.ids("id")
    distinct, count = np.unique(ids, return_counts=True)
    if (count > 1).any():
        raise BadInput(f"task {distinct[count > 1][0]} occurs twice", where=f"{tasks.path} column id")
    submitted = tasks.times("submission_time")
    cores, memory = tasks.integers("cpu_count"), tasks.integers("mem_capacity")
    tasks.integers("duration", default=0)  # read, and without effect
    capacity = tasks.numbers("cpu_capacity", default=0.0)

    owner = fragments.ids("id")
    duration, usage = fragments.integers("duration"), fragments.numbers("cpu_usage")
    if len(owner) and (owner[1:] < owner[:-1]).any():
        order = np.argsort(owner, kind="stable")
        owner, duration, usage = owner[order], duration[order], usage[order]
        del order
    first, end = np.searchsorted(owner, ids, side="left"), np.searchsorted(owner, ids, side="right")
    count = end - first
    if len(owner) > count.sum() or not np.array_equal(end, np.cumsum(count)):
        rows = np.arange(count.sum()) + np.repeat(first - (np.cumsum(count) - count), count)
        duration, usage = duration[rows], usage[rows]
    # The columns are NumPy's own, so that their memory is free for the simulation as soon as nobody needs them; Arrow keeps what it had.
    del owner
    pa.default_memory_pool().release_unused()
    return TaskColumns(ids, submitted, cores, capacity, (memory + 500) // 1000, count, duration, usage)


def read_carbon(path: Path) -> CarbonTrace:
    file = _File(path)
    trace = carbon_trace(file.times("timestamp"), file.numbers("carbon_intensity"))
    if not len(trace.time_ms):
        raise BadInput("the carbon trace is empty", expected="at least one row", where=str(path))
    return trace


class _File:
    """A Parquet file whose columns are asked for by meaning."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = pq.ParquetFile(path)
            if "id" in self._names:  # text ids: each distinct one once, instead of one per fragment
                self._file = pq.ParquetFile(path, read_dictionary=["id"])
        except FileNotFoundError:
            raise BadInput("no such file", where=str(path)) from None
        except (pa.ArrowInvalid, OSError) as error:
            raise BadInput(f"this is not a readable Parquet file ({error})", where=str(path)) from None

    def refuse_unsupported(self) -> None:
        for name in set(_UNSUPPORTED) & set(self._names):
            column = self._read(name)
            used = pc.list_value_length(column) if pa.types.is_list(column.type) else column
            if pc.any(pc.greater(used, 0)).as_py():
                raise BadInput(f"the native engine does not model what column {name} asks for", where=str(self.path))

    def ids(self, name: str) -> Int64:
        column = self._column(name)
        if not pa.types.is_dictionary(column.type):
            return self._whole(name, column)
        try:
            parts = [
                np.array(pc.replace_substring_regex(chunk.dictionary, "^task-", "").cast(pa.int64()))[np.array(chunk.indices)]
                for chunk in column.chunks
            ]
        except pa.ArrowInvalid:
            raise BadInput("an id is not a whole number", expected='such as 123, "123" or "task-123"', where=self._where(name)) from None
        return np.concatenate([np.zeros(0, dtype=np.int64), *parts])

    def times(self, name: str) -> Int64:
        column = self._column(name)
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.timestamp("ms", column.type.tz), safe=False).cast(pa.int64())
        return self._whole(name, column)

    def integers(self, name: str, default: int | None = None) -> Int64:
        if default is not None and name not in self._names:
            return np.full(self._rows, default, dtype=np.int64)
        values = self._whole(name, self._column(name))
        self._refuse(name, values < 0, values, "0 or more")
        return values

    def numbers(self, name: str, default: float | None = None) -> NDArray[np.float64]:
        if default is not None and name not in self._names:
            return np.full(self._rows, default)
        column = self._column(name)
        if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
            raise BadInput(f"its type is {column.type}", expected="numbers", where=self._where(name))
        values: NDArray[np.float64] = column.cast(pa.float64()).to_numpy().copy()
        self._refuse(name, ~(np.isfinite(values) & (values >= 0)), values, "a finite number, 0 or more")
        return values

    def _whole(self, name: str, column: pa.ChunkedArray) -> Int64:
        try:
            if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
                raise pa.ArrowInvalid
            whole: Int64 = column.cast(pa.int64()).to_numpy().copy()
            return whole
        except pa.ArrowInvalid:
            raise BadInput(f"its type is {column.type}", expected="whole numbers", where=self._where(name)) from None

    def _column(self, name: str) -> pa.ChunkedArray:
        if name not in self._names:
            raise BadInput(f"the column {name} is missing", expected="the columns of OpenDC's trace format", where=str(self.path))
        column = self._read(name)
        if column.null_count:
            row = int(np.flatnonzero(np.array(column.is_null()))[0])
            raise BadInput("a value is missing", where=self._where(name, row))
        return column

    @property
    def _names(self) -> list[str]:
        names: list[str] = self._file.schema_arrow.names
        return names

    @property
    def _rows(self) -> int:
        rows: int = self._file.metadata.num_rows
        return rows

    def _read(self, name: str) -> pa.ChunkedArray:
        """One column at a time: a file never lies in memory as a whole."""
        try:
            return self._file.read(columns=[name])[name]
        except (pa.ArrowInvalid, OSError) as error:
            raise BadInput(f"this is not a readable Parquet file ({error})", where=str(self.path)) from None

    def _refuse(self, name: str, wrong: NDArray[np.bool_], values: NDArray[np.generic], expected: str) -> None:
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise BadInput(f"{values[row]} is not possible here", expected=expected, where=self._where(name, row))

    def _where(self, name: str, row: int | None = None) -> str:
        return f"{self.path} column {name}" + ("" if row is None else f" row {row}")
