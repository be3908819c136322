"""What a workload holds, in numbers, and what is odd about it though it can be run.

Each function returns facts for the report and warns about what people usually did not mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from opendt_streams.model.canonical import JSON
from opendt_streams.model.carbon import CarbonTrace
from opendt_streams.model.power import WHOLE_DATACENTER
from opendt_streams.model.task import Float64, Int64
from opendt_streams.model.times import SECOND, iso
from opendt_streams.model.topology import Topology
from opendt_streams.workload.findings import Findings
from opendt_streams.workload.power import CLUSTER, CONSUMPTION, HOST_GROUP, PowerSeries
from opendt_streams.workload.site import TOPOLOGY
from opendt_streams.workload.tasks import FRAGMENTS, TASKS, TaskTable

_DURATION_TOLERANCE_MS: Final = 30 * SECOND  # a last fragment is recorded in full: SURF differs by less nearly everywhere
_LONGEST_HOLD: Final = 20  # samples; beyond it the calibrator takes the meter for stuck (field-guide section 1.1)


def topology_facts(topology: Topology) -> dict[str, JSON]:
    groups = [g for _, _, g in topology.host_groups]
    return {
        "clusters": len(topology.clusters),
        "host_groups": len(groups),
        "hosts": topology.host_count,
        "cores": sum(g.count * g.cores for g in groups),
        "capacity_mhz": sum(g.count * g.capacity_mhz for g in groups),
        "power_models": ", ".join(sorted({g.power_model.model_type for g in groups})),
    }


def task_facts(tasks: TaskTable, findings: Findings) -> dict[str, JSON]:
    counts = tasks.fragment_counts
    some = counts > 0
    length_ms, peak_mhz = _per_task(tasks, some)
    differs = some & (np.abs(tasks.duration_ms - length_ms) > _DURATION_TOLERANCE_MS)
    above = some & (peak_mhz > tasks.cpu_capacity_mhz * (1 + 1e-6))
    _warn(findings, tasks, differs, TASKS, "duration", "differ by over 30 s from their fragments together", "equal lengths")
    _warn(findings, tasks, above, FRAGMENTS, "cpu_usage", "use more than their cpu_capacity", "both in MHz of the whole task, not per core")
    if not some.any():
        findings.warning(FRAGMENTS, "no task has fragments: the datacenter stays idle", "fragments of the tasks")
    return {
        "count": len(tasks),
        "first_submission": iso(int(tasks.submission_ms[0])),
        "last_submission": iso(int(tasks.submission_ms[-1])),
        "fragments": int(counts.sum()),
        "without_fragments": int((~some).sum()),
        "zero_usage": int((some & (peak_mhz == 0)).sum()),
        "duplicate_ids": len(tasks) - len(np.unique(tasks.id)),
        "duration_differs_from_fragments": int(differs.sum()),
        "usage_above_cpu_capacity": int(above.sum()),
    }


def placement_facts(tasks: TaskTable, topology: Topology, findings: Findings) -> dict[str, JSON]:
    """What can never be placed, and what demands more than a host has."""
    groups = [g for _, _, g in topology.host_groups]
    cores, memory, capacity = (max(getattr(g, name) for g in groups) for name in ("cores", "memory_mib", "capacity_mhz"))
    wide = tasks.cpu_count > cores
    large = (tasks.mem_capacity + 500) // 1000 > memory
    hungry = _per_task(tasks, tasks.fragment_counts > 0)[1] > capacity
    never = "than any host has: they are never placed"
    _warn(findings, tasks, wide, TASKS, "cpu_count", f"want more cores {never}", f"at most {cores}")
    _warn(findings, tasks, large, TASKS, "mem_capacity", f"want more memory {never}", f"at most {memory * 1000}, which is {memory} MiB")
    _warn(findings, tasks, hungry, FRAGMENTS, "cpu_usage", "demand more MHz than any host has", f"at most {capacity:g}")
    return {
        "wider_than_any_host": int(wide.sum()),
        "more_memory_than_any_host": int(large.sum()),
        "demand_above_any_host": int(hungry.sum()),
    }


def power_facts(power: PowerSeries, topology: Topology | None, findings: Findings) -> dict[str, JSON]:
    """Of the one meter; of several, facts by meter."""
    facts: dict[str, JSON] = {}
    for index, meter in enumerate(power.meters):
        if topology is not None and not any(meter.measures(topology.clusters[c].name, g.name) for c, _, g in topology.host_groups):
            what = f"the meter {meter.name} measures nothing that {TOPOLOGY} knows"
            findings.warning(CONSUMPTION, what, "names of its clusters and host groups", column=HOST_GROUP if meter.host_group else CLUSTER)
        mine = power.meter == index
        facts[meter.name] = _meter_facts(power.time_ms[mine], power.power_w[mine], meter.name, findings)
    only = facts.get(WHOLE_DATACENTER.name)
    return only if len(facts) == 1 and isinstance(only, dict) else facts


def _meter_facts(time_ms: Int64, power_w: Float64, name: str, findings: Findings) -> dict[str, JSON]:
    steps = np.diff(time_ms)
    interval = int(np.median(steps)) if len(steps) else 0
    gaps = np.flatnonzero(steps > 1.5 * interval)
    changes = np.flatnonzero(np.diff(power_w, prepend=-1.0, append=-1.0))
    holds = np.diff(changes)
    longest, zeros = int(holds.max()), int((power_w == 0).sum())
    of = "" if name == WHOLE_DATACENTER.name else f" of {name}"
    if len(gaps):
        what = f"{len(gaps)} gaps{of}; the first after {iso(int(time_ms[gaps[0]]))}"
        findings.warning(CONSUMPTION, what, f"a sample every {interval} ms", column="timestamp")
    if longest > _LONGEST_HOLD:
        at = iso(int(time_ms[changes[int(holds.argmax())]]))
        what = f"the meter{of} shows one value for {longest} samples from {at}"
        findings.warning(CONSUMPTION, what, f"at most {_LONGEST_HOLD}: beyond, calibration pauses", column="power_draw")
    if zeros:
        findings.warning(CONSUMPTION, f"{zeros} samples{of} are 0 W", "more than 0: calibration pauses there", column="power_draw")
    return {
        "samples": len(power_w),
        "first": iso(int(time_ms[0])),
        "last": iso(int(time_ms[-1])),
        "interval_ms": interval,
        "gaps": len(gaps),
        "longest_hold_samples": longest,
        "repeats_percent": round(100 * (1 - len(holds) / len(power_w)), 1),
        "zeros": zeros,
        "mean_w": round(float(power_w.mean()), 1),
    }


def carbon_facts(
    carbon: Mapping[str, CarbonTrace], topology: Topology, span_ms: tuple[int, int] | None, findings: Findings
) -> dict[str, JSON]:
    """`span_ms`: first and last instant of the workload."""
    for cluster in topology.clusters:
        if cluster.carbon_trace is None:
            findings.warning(
                TOPOLOGY,
                f"the cluster {cluster.name} has no carbon trace: its carbon is unknown, and so is the total",
                "powerSource.carbonTracePath",
            )
    facts: dict[str, JSON] = {}
    for name, trace in carbon.items():
        first, last = int(trace.time_ms[0]), int(trace.time_ms[-1])
        step = last - int(trace.time_ms[-2]) if len(trace.time_ms) > 1 else 0
        covers = span_ms is None or (first <= span_ms[0] and span_ms[1] <= last + step)
        if not covers and span_ms is not None:
            what = f"the trace covers {iso(first)} to {iso(last + step)}, the workload {iso(span_ms[0])} to {iso(span_ms[1])}"
            hint = "The first and last value are held."
            findings.warning(name, what, "the whole workload", column="timestamp", hint=hint)
        intensity = trace.intensity_g_per_kwh
        facts[name] = {
            "rows": len(intensity),
            "first": iso(first),
            "last": iso(last),
            "covers_the_workload": covers,
            "mean_g_per_kwh": round(float(intensity.mean()), 1),
        }
    return facts


def _per_task(tasks: TaskTable, some: NDArray[np.bool_]) -> tuple[Int64, Float64]:
    """Length (ms) and highest demand (MHz) of each task's fragments; 0 where there are none."""
    length, peak = np.zeros(len(tasks), dtype=np.int64), np.zeros(len(tasks))
    if some.any():
        starts = tasks.fragment_offsets[:-1][some]
        length[some] = np.add.reduceat(tasks.fragment_duration_ms, starts)
        peak[some] = np.maximum.reduceat(tasks.fragment_usage_mhz, starts)
    return length, peak


def _warn(findings: Findings, tasks: TaskTable, odd: NDArray[np.bool_], file: str, column: str, what: str, expected: str) -> None:
    if odd.any():
        findings.warning(file, f"{int(odd.sum())} tasks {what}; the first is {tasks.id[odd.argmax()]}", expected, column=column)
