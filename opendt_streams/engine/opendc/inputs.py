"""A problem as the files that OpenDC reads (opendc-semantics sections 2, 4 and 11): every column required, no key null, paths relative."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from opendt_streams.engine.opendc.problem import Problem
from opendt_streams.engine.task_columns import TaskColumns
from opendt_streams.model.carbon import CarbonTrace
from opendt_streams.model.topology_json import to_document

NAME: Final = "window"
EXPERIMENT: Final = "experiment.json"
POWER_FILE: Final = Path("output") / NAME / "raw-output" / "0" / "seed=0" / "powerSource.parquet"

_TIME: Final = pa.timestamp("ms")


def write_problem(problem: Problem, folder: Path) -> None:
    """Write everything into `folder`, which becomes OpenDC's working directory."""
    traces = sorted({c.carbon_trace for c in problem.topology.clusters if c.carbon_trace is not None})
    names = {name: f"carbon-{i}.parquet" for i, name in enumerate(traces)}
    for name, file in names.items():
        write_carbon(problem.carbon[name], folder / file)
    (folder / "topology.json").write_bytes(orjson.dumps(_topology(problem, names), option=orjson.OPT_INDENT_2))
    write_workload(problem.tasks(), folder / "workload")
    (folder / EXPERIMENT).write_bytes(orjson.dumps(_experiment(problem), option=orjson.OPT_INDENT_2))


def write_workload(tasks: TaskColumns, folder: Path) -> None:
    """`tasks.parquet` and `fragments.parquet` as OpenDC takes them; ids must fit into 32 bits."""
    folder.mkdir(parents=True, exist_ok=True)
    duration_ms = np.add.reduceat(np.append(tasks.duration_ms, 0), np.cumsum(tasks.count) - tasks.count) * (tasks.count > 0)
    ids = tasks.id.astype(np.int32)
    _write(
        folder / "tasks.parquet",
        id=pa.array(ids),
        submission_time=pa.array(tasks.submission_ms),
        duration=pa.array(duration_ms),
        cpu_count=pa.array(tasks.cpu_count.astype(np.int32)),
        cpu_capacity=pa.array(tasks.cpu_capacity_mhz),
        mem_capacity=pa.array(tasks.memory_mib * 1000),
    )
    _write(
        folder / "fragments.parquet",
        id=pa.array(np.repeat(ids, tasks.count)),
        duration=pa.array(tasks.duration_ms),
        cpu_usage=pa.array(tasks.cpu_usage_mhz),
    )


def write_carbon(trace: CarbonTrace, path: Path) -> None:
    _write(path, timestamp=pa.array(trace.time_ms).cast(_TIME), carbon_intensity=pa.array(trace.intensity_g_per_kwh))


def _write(path: Path, **columns: pa.Array) -> None:
    schema = pa.schema([pa.field(name, column.type, nullable=False) for name, column in columns.items()])
    pq.write_table(pa.Table.from_arrays(list(columns.values()), schema=schema), path, compression="snappy")


def _topology(problem: Problem, names: dict[str, str]) -> dict[str, Any]:
    document: dict[str, Any] = to_document(problem.topology)
    for cluster in document["clusters"]:
        source = cluster.get("powerSource", {})
        if "carbonTracePath" in source:
            source["carbonTracePath"] = names[source["carbonTracePath"]]
    return document


def _experiment(problem: Problem) -> dict[str, Any]:
    return {
        "name": NAME,
        "topologies": [{"pathToFile": "topology.json"}],
        "workloads": [{"pathToFile": "workload", "type": "ComputeWorkload"}],
        "allocationPolicies": [{"type": "prefab", "policyName": problem.policy}],
        "outputFolder": "output",
        "exportModels": [{"exportInterval": problem.interval_ms // 1000, "filesToExport": ["powerSource"]}],
    }
