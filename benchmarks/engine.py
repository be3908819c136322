"""How fast the native engine is: SURF where it lies beside the checkout, and generated workloads.

Run: python benchmarks/engine.py [--quick]. Prints a Markdown table; every line runs in its own process, for the sake of its peak memory.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from opendt_streams.engine.native import NATIVE
from opendt_streams.engine.native.simulation import simulate
from opendt_streams.engine.port import Engine, EngineSettings, Submission
from opendt_streams.engine.trace_files import read_carbon, read_tasks
from opendt_streams.model.carbon import CarbonTrace
from opendt_streams.model.task import Fragments, Task
from opendt_streams.model.topology import Cluster, HostGroup, PowerModel, Topology
from opendt_streams.model.topology_json import read_topology

SURF = Path(__file__).resolve().parents[1] / ".." / "shared" / "data" / "SURF"
WINDOW_MS, SAMPLE_MS, DAY_MS = 300_000, 30_000, 86_400_000


def surf() -> tuple[Topology, dict[str, CarbonTrace], list[Task]]:
    topology = read_topology(json.loads((SURF / "topology.json").read_bytes()))
    carbon = {c.carbon_trace: read_carbon(SURF / "carbon.parquet") for c in topology.clusters if c.carbon_trace}
    tasks = sorted((t for t in read_tasks(SURF) if len(t.fragments)), key=lambda t: t.submission_ms)
    return topology, carbon, tasks


def generated(
    hosts: int, tasks: int, span_ms: int, mean_fragments: float, seed: int = 1
) -> tuple[Topology, dict[str, CarbonTrace], list[Task]]:
    """Tasks spread evenly over the span, with fragments of 30 s (whole seconds below for the last one)."""
    rng = np.random.default_rng(seed)
    topology = Topology(
        (Cluster("C", (HostGroup("H", hosts, 1, 16, 2100.0, 128_000, PowerModel("mse", 25.0, 174.0, calibration_factor=4.0)),)),)
    )
    counts = rng.geometric(1 / mean_fragments, tasks)
    first = np.cumsum(counts) - counts
    duration = np.full(int(counts.sum()), SAMPLE_MS)
    duration[first + counts - 1] = rng.integers(1, 31, tasks) * 1000
    usage = np.round(rng.uniform(0, 4000, len(duration)))
    submitted = np.sort(rng.integers(0, span_ms, tasks)).tolist()
    columns = (
        submitted,
        rng.integers(1, 9, tasks).tolist(),
        rng.integers(1000, 16_000_000, tasks).tolist(),
        first.tolist(),
        counts.tolist(),
    )
    return (
        topology,
        {},
        [
            Task(i, at, 0, cores, 0.0, memory, Fragments(duration[lo : lo + n], usage[lo : lo + n]))
            for i, (at, cores, memory, lo, n) in enumerate(zip(*columns, strict=True))
        ],
    )


Case = tuple[Topology, dict[str, CarbonTrace], list[Task]]


def one_call(case: Case, read_s: float = 0.0) -> list[str]:
    """Power of a whole workload at 150 s, as `opendt engine run` computes it."""
    topology, carbon, tasks = case
    begin = time.perf_counter()
    simulation = simulate(topology, carbon, tasks, interval_ms=150_000)
    rows = sum(piece.end - piece.first for piece in simulation.pieces(marks=False))
    wall = time.perf_counter() - begin
    return [f"{wall:.2f} s (+ {read_s:.2f} s reading)", f"{len(tasks) / wall:,.0f} tasks/s, {rows:,} rows"]


def windows(case: Case, days: float) -> list[str]:
    """As the twin does it: 5-minute windows of 30 s rows. Says how the last day compares with the first, and what a checkpoint costs."""
    topology, carbon, tasks = case
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
            size, restore_s = checkpoint(engine, EngineSettings(origin, SAMPLE_MS), case)
            largest, slowest = max(largest, size), max(slowest, restore_s)
    day = max(min(288, len(costs) // 2), 1)
    ratio = statistics.median(costs[-day:]) / statistics.median(costs[:day])
    return [
        f"{sum(costs):.2f} s for {len(costs):,} windows",
        f"median {statistics.median(costs) * 1e3:.1f} ms, worst {max(costs) * 1e3:.0f} ms, last day / first day {ratio:.2f}; "
        f"checkpoint {largest / 1024:.1f} KiB, restored in {slowest * 1e3:.0f} ms",
    ]


def checkpoint(engine: Engine, settings: EngineSettings, case: Case) -> tuple[int, float]:
    topology, carbon, tasks = case
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
    "SURF week, 2016 windows, 30 s": (True, lambda scale: windows(surf(), 7)),
    "1 M short tasks, 1,000 hosts, one call": (
        False,
        lambda scale: one_call(generated(1000, int(1e6 * scale), int(5 * DAY_MS * scale), 1.2)),
    ),
    "10,000 hosts, 1 day of windows": (False, lambda scale: windows(generated(10_000, int(2e5 * scale), int(DAY_MS * scale), 60), scale)),
    "30 days of windows, equal load": (
        False,
        lambda scale: windows(generated(200, int(6e4 * scale), int(30 * DAY_MS * scale), 20), 30 * scale),
    ),
}


def measure(name: str, scale: float, channel: multiprocessing.Queue[list[str]]) -> None:
    found = [name, *LINES[name][1](scale)]
    unit = 1e6 if sys.platform == "darwin" else 1e3
    channel.put([*found, f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit:.0f} MB"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="generated workloads at a tenth of their size")
    scale = 0.1 if parser.parse_args().quick else 1.0
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, numpy {np.__version__}, scale {scale:g}\n")
    print("| case | wall time | more | peak memory |\n|---|---|---|---|")
    spawn = multiprocessing.get_context("spawn")
    for name, (needs_surf, _) in LINES.items():
        if needs_surf and not SURF.is_dir():
            print(f"| {name} | skipped: no ../shared/data/SURF | | |")
            continue
        channel: multiprocessing.Queue[list[str]] = spawn.Queue()
        process = spawn.Process(target=measure, args=(name, scale, channel))
        process.start()
        process.join()
        if process.exitcode != 0:
            raise SystemExit(f"{name}: the measuring process ended with {process.exitcode}")
        print("| " + " | ".join(channel.get()) + " |", flush=True)


if __name__ == "__main__":
    main()
