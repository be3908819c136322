"""`opendt engine run --engine opendc`: a user's experiment file, given to the real OpenDC as it is.

Nothing in it is checked here: OpenDC does that, on the very text of the user. What must be different (the output folder) is added behind
it, since of equal keys OpenDC takes the last. Two things are put right, as the native engine does: a workload in OpenDT's form (text ids,
nullable columns) is written again in OpenDC's, and a carbon trace that is named by a path of another machine is looked for.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from opendt_streams.engine.experiment import output_name
from opendt_streams.engine.export import ScenarioReport
from opendt_streams.engine.json_files import read_bytes
from opendt_streams.engine.native.tables.columns import TABLES
from opendt_streams.engine.opendc.inputs import EXPERIMENT, write_workload
from opendt_streams.engine.opendc.rows import Unreadable, unreadable
from opendt_streams.engine.opendc.runner import Runner
from opendt_streams.engine.trace_files import read_tasks
from opendt_streams.errors import BadInput
from opendt_streams.model.opendc_json import Members, Node, parse, written


def run_with_opendc(experiment: Path, output: Path, runner: Runner, clock: Callable[[], float] = time.perf_counter) -> list[ScenarioReport]:
    """Run it in the working directory and put OpenDC's folders into `output`: all of them, once OpenDC has ended well.

    Raises:
        BadInput: no readable experiment file, or a workload that cannot be brought into OpenDC's form.
        SimulationError: OpenDC refuses it, or gives no answer in time.
    """
    document = _tree(experiment)
    if not isinstance(document, Members):
        raise BadInput("this is no JSON object", expected="an experiment of OpenDC", where=str(experiment))
    named = document.last().get("name", "")
    name = output_name(named) if isinstance(named, str) else ""  # what is no text is OpenDC's to refuse
    begin = clock()
    found = runner.ask("experiment", partial(_write, document, name), partial(_take, name, output), attempts=1, cwd=Path.cwd())
    each_s = (clock() - begin) / max(len(found), 1)
    return [ScenarioReport(folder, rows, simulated_s, each_s) for folder, rows, simulated_s in found]


def _tree(path: Path) -> Node:
    try:
        return parse(read_bytes(path))
    except BadInput as error:
        where = f"{path}: {error.where}" if error.where else str(path)
        raise BadInput(error.what, expected=error.expected, where=where, hint=error.hint) from None


def _write(document: Members, name: str, folder: Path) -> None:
    changed: dict[str, Node] = {"outputFolder": str(folder / "output")}
    if name:
        changed["name"] = name
    workloads, topologies = _entries(document, "workloads"), _entries(document, "topologies")
    converted: list[Node] = [_workload(w, folder / f"workload-{i}") for i, w in enumerate(workloads)]
    if converted != workloads:
        changed["workloads"] = converted
    beside = [_path(w) for w in workloads]
    moved: list[Node] = [_topology(t, beside, folder / f"topology-{i}.json") for i, t in enumerate(topologies)]
    if moved != topologies:
        changed["topologies"] = moved
    (folder / EXPERIMENT).write_text(written(_with(document, changed)), encoding="utf-8")


def _with(members: Members, changed: dict[str, Node]) -> Members:
    return Members(members.pairs + tuple(changed.items()))


def _entries(members: Members, key: str) -> list[Members]:
    entries = members.last().get(key)
    return [e for e in entries if isinstance(e, Members)] if isinstance(entries, list) else []


def _path(entry: Members) -> Path:
    path = entry.last().get("pathToFile")
    return Path(path if isinstance(path, str) else "")


def _workload(entry: Members, converted: Path) -> Members:
    folder = _path(entry)
    if not any(_is_foreign(folder / file) for file in ("tasks.parquet", "fragments.parquet")):
        return entry
    write_workload(read_tasks(folder), converted)
    return _with(entry, {"pathToFile": str(converted)})


def _is_foreign(path: Path) -> bool:
    """Whether OpenDC would refuse the types of its columns; what is no such file is OpenDC's to tell."""
    try:
        schema = pq.read_schema(path)
    except (pa.ArrowException, OSError):
        return False
    return any(field.nullable for field in schema) or ("id" in schema.names and schema.field("id").type != pa.int32())


def _topology(entry: Members, beside: list[Path], changed: Path) -> Members:
    path = _path(entry)
    try:
        document = _tree(path)
    except BadInput:
        return entry
    if not isinstance(document, Members):
        return entry
    clusters = [_cluster(c, [*beside, path.parent]) for c in _entries(document, "clusters")]
    if clusters == _entries(document, "clusters"):
        return entry
    changed.write_text(written(_with(document, {"clusters": list(clusters)})), encoding="utf-8")
    return _with(entry, {"pathToFile": str(changed)})


def _cluster(cluster: Members, folders: list[Path]) -> Members:
    """With the carbon trace where it is."""
    source = cluster.last().get("powerSource")
    named = source.last().get("carbonTracePath") if isinstance(source, Members) else None
    if not isinstance(source, Members) or not isinstance(named, str) or Path(named).is_file():
        return cluster
    there = next((folder / Path(named).name for folder in folders if (folder / Path(named).name).is_file()), None)
    return cluster if there is None else _with(cluster, {"powerSource": _with(source, {"carbonTracePath": str(there)})})


def _take(name: str, output: Path, folder: Path) -> list[tuple[Path, dict[Any, int], float]]:
    """Everything that OpenDC wrote, moved into `output`: (folder, rows by table, simulated seconds) of each scenario and seed."""
    wrote = folder / "output" / name
    found = []
    for seed in sorted(wrote.glob("raw-output/*/seed=*"), key=lambda p: (int(p.parent.name), p.name)):
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
    shutil.copytree(wrote, output / name, dirs_exist_ok=True)
    return found
