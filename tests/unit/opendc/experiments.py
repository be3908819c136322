"""A small experiment as files."""

from __future__ import annotations

import json
from pathlib import Path

from opendt_streams.engine.opendc.inputs import write_workload
from opendt_streams.engine.task_columns import TaskColumns
from opendt_streams.model.topology_json import to_document
from tests.unit.engine.workloads import datacenter, host_group, task


def write_experiment(folder: Path) -> Path:
    """All four tables of three tasks on two hosts, every 10 s; paths are relative to `folder`."""
    work = [task(i, 1500 * i, [(12_000, 300.0 * i), (9000, 50.0)]) for i in (1, 2, 3)]
    write_workload(TaskColumns.of(work), folder / "workload")
    (folder / "topology.json").write_text(json.dumps(to_document(datacenter(host_group(count=2)))))
    experiment = {
        "name": "small",
        "topologies": [{"pathToFile": "topology.json"}],
        "workloads": [{"pathToFile": "workload", "type": "ComputeWorkload"}],
        "exportModels": [{"exportInterval": 10, "filesToExport": ["powerSource", "host", "task", "service"]}],
    }
    path = folder / "experiment.json"
    path.write_text(json.dumps(experiment))
    return path
