"""Names, types and order of the columns that OpenDC writes. In the fields: a nullable column is one that may be null."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias, get_args

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

TableName: TypeAlias = Literal["powerSource", "host", "task", "service"]
TABLES: Final[tuple[TableName, ...]] = get_args(TableName)
Columns: TypeAlias = dict[str, "pa.Array | NDArray[np.generic]"]

_SHORT: Final = {"int": pa.int32(), "long": pa.int64(), "float": pa.float32(), "text": pa.string()}
_TIME: Final = "timestamp:long timestamp_absolute:long "
_LAYOUT: Final[dict[TableName, str]] = {
    "powerSource": _TIME + "source_name:text cluster_name:text power_draw:float energy_usage:float "
    "carbon_intensity:float carbon_emission:float",
    "service": _TIME + "hosts_up:int hosts_down:int tasks_total:int tasks_pending:int tasks_active:int tasks_completed:int "
    "tasks_terminated:int",
    "host": _TIME + "host_name:text cluster_name:text core_count:int mem_capacity:long tasks_terminated:int tasks_running:int "
    "tasks_error:int tasks_invalid:int cpu_capacity:float cpu_usage:float cpu_demand:float cpu_utilization:float cpu_time_active:long "
    "cpu_time_idle:long cpu_time_steal:long cpu_time_lost:long power_draw:float energy_usage:float embodied_carbon:float uptime:long "
    "downtime:long boot_time:long?",
    "task": _TIME + "task_id:int task_name:text host_name:text mem_capacity:long cpu_count:int cpu_limit:float cpu_usage:float "
    "cpu_demand:float cpu_time_active:long cpu_time_idle:long cpu_time_steal:long cpu_time_lost:long gpu_count:int? gpu_limit:float? "
    "gpu_usage:float? gpu_demand:float? gpu_time_active:long? gpu_time_idle:long? gpu_time_steal:long? gpu_time_lost:long? uptime:long "
    "downtime:long num_failures:long num_pauses:long schedule_time:long? submission_time:long? finish_time:long? task_state:text?",
}
_SINCE_24G: Final[dict[TableName, str]] = {"task": " scheduling_delay:long? failure_delay:long? checkpoint_delay:long?"}
KEYS: Final[dict[TableName, tuple[str, ...]]] = {
    "powerSource": ("timestamp", "timestamp_absolute", "source_name", "cluster_name"),
    "service": ("timestamp", "timestamp_absolute"),
    "host": ("timestamp", "timestamp_absolute", "host_name", "cluster_name"),
    "task": ("timestamp", "timestamp_absolute", "task_id", "task_name"),
}
"""The columns that are always written, whatever the experiment selects."""
BATTERY_KEYS: Final = ("timestamp", "timestamp_absolute", "battery_name", "cluster_name")
_BATTERY: Final = (
    _TIME + "battery_name:text cluster_name:text power_draw:float energy_usage:float embodied_carbon_emission:float charge:float "
    "capacity:float battery_state:text?"
)


def schema(table: TableName, semantics: str = "2.4f") -> pa.Schema:
    return _schema(_LAYOUT[table] + ("" if semantics == "2.4f" else _SINCE_24G.get(table, "")))


def _schema(layout: str) -> pa.Schema:
    fields = []
    for column in layout.split():
        name, kind = column.split(":")
        fields.append(pa.field(name, _SHORT[kind.rstrip("?")], nullable=kind.endswith("?")))
    return pa.schema(fields)


BATTERY: Final = _schema(_BATTERY)
"""Of the table of batteries, of which the native engine has none: no row is ever written."""


def text(names: tuple[str, ...], index: NDArray[np.int64]) -> pa.Array:
    """A text column that holds names[index[i]] in row i."""
    return pa.array(names, pa.string()).take(pa.array(index))


def nullable(values: NDArray[np.int64], known: NDArray[np.bool_]) -> pa.Array:
    return pa.array(values, pa.int64(), mask=~known)
