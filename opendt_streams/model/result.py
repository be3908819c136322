"""What the simulator says about one window. Everything in it is plain data that goes on the topic as it is.

All numbers that are no counts have 12 significant digits (`model.rounding`), so that sums of them are as exact as they are.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Series:
    """One value per row of the window: power is the left limit at the row's instant, energy and carbon are since the row before.

    Carbon and its intensity are None where they are unknown: nobody sent the carbon trace of a cluster, or of one of those summed up.
    """

    power_w: tuple[float, ...]
    energy_j: tuple[float, ...]
    carbon_intensity_g_per_kwh: tuple[float, ...] | None
    carbon_g: tuple[float, ...] | None


@dataclass(frozen=True, slots=True)
class ClusterSeries:
    name: str
    series: Series


@dataclass(frozen=True, slots=True)
class TaskCounts:
    """Tasks of the window: what happened in it, and (running, queued) how it stood at its end."""

    submitted: int = 0
    completed: int = 0
    terminated: int = 0
    requeued: int = 0  # put back because their host was removed
    running: int = 0
    queued: int = 0
    late: int = 0
    duplicate: int = 0
    empty: int = 0


@dataclass(frozen=True, slots=True)
class GroupBasis:
    """Utilisation of one host group: what is needed to evaluate any power parameters for the window exactly.

    Row i of the window: host_count[i][j] hosts had the demand demand_mhz[i][j] (> 0, left limit), the rest of `hosts` had none.
    The window: hosts spent host_ms[j] milliseconds, summed over hosts, at demand window_demand_mhz[j] (> 0), the rest idle.
    Utilisation of a host is min(1, demand / capacity_mhz).
    """

    cluster: int
    group: int
    hosts: int
    cores: int
    capacity_mhz: float
    demand_mhz: tuple[tuple[float, ...], ...]
    host_count: tuple[tuple[int, ...], ...]
    window_demand_mhz: tuple[float, ...]
    window_host_ms: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class WindowResult:
    """One window [start, end): rows at the sample instants in (start, end]; `error` instead where the inputs cannot be simulated."""

    id: str
    datacenter: str
    branch: str
    window_start_ms: int
    window_end_ms: int
    topology_event: str
    drain: bool
    tasks: TaskCounts
    row_ms: tuple[int, ...] = ()
    total: Series | None = None
    clusters: tuple[ClusterSeries, ...] = ()
    basis: tuple[GroupBasis, ...] = ()
    error: str | None = None
