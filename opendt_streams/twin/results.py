"""From what the engine computed to the record that goes on sim.results, in numbers of 12 significant digits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from opendt_streams.engine.port import ClusterRows, EngineWindow
from opendt_streams.model import times
from opendt_streams.model.event import MAIN
from opendt_streams.model.result import ClusterSeries, Series, TaskCounts, WindowResult
from opendt_streams.model.rounding import significant
from opendt_streams.model.task import Float64
from opendt_streams.model.topology import Topology
from opendt_streams.twin.intake import Counts


def result_id(datacenter: str, window_start_ms: int, branch: str = MAIN) -> str:
    return f"{datacenter}|{branch}|{times.iso(window_start_ms)}"


def window_result(
    *,
    datacenter: str,
    start_ms: int,
    end_ms: int,
    topology_event: str,
    drain: bool,
    counts: Counts,
    computed: EngineWindow,
    simulated: Topology,
    requeued: int,
) -> WindowResult:
    """`simulated`: the topology as the engine has it. What it says of a cluster without a carbon trace, 0, is not known."""
    known = [cluster.carbon_trace is not None for cluster in simulated.clusters]
    return WindowResult(
        id=result_id(datacenter, start_ms),
        datacenter=datacenter,
        branch=MAIN,
        window_start_ms=start_ms,
        window_end_ms=end_ms,
        topology_event=topology_event,
        drain=drain,
        tasks=TaskCounts(
            submitted=computed.submitted,
            completed=computed.completed,
            terminated=computed.terminated,
            requeued=requeued,
            running=computed.running,
            queued=computed.queued,
            late=counts.late,
            duplicate=counts.duplicate,
            empty=counts.empty,
        ),
        row_ms=tuple(computed.row_ms.tolist()),
        total=_series(total(computed.clusters), carbon_known=all(known)),
        clusters=tuple(ClusterSeries(c.name, _series(c, carbon_known=k)) for c, k in zip(computed.clusters, known, strict=True)),
        basis=computed.basis,
    )


def failed_result(
    *, datacenter: str, start_ms: int, end_ms: int, topology_event: str, drain: bool, counts: Counts, running: int, queued: int, error: str
) -> WindowResult:
    """The inputs of this window cannot be simulated: the error stands in for the rows."""
    tasks = TaskCounts(running=running, queued=queued, late=counts.late, duplicate=counts.duplicate, empty=counts.empty)
    identity = result_id(datacenter, start_ms)
    return WindowResult(identity, datacenter, MAIN, start_ms, end_ms, topology_event, drain, tasks, error=error)


def total(clusters: Sequence[ClusterRows]) -> ClusterRows:
    """Sum over clusters in topology order; the intensity is that of the mix, weighted by power (0 where there is none)."""
    power, energy, carbon = (_sum([getattr(c, name) for c in clusters]) for name in ("power_w", "energy_j", "carbon_g"))
    weighted = _sum([c.power_w * c.carbon_intensity_g_per_kwh for c in clusters])
    intensity = np.divide(weighted, power, out=np.zeros_like(power), where=power > 0)
    return ClusterRows("total", power, energy, intensity, carbon)


def _sum(columns: Sequence[Float64]) -> Float64:
    summed = np.zeros_like(columns[0])
    for column in columns:  # in a fixed order: these numbers are hashed
        summed = summed + column
    return summed


def _series(rows: ClusterRows, *, carbon_known: bool) -> Series:
    columns = (rows.power_w, rows.energy_j, rows.carbon_intensity_g_per_kwh, rows.carbon_g)
    power_w, energy_j, intensity, carbon_g = (tuple(row) for row in significant(np.stack(columns)).tolist())
    return Series(power_w, energy_j, intensity if carbon_known else None, carbon_g if carbon_known else None)
