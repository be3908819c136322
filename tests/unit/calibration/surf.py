"""The SURF week as window results, by the closed form of opendc-semantics section 14.4: every task has a host of its own.

Independent of our engine and of our readers: calibration is judged by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow.parquet as pq

from opendt_streams.model import times
from opendt_streams.model.power_models import watts
from opendt_streams.model.result import GroupBasis, Series, TaskCounts, WindowResult
from opendt_streams.model.task import Float64, Int64
from opendt_streams.model.topology import Cluster, HostGroup, PowerModel, Topology

FOLDER: Final = Path(__file__).resolve().parents[3] / ".." / "shared" / "data" / "SURF"
ROW_MS: Final = 30 * times.SECOND
WINDOW_MS: Final = 5 * times.MINUTE
HOSTS, CORES, CAPACITY_MHZ = 277, 16, 33_600.0
MODEL: Final = PowerModel("mse", idle_power_w=25.0, max_power_w=174.0, calibration_factor=4.0)
TOPOLOGY: Final = Topology((Cluster("C01", (HostGroup("H01", HOSTS, 1, CORES, 2100.0, 122_070, MODEL),)),))


@dataclass(frozen=True, slots=True, eq=False)
class Week:
    """Basis per window (without power: that depends on the parameters in force), and the meter."""

    window_start_ms: list[int]
    bases: list[GroupBasis]
    sample_ms: Int64
    power_w: Float64


def load() -> Week:
    tasks = pq.read_table(FOLDER / "tasks.parquet", columns=["id", "submission_time"])
    fragments = pq.read_table(FOLDER / "fragments.parquet", columns=["id", "duration", "cpu_usage"])
    meter = pq.read_table(FOLDER / "consumption.parquet", columns=["timestamp", "power_draw"])
    submitted = dict(zip(tasks["id"].to_pylist(), tasks["submission_time"].cast("int64").to_pylist(), strict=True))
    first_ms = min(submitted.values())
    origin_ms = times.floor(first_ms, WINDOW_MS)

    ids = fragments["id"].combine_chunks().dictionary_encode()
    order = np.argsort(ids.indices.to_numpy(), kind="stable")
    task = ids.indices.to_numpy()[order]
    duration = fragments["duration"].to_numpy()[order]
    begin_of = np.array([submitted[i] for i in ids.dictionary.to_pylist()])
    first_of = np.searchsorted(task, np.arange(len(begin_of)))
    end = np.cumsum(duration)
    elapsed = end - duration
    start_ms = begin_of[task] - origin_ms + elapsed - elapsed[first_of][task]
    rows, demands = _rows(start_ms, start_ms + duration, fragments["cpu_usage"].to_numpy()[order])

    sample_ms = meter["timestamp"].to_numpy() + first_ms
    windows = int(sample_ms[-1] - origin_ms) // WINDOW_MS + 1
    return Week(
        [origin_ms + w * WINDOW_MS for w in range(windows)],
        _bases(rows, demands, windows),
        sample_ms,
        meter["power_draw"].to_numpy(),
    )


def result(week: Week, window: int, model: PowerModel) -> WindowResult:
    """The window as simulated with this model in force."""
    basis, start = week.bases[window], week.window_start_ms[window]
    power = tuple(_power(basis, d, n, model) for d, n in zip(basis.demand_mhz, basis.host_count, strict=True))
    nothing = (0.0,) * len(power)
    return WindowResult(
        id=f"SURF|main|{start}",
        datacenter="SURF",
        branch="main",
        window_start_ms=start,
        window_end_ms=start + WINDOW_MS,
        topology_event="",
        drain=False,
        tasks=TaskCounts(),
        row_ms=tuple(range(start + ROW_MS, start + WINDOW_MS + 1, ROW_MS)),
        total=Series(power, nothing, nothing, nothing),
        basis=(basis,),
    )


def _rows(start_ms: Int64, end_ms: Int64, usage: Float64) -> tuple[Int64, Float64]:
    """(row number, demand) for each fragment and row t with start < t <= end: the left limit at t."""
    first, last = start_ms // ROW_MS + 1, end_ms // ROW_MS
    count = np.where(usage > 0, np.maximum(last - first + 1, 0), 0)
    offset = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    return np.repeat(first, count) + offset, np.repeat(usage, count)


def _bases(rows: Int64, demands: Float64, windows: int) -> list[GroupBasis]:
    order = np.lexsort((demands, rows))
    rows, demands = rows[order], demands[order]
    new = np.ones(len(rows), dtype=bool)
    new[1:] = (np.diff(rows) != 0) | (np.diff(demands) != 0)
    at = np.flatnonzero(new)
    hosts, rows, demands = np.diff(np.append(at, len(rows))), rows[at], demands[at]
    edges = np.searchsorted(rows, np.arange(1, windows * 10 + 2))
    spans = list(pairwise(edges.tolist()))
    demand = [tuple(demands[a:b].tolist()) for a, b in spans]
    count = [tuple(hosts[a:b].tolist()) for a, b in spans]
    return [
        GroupBasis(0, 0, HOSTS, CORES, CAPACITY_MHZ, tuple(demand[w * 10 : w * 10 + 10]), tuple(count[w * 10 : w * 10 + 10]), (), ())
        for w in range(windows)
    ]


def _power(basis: GroupBasis, demand: tuple[float, ...], hosts: tuple[int, ...], model: PowerModel) -> float:
    each = watts(model, np.array([0.0, *demand]), CORES, CAPACITY_MHZ)
    return round(float((np.array([basis.hosts - sum(hosts), *hosts]) * each).sum()), 3)
