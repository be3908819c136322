"""How fast the native engine is: SURF where it lies beside the checkout, and generated workloads.

Run: make bench, or python benchmarks/engine.py [--quick]. Prints a Markdown table; every line runs in its own process, for the sake of its
peak memory.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from figures import HEAD, machine, measured_apart, parser, show

from opendt_streams.engine.export import no_collector
from opendt_streams.engine.native import NATIVE
from opendt_streams.engine.native.simulation import simulate
from opendt_streams.engine.port import Engine, EngineSettings, Submission
from opendt_streams.engine.task_columns import TaskColumns
from opendt_streams.engine.trace_files import read_carbon, read_tasks
from opendt_streams.model.carbon import CarbonTrace
from opendt_streams.model.task import Fragments, Task
from opendt_streams.model.topology import Cluster, HostGroup, PowerModel, Topology
from opendt_streams.model.topology_json import read_topology

SURF = Path(__file__).resolve().parents[1] / ".." / "shared" / "data" / "SURF"
WINDOW_MS, SAMPLE_MS, DAY_MS = 300_000, 30_000, 86_400_000


Case = tuple[Topology, dict[str, CarbonTrace], TaskColumns]


def surf() -> Case:
    topology = read_topology(json.loads((SURF / "topology.json").read_bytes()))
    carbon = {c.carbon_trace: read_carbon(SURF / "carbon.parquet") for c in topology.clusters if c.carbon_trace}
    return topology, carbon, read_tasks(SURF).in_order_of_submission()


def generated(hosts: int, tasks: int, span_ms: int, mean_fragments: float, seed: int = 1) -> Case:
    """Tasks spread evenly over the span, with fragments of 30 s (whole seconds below for the last one)."""
    rng = np.random.default_rng(seed)
    topology = Topology(
        (Cluster("C", (HostGroup("H", hosts, 1, 16, 2100.0, 128_000, PowerModel("mse", 25.0, 174.0, calibration_factor=4.0)),)),)
    )
    count = rng.geometric(1 / mean_fragments, tasks)
    duration = np.full(int(count.sum()), SAMPLE_MS)
    duration[np.cumsum(count) - 1] = rng.integers(1, 31, tasks) * 1000
    usage = np.round(rng.uniform(0, 4000, len(duration)))
    submitted = np.sort(rng.integers(0, span_ms, tasks))
    cores, memory_mib = rng.integers(1, 9, tasks), rng.integers(1, 16_000, tasks)
    return topology, {}, TaskColumns(np.arange(tasks), submitted, cores, np.zeros(tasks), memory_mib, count, duration, usage)


def queueing(hosts: int, tasks: int, load: float, unit_ms: int, seed: int = 1) -> Case:
    """Tasks of 20 fragments, about an hour long, which ask for this share of all cores on average; times in multiples of `unit_ms`."""
    rng = np.random.default_rng(seed)
    topology = Topology((Cluster("C", (HostGroup("H", hosts, 1, 16, 2000.0, 128_000, PowerModel("linear", 100.0, 300.0)),)),))
    count, cores = np.full(tasks, 20), rng.integers(1, 9, tasks)
    duration = np.maximum(np.rint(rng.exponential(180_000 / unit_ms, 20 * tasks)), 1).astype(np.int64) * unit_ms
    span_ms = float((cores * duration.reshape(tasks, 20).sum(axis=1)).sum() / (16 * hosts * load))
    submitted = np.sort((rng.uniform(0, span_ms, tasks) / unit_ms).astype(np.int64) * unit_ms)
    usage = np.round(rng.uniform(0, 2000, len(duration)) * np.repeat(cores, 20))
    memory_mib = rng.integers(1, 16_000, tasks)
    return topology, {}, TaskColumns(np.arange(tasks), submitted, cores, np.zeros(tasks), memory_mib, count, duration, usage)


def objects(columns: TaskColumns) -> list[Task]:
    """As the twin has them, which reads them one by one."""
    parts = (columns.id, columns.submission_ms, columns.cpu_count, columns.memory_mib, np.cumsum(columns.count), columns.count)
    return [
        Task(i, at, 0, cores, 0.0, memory * 1000, Fragments(columns.duration_ms[end - n : end], columns.cpu_usage_mhz[end - n : end]))
        for i, at, cores, memory, end, n in zip(*(p.tolist() for p in parts), strict=True)
    ]


def one_call(case: Case, read_s: float = 0.0) -> list[str]:
    """Power of a whole workload at 150 s, as `opendt engine run` computes it."""
    topology, carbon, tasks = case
    begin = time.perf_counter()
    with no_collector():
        simulation = simulate(topology, carbon, tasks, interval_ms=150_000)
    rows = sum(piece.end - piece.first for piece in simulation.pieces(marks=False))
    wall = time.perf_counter() - begin
    total = f"{wall + read_s:.2f} s ({read_s:.2f} s of it reading)" if read_s else f"{wall:.2f} s"
    return [total, f"{len(tasks) / wall:,.0f} tasks/s, {rows:,} rows"]


def at_size(load: float, unit_ms: int, scale: float) -> list[str]:
    """The same number of tasks on 100 and on 10,000 hosts, in one process: what a task costs there, and the ratio."""
    costs = []
    for hosts in (100, 10_000):
        topology, carbon, tasks = queueing(hosts, int(200_000 * scale), load, unit_ms)
        begin = time.process_time()
        with no_collector():
            simulation = simulate(topology, carbon, tasks, interval_ms=300_000)
            for _ in simulation.pieces(marks=False):
                pass
        costs.append((time.process_time() - begin) / len(tasks))
    few, many = costs
    return [f"{many * 1e6:.0f} us of processor time a task", f"{1 / many:,.0f} tasks/s; 10,000 hosts / 100 hosts {many / few:.2f}"]


def whole_process(files: list[str], *options: str) -> list[str]:
    """`opendt engine run` from the shell: start of Python, imports, reading, simulating, writing."""
    with tempfile.TemporaryDirectory() as folder:
        experiment = {
            "topologies": [{"pathToFile": str(SURF / "topology.json")}],
            "workloads": [{"pathToFile": str(SURF), "type": "ComputeWorkload"}],
            "exportModels": [{"exportInterval": 150, "filesToExport": files}],
        }
        path = Path(folder) / "experiment.json"
        path.write_text(json.dumps(experiment))
        command = [str(Path(sys.executable).with_name("opendt")), "engine", "run", "--experiment", str(path), "--output", folder, *options]
        walls = []
        for _ in range(3):
            begin = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            walls.append(time.perf_counter() - begin)
    return [f"{statistics.median(walls):.2f} s (median of 3)", "tables " + ", ".join(files)]


def windows(case: Case, days: float) -> list[str]:
    """As the twin does it: 5-minute windows of 30 s rows. Says how the last day compares with the first, and what a checkpoint costs."""
    topology, carbon, columns = case
    tasks = objects(columns)
    origin = tasks[0].submission_ms // WINDOW_MS * WINDOW_MS
    engine: Engine = NATIVE.start(EngineSettings(origin, SAMPLE_MS), topology, carbon)
    costs, largest, slowest, next_task = [], 0, 0.0, 0
    for start in range(origin, origin + int(days * DAY_MS), WINDOW_MS):
        submissions = []
        while next_task < len(tasks) and tasks[next_task].submission_ms < start + WINDOW_MS:
            submissions.append(Submission(tasks[next_task], tasks[next_task].submission_ms, next_task))
            next_task += 1
        begin = time.perf_counter()
        engine.advance(start + WINDOW_MS, submissions)
        costs.append(time.perf_counter() - begin)
        if len(costs) % 288 == 144:
            size, restore_s = checkpoint(engine, EngineSettings(origin, SAMPLE_MS), topology, carbon, tasks)
            largest, slowest = max(largest, size), max(slowest, restore_s)
    day = max(min(288, len(costs) // 2), 1)
    ratio = statistics.median(costs[-day:]) / statistics.median(costs[:day])
    return [
        f"{sum(costs):.2f} s for {len(costs):,} windows",
        f"median {statistics.median(costs) * 1e3:.1f} ms, worst {max(costs) * 1e3:.0f} ms, last day / first day {ratio:.2f}; "
        f"checkpoint {largest / 1024:.1f} KiB, restored in {slowest * 1e3:.0f} ms",
    ]


def checkpoint(
    engine: Engine, settings: EngineSettings, topology: Topology, carbon: dict[str, CarbonTrace], tasks: Sequence[Task]
) -> tuple[int, float]:
    text = json.dumps(engine.checkpoint())
    begin = time.perf_counter()
    NATIVE.restore(settings, topology, carbon, json.loads(text), tasks.__getitem__)
    return len(text), time.perf_counter() - begin


def surf_one_call() -> list[str]:
    begin = time.perf_counter()
    case = surf()
    return one_call(case, time.perf_counter() - begin)


LINES: dict[str, tuple[bool, Callable[[float], Sequence[str]]]] = {
    "SURF week, one call, 150 s": (True, lambda scale: surf_one_call()),
    "SURF week, whole process": (True, lambda scale: whole_process(["powerSource", "service"])),
    "SURF week, whole process, all tables": (True, lambda scale: whole_process(["powerSource", "host", "task", "service"])),
    "SURF week, whole process, 2.4g+": (True, lambda scale: whole_process(["powerSource", "service"], "--semantics", "2.4g+")),
    "SURF week, 2016 windows, 30 s": (True, lambda scale: windows(surf(), 7)),
    "1 M short tasks, 1,000 hosts, one call": (
        False,
        lambda scale: one_call(generated(1000, int(1e6 * scale), int(5 * DAY_MS * scale), 1.2)),
    ),
    "load 0.7, whole seconds": (False, lambda scale: at_size(0.7, 1000, scale)),
    "load 0.7, milliseconds": (False, lambda scale: at_size(0.7, 1, scale)),
    "load 1.5, queueing": (False, lambda scale: at_size(1.5, 1000, scale)),
    "400,000 tasks, 160,000 hosts, one call": (False, lambda scale: one_call(queueing(160_000, int(4e5 * scale), 0.7, 1000))),
    "10,000 hosts, 1 day of windows": (False, lambda scale: windows(generated(10_000, int(2e5 * scale), int(DAY_MS * scale), 60), scale)),
    "30 days of windows, equal load": (
        False,
        lambda scale: windows(generated(200, int(6e4 * scale), int(30 * DAY_MS * scale), 20), 30 * scale),
    ),
}


def figures_of(name: str, scale: float) -> list[str]:
    return list(LINES[name][1](scale))


def table(scale: float) -> Iterator[str]:
    yield f"{machine(np)}, scale {scale:g}"
    yield ""
    yield from HEAD
    for name, (needs_surf, _) in LINES.items():
        if needs_surf and not SURF.is_dir():
            yield f"| {name} | skipped: no ../shared/data/SURF | | |"
        else:
            yield measured_apart(name, figures_of, name, scale)


def main() -> None:
    arguments = parser(__doc__, "generated workloads at a tenth of their size").parse_args()
    show(table(0.1 if arguments.quick else 1.0), Path(__file__) if arguments.write else None, "The native engine")


if __name__ == "__main__":
    main()
