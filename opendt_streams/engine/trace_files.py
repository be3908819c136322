"""Workload folders and carbon traces in OpenDC's Parquet form (opendc-semantics section 2), and in OpenDT's: text ids, nullable columns."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from opendt_streams.errors import BadInput
from opendt_streams.model.carbon import CarbonTrace, carbon_trace
from opendt_streams.model.task import Fragments, Int64, Task

_UNSUPPORTED: Final = ("gpu_count", "gpu_capacity", "gpu_usage", "parents", "children")


def read_tasks(folder: Path) -> list[Task]:
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
    lasts = tasks.integers("duration", default=0)
    capacity = tasks.numbers("cpu_capacity", default=0.0)

    owner = fragments.ids("id")
    duration, usage = fragments.integers("duration"), fragments.numbers("cpu_usage")
    if len(owner) and (owner[1:] < owner[:-1]).any():
        order = np.argsort(owner, kind="stable")
        owner, duration, usage = owner[order], duration[order], usage[order]
    first, end = np.searchsorted(owner, ids, side="left"), np.searchsorted(owner, ids, side="right")
    columns = (a.tolist() for a in (ids, submitted, lasts, cores, capacity, memory, first, end))
    return [Task(i, s, d, c, cap, m, Fragments(duration[lo:hi], usage[lo:hi])) for i, s, d, c, cap, m, lo, hi in zip(*columns, strict=True)]


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
            self._table = pq.read_table(path)
        except FileNotFoundError:
            raise BadInput("no such file", where=str(path)) from None
        except (pa.ArrowInvalid, OSError) as error:
            raise BadInput(f"this is not a readable Parquet file ({error})", where=str(path)) from None

    def refuse_unsupported(self) -> None:
        for name in set(_UNSUPPORTED) & set(self._table.column_names):
            column = self._table[name]
            used = pc.list_value_length(column) if pa.types.is_list(column.type) else column
            if pc.any(pc.greater(used, 0)).as_py():
                raise BadInput(f"the native engine does not model what column {name} asks for", where=str(self.path))

    def ids(self, name: str) -> Int64:
        column = self._column(name)
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            column = pc.replace_substring_regex(column, "^task-", "")
            try:
                column = column.cast(pa.int64())
            except pa.ArrowInvalid:
                raise BadInput(
                    "an id is not a whole number", expected='such as 123, "123" or "task-123"', where=self._where(name)
                ) from None
        return self._whole(name, column)

    def times(self, name: str) -> Int64:
        column = self._column(name)
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.timestamp("ms", column.type.tz), safe=False).cast(pa.int64())
        return self._whole(name, column)

    def integers(self, name: str, default: int | None = None) -> Int64:
        if default is not None and name not in self._table.column_names:
            return np.full(len(self._table), default, dtype=np.int64)
        values = self._whole(name, self._column(name))
        self._refuse(name, values < 0, values, "0 or more")
        return values

    def numbers(self, name: str, default: float | None = None) -> NDArray[np.float64]:
        if default is not None and name not in self._table.column_names:
            return np.full(len(self._table), default)
        column = self._column(name)
        if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
            raise BadInput(f"its type is {column.type}", expected="numbers", where=self._where(name))
        values = np.array(column.cast(pa.float64()), dtype=np.float64)
        self._refuse(name, ~(np.isfinite(values) & (values >= 0)), values, "a finite number, 0 or more")
        return values

    def _whole(self, name: str, column: pa.ChunkedArray) -> Int64:
        try:
            if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
                raise pa.ArrowInvalid
            return np.array(column.cast(pa.int64()), dtype=np.int64)
        except pa.ArrowInvalid:
            raise BadInput(f"its type is {column.type}", expected="whole numbers", where=self._where(name)) from None

    def _column(self, name: str) -> pa.ChunkedArray:
        if name not in self._table.column_names:
            raise BadInput(f"the column {name} is missing", expected="the columns of OpenDC's trace format", where=str(self.path))
        column = self._table[name]
        if column.null_count:
            row = int(np.flatnonzero(np.array(column.is_null()))[0])
            raise BadInput("a value is missing", where=self._where(name, row))
        return column

    def _refuse(self, name: str, wrong: NDArray[np.bool_], values: NDArray[np.generic], expected: str) -> None:
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise BadInput(f"{values[row]} is not possible here", expected=expected, where=self._where(name, row))

    def _where(self, name: str, row: int | None = None) -> str:
        return f"{self.path} column {name}" + ("" if row is None else f" row {row}")
