"""What a calibration decision costs: CPU time for an hour of 5-min windows, and how large the state is that it carries.

Run: make bench, or python benchmarks/decisions.py [--quick] [--write]. The load is made here: demands as many and as different as SURF's
(53 per row on 277 hosts), and 10,000 hosts in 20 groups, with one meter for all and with a meter each. Every line runs in a process of
its own. CPU time, so that other work on the machine counts little.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from figures import HEAD, machine, measured_apart, parser, show

from opendt_streams.calibration import CalibrationSettings, Evidence, method
from opendt_streams.model import times
from opendt_streams.model.canonical import JSON, canonical
from opendt_streams.model.power import WHOLE_DATACENTER, Meter, PowerSample
from opendt_streams.model.power_models import watts
from opendt_streams.model.result import GroupBasis, Series, TaskCounts, WindowResult
from opendt_streams.model.topology import Cluster, HostGroup, PowerModel, Topology

HOURS, QUICK_HOURS = 40, 8
ROW_MS, WINDOW_MS, ROWS = 30 * times.SECOND, 5 * times.MINUTE, 120
MODEL = PowerModel("mse", 25.0, 174.0, calibration_factor=4.0)
TRUTH = PowerModel("busy-linear", 31.0, busy_power_w=42.0, slope_power_w=110.0)


def topology(groups: int, hosts: int) -> Topology:
    each = [HostGroup(f"H{g:02}", hosts // groups, 1, 16, 2100.0, 128_000, MODEL) for g in range(groups)]
    return Topology((Cluster("C01", tuple(each)),))


def evidence(site: Topology, hour: int, demands: int, meters: bool) -> Evidence:
    """An hour in which every host group has `demands` different demands a row."""
    rng, start_ms = np.random.default_rng(hour), hour * times.HOUR
    windows: list[list[GroupBasis]] = [[] for _ in range(ROWS // 10)]
    power_w = {}
    for c, h, group in site.host_groups:
        level = 0.3 + 0.2 * np.sin(hour / 4 + np.arange(ROWS) / 60)
        demand = np.sort(rng.random((ROWS, demands)) * group.capacity_mhz * level[:, None] * 2, axis=1).round(3)
        busy = np.maximum(1, rng.multinomial(int(0.7 * group.count), np.ones(demands) / demands, size=ROWS))
        idle_w = float(watts(TRUTH, np.zeros(1), group.cores, group.capacity_mhz)[0])
        each_w = watts(TRUTH, demand, group.cores, group.capacity_mhz)
        power_w[h] = ((group.count - busy.sum(axis=1)) * idle_w + (busy * each_w).sum(axis=1)) * (1 + 0.005 * rng.standard_normal(ROWS))
        for w, window in enumerate(windows):
            rows = slice(10 * w, 10 * w + 10)
            columns = tuple(map(tuple, demand[rows].tolist())), tuple(map(tuple, busy[rows].tolist()))
            window.append(GroupBasis(c, h, group.count, group.cores, group.capacity_mhz, *columns, (), ()))
    results = []
    for w, bases in enumerate(windows):
        at_ms = start_ms + w * WINDOW_MS
        row_ms = tuple(at_ms + ROW_MS * (i + 1) for i in range(10))
        nothing = (0.0,) * 10
        total = Series((1.0,) * 10, nothing, nothing, nothing)
        results.append(
            WindowResult(
                str(at_ms),
                "bench",
                "main",
                at_ms,
                at_ms + WINDOW_MS,
                "e",
                False,
                TaskCounts(),
                row_ms=row_ms,
                total=total,
                basis=tuple(bases),
            )
        )
    samples = []
    for i in range(ROWS):
        at_ms = start_ms + ROW_MS * (i + 1)
        if meters:
            samples += [PowerSample(at_ms, float(p[i]), Meter("C01", f"H{h:02}")) for h, p in power_w.items()]
        else:
            samples.append(PowerSample(at_ms, float(sum(p[i] for p in power_w.values())), WHOLE_DATACENTER))
    return Evidence(start_ms + times.HOUR, tuple(results), tuple(samples), site)


def deciding(name: str, groups: int, hosts: int, demands: int, meters: bool, hours: int) -> list[str]:
    site, by, estimate, costs, sizes = topology(groups, hosts), method(name, CalibrationSettings()), dict[str, JSON](), [], []
    for hour in range(hours):
        given = evidence(site, hour, demands, meters)
        begin = time.process_time()
        proposal = by.decide(estimate, given)
        costs.append(time.process_time() - begin)
        sizes.append(len(canonical(dict(proposal.estimate))))
        estimate = dict(proposal.estimate)
        if proposal.models:
            site = site.with_power_models(dict(proposal.models), default=None)
    p50, p95 = np.percentile(costs, [50, 95]) * 1e3
    return [
        f"p95 {p95:.1f} ms",
        f"median {p50:.1f} ms; state {sizes[-1] / 1e3:.1f} kB after {hours} hours, {max(sizes) / 1e3:.1f} kB at most",
    ]


def table(hours: int) -> Iterator[str]:
    yield f"{machine(np)}; CPU time per decision"
    yield ""
    yield from (line.replace("wall time", "CPU time") for line in HEAD)
    for name in ("recursive", "least-squares", "grid"):
        yield measured_apart(f"{name}, 277 hosts as in SURF", deciding, name, 1, 277, 53, False, hours)
    yield measured_apart("recursive, 10,000 hosts in 20 groups, one meter", deciding, "recursive", 20, 10_000, 53, False, hours)
    yield measured_apart("recursive, 10,000 hosts in 20 groups, a meter each", deciding, "recursive", 20, 10_000, 53, True, hours)
    yield measured_apart("recursive, 1,000 hosts in 8 groups, one meter", deciding, "recursive", 8, 1_000, 53, False, hours)


def main() -> None:
    arguments = parser(__doc__, "a fifth of the hours").parse_args()
    show(table(QUICK_HOURS if arguments.quick else HOURS), Path(__file__) if arguments.write else None, "Calibration decisions")


if __name__ == "__main__":
    main()
