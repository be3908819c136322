"""Running an experiment with the native engine and writing OpenDC's files into the runner's folder layout."""

from __future__ import annotations

import gc
import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from math import fsum
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from opendt_streams.engine.experiment import Experiment, ExportModel, Scenario, Workload
from opendt_streams.engine.json_files import read_bytes
from opendt_streams.engine.native.simulation import Piece, Simulation, simulate
from opendt_streams.engine.native.tables.columns import BATTERY, Columns, TableName, schema
from opendt_streams.engine.native.tables.host import HostTable
from opendt_streams.engine.native.tables.power_source import PowerSourceTable
from opendt_streams.engine.native.tables.service import ServiceTable
from opendt_streams.engine.native.tables.task import TaskTable
from opendt_streams.engine.task_columns import TaskColumns
from opendt_streams.engine.trace_files import read_carbon, read_tasks
from opendt_streams.errors import BadInput, SimulationError
from opendt_streams.model.carbon import CarbonTrace
from opendt_streams.model.opendc_topology import read_opendc_topology
from opendt_streams.model.rounding import significant_sum
from opendt_streams.model.topology import Topology

_TABLES: Final[dict[TableName, Callable[[Simulation], Any]]] = {
    "powerSource": PowerSourceTable,
    "host": HostTable,
    "task": TaskTable,
    "service": ServiceTable,
}
_NEEDS_MARKS: Final = {"host", "task"}


@dataclass(frozen=True, slots=True)
class ScenarioReport:
    """What one scenario gave. Energy and carbon are sums over all clusters and rows; carbon is None where a cluster has no trace.

    Of the real OpenDC both are None: its files have single precision.
    """

    folder: Path
    rows: dict[TableName, int]
    simulated_s: float
    wall_s: float
    energy_kwh: float | None = None
    carbon_kg: float | None = None


def run_experiment(
    experiment: Experiment, output: Path, progress: Callable[[float], None], clock: Callable[[], float] = time.perf_counter
) -> list[ScenarioReport]:
    """Simulate every scenario and seed into output/<name>/raw-output/<scenario>/seed=<seed>/.

    `progress` is told the share that is done, from 0 to 1. Files appear when a scenario is complete, never half written.

    Raises:
        BadInput, SimulationError: see `simulate` and the readers; no folder of that scenario is left behind.
    """
    reports: list[ScenarioReport] = []
    cache = _Inputs(experiment)
    total = len(experiment.scenarios) * len(experiment.seeds)
    for scenario in experiment.scenarios:
        for seed in experiment.seeds:  # without a policy that draws they differ in name only
            begin = clock()
            tell = partial(_tell, progress, len(reports), total)
            folder = output / experiment.name / "raw-output" / str(scenario.index) / f"seed={seed}"
            with no_collector():
                simulation = cache.simulation(scenario, experiment.semantics, seed)
            _refuse_lost_tasks(simulation)
            sums = _Sums(simulation)
            rows = _write(simulation, scenario.export, folder, sums, tell)
            simulated_s = (int(simulation.rows.time_ms[-1]) - simulation.log.origin_ms) / 1000
            reports.append(ScenarioReport(folder, rows, simulated_s, clock() - begin, sums.energy_kwh, sums.carbon_kg))
    return reports


def _refuse_lost_tasks(simulation: Simulation) -> None:
    """A policy whose filters let a task onto a host that is too small for it: there OpenDC loses the task, and waits for it for ever."""
    runs, tasks, hosts = simulation.log.runs, simulation.log.tasks, simulation.hosts
    lost = (tasks.cpu_count[runs.reference] > hosts.cores[runs.host]) | (tasks.memory_mib[runs.reference] > hosts.memory_mib[runs.host])
    if lost.any():
        task = int(runs.reference[np.argmax(lost)])
        what = (
            f"task {tasks.id[task]} goes to a host that is too small for it ({tasks.cpu_count[task]} cores, {tasks.memory_mib[task]} MiB)"
        )
        raise SimulationError(f"{what}; with that OpenDC runs for ever", hint="Add the filters VCpu and Ram to the allocation policy")


def _tell(progress: Callable[[float], None], done: int, total: int, share: float) -> None:
    progress((done + share) / total)


@contextmanager
def no_collector() -> Iterator[None]:
    """A simulation makes millions of objects and no cycles: Python's search for cycles would take a fifth of the time."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


class _Inputs:
    """Files of scenarios, each read once. A workload that no other scenario needs is not kept."""

    def __init__(self, experiment: Experiment) -> None:
        self._wanted = Counter(scenario.workload for scenario in experiment.scenarios for _ in experiment.seeds)
        self._tasks: dict[Workload, TaskColumns] = {}
        self._topologies: dict[Path, Topology] = {}
        self._traces: dict[Path, CarbonTrace] = {}

    def simulation(self, scenario: Scenario, semantics: str, seed: int) -> Simulation:
        if scenario.topology not in self._topologies:
            self._topologies[scenario.topology] = _read_topology(scenario.topology)
        topology = self._topologies[scenario.topology]
        if semantics == "2.4f":
            _refuse_second_trace(topology, scenario.topology)
        traces = {}
        for cluster in topology.clusters:
            if cluster.carbon_trace is not None:
                path = _find_carbon(cluster.carbon_trace, scenario)
                if path not in self._traces:
                    self._traces[path] = read_carbon(path)
                traces[cluster.carbon_trace] = self._traces[path]
        return simulate(
            topology,
            traces,
            self._next_use(scenario.workload),
            interval_ms=scenario.export.interval_ms,
            policy=scenario.policy,
            scaling=scenario.workload.scaling,
            semantics=semantics,
            seed=seed,
        )

    def _next_use(self, workload: Workload) -> TaskColumns:
        if workload not in self._tasks:
            self._tasks[workload] = _read_workload(workload)
        self._wanted[workload] -= 1
        return self._tasks[workload] if self._wanted[workload] else self._tasks.pop(workload)


def _read_topology(path: Path) -> Topology:
    data = read_bytes(path)
    try:
        return read_opendc_topology(data)
    except BadInput as error:
        where = f"{path}: {error.where}" if error.where else str(path)
        raise type(error)(error.what, expected=error.expected, where=where, hint=error.hint) from None


def _refuse_second_trace(topology: Topology, path: Path) -> None:
    with_trace = [i for i, cluster in enumerate(topology.clusters) if cluster.carbon_trace is not None]
    if len(with_trace) > 1:
        where = f"{path}: clusters[{with_trace[1]}].powerSource.carbonTracePath"
        raise BadInput("OpenDC v2.4f takes a carbon trace for one cluster only", expected="one in the whole topology", where=where)


def _read_workload(workload: Workload) -> TaskColumns:
    tasks = read_tasks(workload.folder)
    if workload.submission_ms is not None:
        tasks = tasks.moved_to(workload.submission_ms)
    return tasks.in_order_of_submission()


def _find_carbon(named: str, scenario: Scenario) -> Path:
    """OpenDC takes the path as it is; in OpenDT's topologies it is of another machine, and the file lies with the workload."""
    candidates = [Path(named), scenario.workload.folder / Path(named).name, scenario.topology.parent / Path(named).name]
    for path in candidates:
        if path.is_file():
            return path
    raise BadInput(
        f"the carbon trace {named!r} is not there", expected="one of " + ", ".join(map(str, candidates)), where=str(scenario.topology)
    )


class _Sums:
    """Energy and carbon of a simulation, added up piece by piece."""

    def __init__(self, simulation: Simulation) -> None:
        self._known = all(trace is not None for trace in simulation.traces)
        self._energy_j = self._carbon_g = 0.0

    def add(self, piece: Piece) -> None:
        self._energy_j += fsum(j for cluster in piece.clusters for j in cluster.energy_j.tolist())
        self._carbon_g += fsum(g for cluster in piece.clusters for g in cluster.carbon_g.tolist())

    @property
    def energy_kwh(self) -> float:
        return significant_sum([self._energy_j / 3.6e6])

    @property
    def carbon_kg(self) -> float | None:
        return significant_sum([self._carbon_g / 1000]) if self._known else None


def _write(
    simulation: Simulation, export: ExportModel, folder: Path, sums: _Sums, progress: Callable[[float], None]
) -> dict[TableName, int]:
    unfinished = folder.with_name(f".{folder.name}.{os.getpid()}")
    unfinished.mkdir(parents=True, exist_ok=True)
    try:
        counts = _write_tables(simulation, export, unfinished, sums, progress)
        folder.mkdir(exist_ok=True)
        for file in sorted(unfinished.iterdir()):
            file.replace(folder / file.name)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return counts


def _write_tables(
    simulation: Simulation, export: ExportModel, folder: Path, sums: _Sums, progress: Callable[[float], None]
) -> dict[TableName, int]:
    counts: dict[TableName, int] = dict.fromkeys(export.columns, 0)
    tables = {name: _TABLES[name](simulation) for name in export.columns}
    schemas = {name: _schema(name, columns, simulation.semantics) for name, columns in export.columns.items()}
    with ExitStack() as stack:
        writers = {name: stack.enter_context(pq.ParquetWriter(folder / f"{name}.parquet", schemas[name])) for name in tables}
        for piece in simulation.pieces(marks=bool(_NEEDS_MARKS & set(tables))):
            for name, table in tables.items():
                data = _arrow(table.rows(piece), schemas[name], simulation)
                writers[name].write_table(data)
                counts[name] += len(data)
            sums.add(piece)
            progress(piece.end / len(simulation.rows.time_ms))
    if export.battery:
        pq.write_table(pa.schema([BATTERY.field(c) for c in export.battery]).empty_table(), folder / "battery.parquet")
    return counts


def _schema(table: TableName, columns: tuple[str, ...], semantics: str) -> pa.Schema:
    known = schema(table, semantics)
    return pa.schema([known.field(c) for c in columns])


def _arrow(columns: Columns, wanted: pa.Schema, simulation: Simulation) -> pa.Table:
    absolute = simulation.rows.time_ms[np.asarray(columns["row"])]
    timed: Columns = columns | {"timestamp": absolute - simulation.log.origin_ms, "timestamp_absolute": absolute}
    arrays = []
    for field in wanted:
        values = timed[field.name]
        if isinstance(values, np.ndarray):
            values = pa.array(values.astype(np.float32) if pa.types.is_float32(field.type) else values)
        arrays.append(values.cast(field.type))
    return pa.Table.from_arrays(arrays, schema=wanted)
