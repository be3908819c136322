"""The first difference between two folders of OpenDC's tables: one of the native engine, one of the real OpenDC.

Compared exactly, after the float32 of the files. Left out is what the real runner gets wrong (opendc-semantics section 12): `cpu_usage`,
`cpu_utilization` and the cpu times, which get stuck. Of a task the last row counts.

Rests are no differences. OpenDC keeps the demand of a host as a running sum, to which starts and ends of fragments are added and from which
they are taken; what is left of that is wrong by up to 1e-12 of what was summed. On an idle host it is a demand of some 1e-10 MHz, or watts
to match where idle hosts draw nothing. Elsewhere it is far below a step of float32 (6e-8), and shows where a value lies that close to the
middle between two of them, about once in 30,000. So one step is passed over in what is made of such sums, but not where many values differ
by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from opendt_streams.engine.native.tables.columns import TABLES, TableName

_NO_DEMAND_MHZ: Final = 1e-6
_REST: Final = 1e-12  # of what was summed
_LEVELS: Final = ("cpu_demand", "power_draw")
_INTEGRALS: Final = ("energy_usage", "carbon_emission")
_MOST_RESTS: Final = 1e-3  # of the values of a column; ten times and more what rests of 1e-12 can be
_FEW: Final = 3
_KEYS: Final[dict[TableName, tuple[str, ...]]] = {
    "powerSource": ("timestamp", "cluster_name"),
    "service": ("timestamp",),
    "host": ("timestamp", "host_name"),
    "task": ("task_id",),
}
_COMPARED: Final[dict[TableName, str]] = {
    "powerSource": "timestamp_absolute power_draw energy_usage carbon_intensity carbon_emission",
    "service": "timestamp_absolute hosts_up hosts_down tasks_total tasks_pending tasks_active tasks_completed tasks_terminated",
    "host": "timestamp_absolute cluster_name core_count mem_capacity tasks_terminated tasks_running cpu_capacity cpu_demand power_draw "
    "energy_usage",
    "task": "host_name mem_capacity cpu_count schedule_time submission_time finish_time task_state",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """Where, and both values; `column` None where the numbers of rows or the keys differ."""

    scenario: str
    table: str
    key: dict[str, Any]
    column: str | None
    native: Any
    opendc: Any

    def __str__(self) -> str:
        where = f"{self.scenario} {self.table}" + "".join(f" {k}={v}" for k, v in self.key.items())
        return f"{where}: {self.column or 'rows'} native {self.native}, opendc {self.opendc}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """`rows`: compared, by table; `difference`: the first in time of all tables; None where all are equal.

    `rests`: values that differ by one step of float32 for a rest of a sum, and count as equal.
    """

    rows: dict[str, int]
    difference: Difference | None
    rests: int = 0


def compare_folders(native: Path, opendc: Path) -> Comparison:
    """Both are the folder of an experiment: raw-output/<scenario>/seed=<seed>/<table>.parquet."""
    rows: dict[str, int] = {}
    rests = 0
    scenarios = {str(p.parent.relative_to(root)) for root in (native, opendc) for p in root.glob("raw-output/*/seed=*/*.parquet")}
    for scenario in sorted(scenarios):
        found = []
        for table in TABLES:
            ours, theirs = (root / scenario / f"{table}.parquet" for root in (native, opendc))
            if not ours.exists() and not theirs.exists():
                continue
            if ours.exists() != theirs.exists():
                return Comparison(rows, Difference(scenario, table, {}, None, *(_there(p) for p in (ours, theirs))), rests)
            a, b = _read(ours, table), _read(theirs, table)
            rows[table] = rows.get(table, 0) + len(a["row"])
            difference, passed_over = _first(scenario, table, a, b)
            rests += passed_over
            found += [difference] if difference is not None else []
        if found:
            return Comparison(rows, min(found, key=lambda d: d.key.get("timestamp", -1)), rests)
    return Comparison(rows, None, rests)


def _there(path: Path) -> str:
    return "there" if path.exists() else "missing"


def _read(path: Path, table: TableName) -> dict[str, NDArray[Any]]:
    """Columns in the order of their keys; equal keys (two rows of one instant) in file order, and numbered."""
    frame = pq.read_table(path)
    names = [*_KEYS[table], *(("timestamp",) if table == "task" else ()), *_COMPARED[table].split()]
    columns = {n: _column(frame[n]) for n in dict.fromkeys(names) if n in frame.column_names}
    codes = [np.unique(columns[k].astype(str) if columns[k].dtype == object else columns[k], return_inverse=True)[1] for k in _KEYS[table]]
    if table == "task":
        codes.append(columns.pop("timestamp"))
    order = np.lexsort((np.arange(len(frame)), *reversed(codes)))
    if table == "task":  # the last row of each
        order = order[np.append(columns["task_id"][order][1:] != columns["task_id"][order][:-1], True)[: len(order)]]
    if "cpu_demand" in columns:
        columns["cpu_demand"] = np.where(np.abs(columns["cpu_demand"]) < _NO_DEMAND_MHZ, np.float32(0), columns["cpu_demand"])
    return {"row": np.arange(len(order))} | {n: c[order] for n, c in columns.items()}


def _column(column: pa.ChunkedArray) -> NDArray[Any]:
    """As numpy has it; with None where a value is missing."""
    return np.array(column.to_pylist(), dtype=object) if column.null_count else np.array(column)


def _first(scenario: str, table: TableName, a: dict[str, NDArray[Any]], b: dict[str, NDArray[Any]]) -> tuple[Difference | None, int]:
    """The first difference, and how many values differ by a rest only."""
    if len(a["row"]) != len(b["row"]):
        return Difference(scenario, table, {}, None, len(a["row"]), len(b["row"])), 0
    places, rests = [], 0
    for i, column in enumerate(c for c in a if c in b):
        unequal = ~_equal(a[column], b[column])
        if column in (*_LEVELS, *_INTEGRALS) and unequal.any():
            unequal &= ~_nothing(column, a[column], b[column])
            rest = unequal & _one_step_apart(a[column], b[column])
            if (count := int(rest.sum())) <= max(_FEW, _MOST_RESTS * len(rest)):
                unequal, rests = unequal & ~rest, rests + count
        if unequal.any():
            places.append((int(np.argmax(unequal)), i, column))
    if not places:
        return None, rests
    row, _, column = min(places)
    key = {k: _plain(a[k][row]) for k in _KEYS[table]}
    return Difference(scenario, table, key, column, _plain(a[column][row]), _plain(b[column][row])), rests


def _nothing(column: str, a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.bool_]:
    """Where both are the same up to a rest of what the column is made of: its largest value, or all of them where they add up.

    A watt, a joule, a gram or a MHz at least: a column may show nothing of what went on between its rows.
    """
    summed = np.abs(a.astype(np.float64))
    made_of = max(1.0, summed.sum() if column in _INTEGRALS else summed.max())
    return np.asarray(np.abs(a.astype(np.float64) - b) <= _REST * made_of)


def _one_step_apart(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.bool_]:
    """Neighbours among the numbers of float32."""
    x, y = a.astype(np.float32), b.astype(np.float32)
    return np.asarray((np.nextafter(x, np.float32(np.inf)) == y) | (np.nextafter(x, np.float32(-np.inf)) == y))


def _equal(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.bool_]:
    if a.dtype.kind == "f" and b.dtype.kind == "f":
        return np.asarray((a == b) | (np.isnan(a) & np.isnan(b)))
    if a.dtype == object or b.dtype == object:
        return np.array([x == y or (x is None and y is None) for x, y in zip(a, b, strict=True)], dtype=np.bool_)
    return np.asarray(a == b)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
