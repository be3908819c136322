"""The utilisation basis of a span: hosts per distinct demand at each row, and milliseconds per distinct demand (PROTOCOL 8.1)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from opendt_streams.engine.native.demand import HostSteps
from opendt_streams.engine.native.hosts import GroupSpan, Hosts
from opendt_streams.model.result import GroupBasis
from opendt_streams.model.rounding import significant
from opendt_streams.model.task import Float64, Int64


@dataclass(slots=True)
class BasisBuilder:
    """Collects the basis of one host group, piece after piece of a span."""

    group: GroupSpan
    demand_mhz: list[tuple[float, ...]] = field(default_factory=list)
    host_count: list[tuple[int, ...]] = field(default_factory=list)
    _demand: list[Float64] = field(default_factory=list)
    _host_ms: list[Int64] = field(default_factory=list)

    def add(self, rounded_mhz: Float64, lasts_ms: Int64, at_rows_mhz: Float64) -> None:
        """Steps of the group's hosts with how long each lasts, and demands at the rows, shape (rows, hosts); all rounded."""
        busy = rounded_mhz > 0
        demand, host_ms = _sum_equal(rounded_mhz[busy], lasts_ms[busy])
        self._demand.append(demand)
        self._host_ms.append(host_ms)
        row, host = np.nonzero(at_rows_mhz)
        levels, which = np.unique(at_rows_mhz[row, host], return_inverse=True)
        counts = np.bincount(row * len(levels) + which, minlength=len(at_rows_mhz) * len(levels)).reshape(len(at_rows_mhz), len(levels))
        for row_counts in counts:
            present = np.flatnonzero(row_counts)
            self.demand_mhz.append(tuple(levels[present].tolist()))
            self.host_count.append(tuple(row_counts[present].tolist()))

    def build(self) -> GroupBasis:
        demand, host_ms = _sum_equal(np.concatenate(self._demand), np.concatenate(self._host_ms))
        return GroupBasis(
            cluster=self.group.cluster,
            group=self.group.entry,
            hosts=self.group.group.count,
            cores=self.group.group.cores,
            capacity_mhz=self.group.group.capacity_mhz,
            demand_mhz=tuple(self.demand_mhz),
            host_count=tuple(self.host_count),
            window_demand_mhz=tuple(demand.tolist()),
            window_host_ms=tuple(host_ms.tolist()),
        )


def _sum_equal(demand_mhz: Float64, host_ms: Int64) -> tuple[Float64, Int64]:
    """The distinct demands, ascending, and the sum of the milliseconds of each: whole numbers below 2**53, so exact in float64."""
    distinct, which = np.unique(demand_mhz, return_inverse=True)
    return distinct, np.bincount(which, weights=host_ms, minlength=len(distinct)).astype(np.int64)


def collect(builders: list[BasisBuilder], hosts: Hosts, steps: HostSteps, from_ms: int, row_ms: Int64) -> None:
    """Add the piece (from, row_ms[-1]] to every group's basis."""
    until_ms = int(row_ms[-1])
    lasts = np.append(steps.time_ms[1:], until_ms)
    lasts[steps.first[1:] - 1] = until_ms
    lasts -= steps.time_ms
    rounded = significant(steps.demand_mhz)
    at_rows = rounded[left_limit_index(steps, from_ms, row_ms, len(hosts))]
    for b in builders:
        which = slice(int(steps.first[b.group.first]), int(steps.first[b.group.end]))
        b.add(rounded[which], lasts[which], at_rows[:, b.group.first : b.group.end])


def left_limit_index(steps: HostSteps, from_ms: int, row_ms: Int64, hosts: int) -> Int64:
    """The step of each host in force just before each row, shape (rows, hosts); rows lie after `from_ms`, the last one ends the span."""
    span = int(row_ms[-1]) - from_ms + 1
    key = steps.host * span + (steps.time_ms - from_ms)
    wanted = np.arange(hosts)[None, :] * span + (row_ms - from_ms)[:, None]
    return np.searchsorted(key, wanted, side="left") - 1
