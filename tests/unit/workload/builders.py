"""A small valid workload directory to break in one place."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from opendt_streams.model.times import parse

START = parse("2024-01-01T10:00:20Z")
Columns = dict[str, Any]
Files = dict[str, Any]


def instants(*seconds_after_start: float, unit: str = "ms", tz: str | None = None) -> Any:
    return pa.array([int(START + 1000 * s) for s in seconds_after_start], type=pa.timestamp("ms")).cast(pa.timestamp(unit, tz=tz))


HOST: Columns = {
    "name": "H01",
    "count": 4,
    "cpu": {"coreCount": 16, "coreSpeed": 2100},
    "memory": {"memorySize": 65536},
    "cpuPowerModel": {"modelType": "linear", "power": 300.0, "idlePower": 50.0, "maxPower": 200.0},
}


def files() -> Files:
    """File name to content: columns of a Parquet file, a JSON document, or text. Tasks 11, 12, 13; 13 has no fragments; not sorted."""
    return {
        "tasks.parquet": {
            "id": ["12", "11", "13"],
            "submission_time": instants(60, 0, 60),
            "duration": [60_000, 90_000, 10_000],
            "cpu_count": pa.array([2, 16, 1], pa.int32()),
            "cpu_capacity": [4200.0, 33_600.0, 2100.0],
            "mem_capacity": [4_000_000, 100_000, 1_000],
        },
        "fragments.parquet": {
            "id": ["11", "12", "11", "12", "11"],
            "duration": [30_000, 30_000, 30_001, 30_000, 30_002],
            "cpu_count": pa.array([16, 2, 16, 2, 16], pa.int32()),
            "cpu_usage": [100.0, 200.0, 101.0, 201.0, 0.0],
        },
        "consumption.parquet": {"power_draw": [250.0, 260.0, 260.0, 255.0], "timestamp": [30_000, 60_000, 90_000, 120_000]},
        "carbon.parquet": {"timestamp": instants(-900, 0, 900), "carbon_intensity": [100.0, 110.0, 120.0]},
        "topology.json": {
            "clusters": [
                {"name": "C01", "hosts": [copy.deepcopy(HOST)], "powerSource": {"carbonTracePath": "/somewhere/else/carbon.parquet"}},
            ]
        },
        "workload.yaml": "name: tiny\ndescription: Three tasks\ntimestamps:\n  consumption_offset_ms: 0\n",
    }


def write(directory: Path, change: Callable[[Files], object] | None = None) -> Path:
    """Writes the files after `change` has been at them; a file set to None is left out, bytes are written as they are."""
    content = files()
    if change is not None:
        change(content)
    directory.mkdir(exist_ok=True)
    for name, data in content.items():
        if data is None:
            continue
        if isinstance(data, bytes):
            (directory / name).write_bytes(data)
        elif isinstance(data, str):
            (directory / name).write_text(data, encoding="utf-8")
        elif name.endswith(".json"):
            (directory / name).write_text(json.dumps(data), encoding="utf-8")
        else:
            pq.write_table(pa.table(data), directory / name)
    return directory
