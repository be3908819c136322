"""Power of hosts and clusters over a span, as steps."""

from __future__ import annotations

from typing import Final

import numpy as np

from opendt_streams.engine.native.demand import HostSteps
from opendt_streams.engine.native.hosts import Hosts
from opendt_streams.model.power_models import watts
from opendt_streams.model.task import Float64, Int64

_EVER: Final = np.full(1, -(2**62))  # when a cluster without hosts began to draw nothing
_BLOCK: Final = 1 << 17  # numbers summed at a time: 1 MiB
_MOST_ADDED_UP: Final = 1000  # hosts
_SUM_BITS: Final = 61


def host_power_w(hosts: Hosts, steps: HostSteps) -> Float64:
    """Power of the host at each of its steps, shape (steps,)."""
    power = np.empty(len(steps.host))
    for g in hosts.groups:
        which = slice(int(steps.first[g.first]), int(steps.first[g.end]))
        power[which] = watts(g.group.power_model, steps.demand_mhz[which], g.group.cores, g.group.capacity_mhz)
    return power


def cluster_steps(hosts: Hosts, steps: HostSteps, power_w: Float64, cluster: int) -> tuple[Int64, Float64]:
    """When the cluster's power changes, and to what: the sum over its hosts. The first step opens the span.

    Up to some hundred hosts are added up in topology order, at every step of any of them. That would cost hosts times steps: of more
    hosts, what changes is added to the sum, in integers, so that no order and no history shows in the last bit.
    """
    first, end = hosts.cluster_span(cluster)
    if first == end:
        return _EVER, np.zeros(1)
    mine = slice(int(steps.first[first]), int(steps.first[end]))
    begin = steps.first[first : end + 1] - steps.first[first]
    times, column = np.unique(steps.time_ms[mine], return_inverse=True)
    power = power_w[mine]
    bits = _bits(hosts, cluster, power) if end - first > _MOST_ADDED_UP else None
    if bits is None:
        # A host's step holds until the column of its next one; each host opens at column 0, so steps fill rows of equal length.
        until = np.append(column[1:], 0)
        until[until == 0] = len(times)
        total = _sum_rows(power, until - column, begin, len(times))
    else:
        total = _sum_changes(power, column, begin[:-1], bits)
    changed = np.append(True, total[1:] != total[:-1])
    return times[changed], total[changed]


def _bits(hosts: Hosts, cluster: int, power_w: Float64) -> int | None:
    """How often a watt can be halved so that sums over the cluster fit in 62 bits. None if its models know no bounds."""
    bound = largest = 0.0
    for g in hosts.groups:
        if g.cluster == cluster:
            ends = watts(g.group.power_model, np.array([0.0, g.group.capacity_mhz]), g.group.cores, g.group.capacity_mhz)
            most = 2 * float(np.abs(ends).sum()) + abs(g.group.power_model.max_power_w)
            largest = max(largest, most)
            bound += most * g.group.count
    fits = 0 < bound < np.inf and np.abs(power_w).max(initial=0.0) <= largest
    return _SUM_BITS - int(np.frexp(bound)[1]) if fits else None


def _sum_changes(power_w: Float64, column: Int64, opening: Int64, bits: int) -> Float64:
    """The sum at each column, in units of 2**-bits W; `opening` are the first steps of the hosts, which are in column 0."""
    units = np.rint(np.ldexp(power_w, bits)).astype(np.int64)
    change = np.diff(units, prepend=0)
    change[opening] = units[opening]
    order = np.argsort(column, kind="stable")
    total = np.cumsum(change[order])
    last = np.append(np.flatnonzero(np.diff(column[order])), len(order) - 1)
    summed: Float64 = np.ldexp(total[last].astype(np.float64), -bits)
    return summed


def _sum_rows(values: Float64, repeats: Int64, row_begin: Int64, columns: int) -> Float64:
    """Sum over rows, one row after the other, where row i is values[row_begin[i]:row_begin[i+1]], each repeated.

    numpy reduces the outer axis of a C-ordered matrix row by row, which is the order that OpenDC adds in. A single column would
    be taken for a vector and summed pairwise, hence the second.
    """
    if columns == 1:
        return np.cumsum(values)[-1:]
    total = np.zeros(columns)
    rows = max(_BLOCK // columns, 1)
    for i in range(0, len(row_begin) - 1, rows):
        j = min(i + rows, len(row_begin) - 1)
        which = slice(int(row_begin[i]), int(row_begin[j]))
        block = np.empty((j - i + 1, columns))
        block[0] = total
        block[1:] = np.repeat(values[which], repeats[which]).reshape(j - i, columns)
        total = block.sum(axis=0)
    return total
