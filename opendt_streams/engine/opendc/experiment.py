"""`opendt engine run --engine opendc`: a user's experiment file, given to the real OpenDC as it is.

Nothing in it is checked here: OpenDC does that. Two things are put right, as the native engine does: a workload in OpenDT's form (text
ids, nullable columns) is written again in OpenDC's, and a carbon trace that is named by a path of another machine is looked for.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from opendt_streams.engine.experiment import output_name
from opendt_streams.engine.export import ScenarioReport
from opendt_streams.engine.json_files import read_json
from opendt_streams.engine.native.tables.columns import TABLES
from opendt_streams.engine.opendc.inputs import EXPERIMENT, write_workload
from opendt_streams.engine.opendc.rows import Unreadable, unreadable
from opendt_streams.engine.opendc.runner import Runner
from opendt_streams.engine.trace_files import read_tasks
from opendt_streams.errors import BadInput


def run_with_opendc(experiment: Path, output: Path, runner: Runner, clock: Callable[[], float] = time.perf_counter) -> list[ScenarioReport]:
    """Run it in the working directory and put OpenDC's folders into `output`: all of them, once OpenDC has ended well.

    Raises:
        BadInput: no readable experiment file, or a workload that cannot be brought into OpenDC's form.
        SimulationError: OpenDC refuses it, or gives no answer in time.
    """
    document = read_json(experiment)
    if not isinstance(document, dict):
        raise BadInput("this is no JSON object", expected="an experiment of OpenDC", where=str(experiment))
    name = output_name(document.get("name"))
    begin = clock()
    found = runner.ask("experiment", partial(_write, document), partial(_take, name, output), attempts=1, cwd=Path.cwd())
    each_s = (clock() - begin) / max(len(found), 1)
    return [ScenarioReport(folder, rows, simulated_s, each_s) for folder, rows, simulated_s in found]


def _write(document: dict[str, Any], folder: Path) -> None:
    workloads, topologies = _entries(document, "workloads"), _entries(document, "topologies")
    changed = document | {"outputFolder": str(folder / "output")}
    if workloads:
        changed["workloads"] = [_workload(w, folder / f"workload-{i}") for i, w in enumerate(workloads)]
    if topologies:
        beside = [Path(w["pathToFile"]) for w in workloads if "pathToFile" in w]
        changed["topologies"] = [_topology(t, beside, folder / f"topology-{i}.json") for i, t in enumerate(topologies)]
    (folder / EXPERIMENT).write_bytes(orjson.dumps(changed, option=orjson.OPT_INDENT_2))


def _entries(document: dict[str, Any], key: str) -> list[dict[str, Any]]:
    entries = document.get(key)
    return entries if isinstance(entries, list) and all(isinstance(e, dict) for e in entries) else []


def _workload(entry: dict[str, Any], converted: Path) -> dict[str, Any]:
    folder = Path(str(entry.get("pathToFile", "")))
    if not any(_is_foreign(folder / file) for file in ("tasks.parquet", "fragments.parquet")):
        return entry
    write_workload(read_tasks(folder), converted)
    return entry | {"pathToFile": str(converted)}


def _is_foreign(path: Path) -> bool:
    """Whether OpenDC would refuse the types of its columns; what is no such file is OpenDC's to tell."""
    try:
        schema = pq.read_schema(path)
    except (pa.ArrowException, OSError):
        return False
    return any(field.nullable for field in schema) or ("id" in schema.names and schema.field("id").type != pa.int32())


def _topology(entry: dict[str, Any], beside: list[Path], changed: Path) -> dict[str, Any]:
    path = Path(str(entry.get("pathToFile", "")))
    try:
        document = json.loads(path.read_bytes())
    except (ValueError, OSError):
        return entry
    moved = False
    for cluster in _entries(document, "clusters") if isinstance(document, dict) else []:
        source = cluster.get("powerSource")
        if not isinstance(source, dict):
            continue
        named = source.get("carbonTracePath")
        if isinstance(named, str) and not Path(named).is_file():
            candidates = [folder / Path(named).name for folder in [*beside, path.parent]]
            if (there := next((c for c in candidates if c.is_file()), None)) is not None:
                source["carbonTracePath"], moved = str(there), True
    if not moved:
        return entry
    changed.write_bytes(orjson.dumps(document))
    return entry | {"pathToFile": str(changed)}


def _take(name: str, output: Path, folder: Path) -> list[tuple[Path, dict[Any, int], float]]:
    """Everything that OpenDC wrote, moved into `output`: (folder, rows by table, simulated seconds) of each scenario and seed."""
    written = folder / "output" / name
    found = []
    for seed in sorted(written.glob("raw-output/*/seed=*"), key=lambda p: (int(p.parent.name), p.name)):
        counts, simulated_ms = {}, 0
        for table in (t for t in TABLES if (seed / f"{t}.parquet").exists()):
            try:
                timestamp = pq.read_table(seed / f"{table}.parquet", columns=["timestamp"])["timestamp"]
            except (pa.ArrowException, OSError) as error:
                raise unreadable(seed / f"{table}.parquet", error) from None
            counts[table] = len(timestamp)
            simulated_ms = max(simulated_ms, pc.max(timestamp).as_py() or 0)
        found.append((output / seed.relative_to(folder / "output"), counts, simulated_ms / 1000))
    if not found:
        raise Unreadable("there is no output folder of a scenario")
    shutil.copytree(written, output / name, dirs_exist_ok=True)
    return found
