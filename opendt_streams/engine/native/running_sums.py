"""Host demand as OpenDC v2.4f sums it up: never afresh, only by changes.

Sums of fractions so made drift: when the last task has left, 1e-12 MHz may remain. Demand shows nothing of that, but a square root makes
1e-6 W of it: the first digits that OpenDC writes of a host's power. The sums are exact, provided that the changes come in OpenDC's order.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np

from opendt_streams.engine.native.demand import HostSteps, without_drift
from opendt_streams.engine.native.hosts import Hosts
from opendt_streams.engine.native.job import Edges
from opendt_streams.engine.native.rows import Bools
from opendt_streams.engine.native.spans import RunColumns
from opendt_streams.model.task import Float64, Int64

# Fractions of MHz down to this are exact in all sums that occur, and leave nothing behind.
_EXACT_PARTS: Final = 1024


@dataclass(frozen=True, slots=True, eq=False)
class RunningSums:
    """Element i: after a change at an instant, host[i] asks for total_mhz[i]. Sorted by host, then in OpenDC's order.

    `key` makes host and instant one number, odd for changes of tasks that were placed at that very instant: instants count from
    `begin_ms`, and there are `width_ms` of them. `number[i]` counts the changes of all hosts that came before.
    """

    host: Int64
    key: Int64
    number: Int64
    total_mhz: Float64
    begin_ms: int
    width_ms: int
    drifting: Bools  # per host: where the drift shows

    @staticmethod
    def of(runs: RunColumns, changes_mhz: Float64, entries: Int64, drifting: Bools) -> RunningSums:
        """`entries` of the edges that change something, in OpenDC's order: at least among those of one host."""
        run = _run_of(runs, entries)
        host = runs.host[run]
        order = np.argsort(host, kind="stable")
        run, entries, host = run[order], entries[order], host[order]
        time_ms = runs.placed_ms[run] + runs.edges.starts_ms[entries]
        total = changes_mhz[entries]
        bounds = np.flatnonzero(np.diff(host, prepend=-1, append=-1)).tolist()
        for begin, end in pairwise(bounds):
            np.cumsum(total[begin:end], out=total[begin:end])
        begin_ms = int(time_ms.min()) - 1 if len(time_ms) else 0  # an instant before all of them
        width_ms = int(time_ms.max(initial=begin_ms)) - begin_ms + 1
        key = 2 * (host * width_ms + time_ms - begin_ms) + (runs.placed_ms[run] == time_ms)
        return RunningSums(host, np.maximum.accumulate(key), order, total, begin_ms, width_ms, drifting)

    def drift(self, steps: HostSteps, *, before_placements: bool = False) -> HostSteps:
        """The steps with the sums where they show, instead of fresh ones."""
        which = np.flatnonzero(self.drifting[steps.host])
        demand, host = steps.demand_mhz.copy(), steps.host[which]
        since_ms = np.clip(steps.time_ms[which] - self.begin_ms, 0, self.width_ms - 1)
        demand[which] = self._latest(self.key, 2 * (host * self.width_ms + since_ms) + (not before_placements), host)
        return replace(steps, demand_mhz=demand)

    def after(self, changes: Int64) -> Float64:
        """Per host what it asks for after so many changes of all hosts; without the drift where that does not show."""
        every, width = np.arange(len(self.drifting)), len(self.number) + 1
        total = self._latest(self.host * width + self.number, every * width + changes - 1, every)
        return np.where(self.drifting, total, without_drift(total))

    def _latest(self, own: Int64, wanted: Int64, host: Int64) -> Float64:
        """The last total of each host whose key is not above the wanted one."""
        if not len(own):
            return np.zeros(len(wanted))
        at = np.searchsorted(own, wanted, side="right") - 1
        latest: Float64 = np.where((at >= 0) & (self.host[at] == host), self.total_mhz[at], 0.0)
        return latest


def changes_mhz(edges: Edges, first: Int64) -> Float64:
    """By how much each entry changes what its task asks for; `first` are the first entries of all tasks."""
    before = np.append(0.0, edges.usage_mhz[:-1])
    before[first] = 0.0
    change: Float64 = edges.usage_mhz - before
    return change


def drifting_hosts(hosts: Hosts, usage_mhz: Float64) -> Bools:
    """Which hosts have a power model steep enough at zero to show the drift; none if the usages are such that nothing drifts."""
    models = [g.group.power_model for g in hosts.groups]
    shows = [m.model_type == "sqrt" or (m.model_type == "mse" and m.calibration_factor < 1) for m in models]
    if any(shows):
        parts = usage_mhz * _EXACT_PARTS
        shows = [s and bool((parts != np.rint(parts)).any()) for s in shows]
    return np.repeat(np.array(shows, dtype=np.bool_), [g.group.count for g in hosts.groups])


def plain_order(runs: RunColumns, changes_mhz: Float64, drifting: Bools) -> Int64 | None:
    """The changes of drifting hosts in OpenDC's order, sorted by host, if time and placement alone decide it.

    They do not where several tasks of a host go on at one instant: then the order is that in which they leave OpenDC's heap.
    """
    which = np.flatnonzero(drifting[runs.host])
    count = runs.last[which] - runs.first[which]
    run = np.repeat(which, count)
    entry: Int64 = np.arange(len(run)) + np.repeat(runs.first[which] - (np.cumsum(count) - count), count)
    changing = changes_mhz[entry] != 0
    run, entry = run[changing], entry[changing]
    if not len(run):
        return entry
    time_ms = runs.placed_ms[run] + runs.edges.starts_ms[entry]
    before = runs.placed_ms[run] < time_ms
    time_ms -= int(time_ms.min())
    key = runs.host[run] * (int(time_ms.max()) + 1) + time_ms
    order = np.argsort(key, kind="stable")
    key, run, before = key[order], run[order], before[order]
    new_instant = np.append(True, key[1:] != key[:-1])
    new_run = new_instant | np.append(True, run[1:] != run[:-1])
    begin = np.flatnonzero(new_instant)
    tasks = np.add.reduceat(new_run.astype(np.int64), begin)
    going_on = np.add.reduceat((new_run & before).astype(np.int64), begin)
    here = np.diff(np.append(begin, len(key)))
    in_order: Int64 | None = None if ((tasks > 1) & ((here > tasks) | (going_on > 1))).any() else entry[order]
    return in_order


def _run_of(runs: RunColumns, entries: Int64) -> Int64:
    order = np.argsort(runs.first, kind="stable")
    found: Int64 = order[np.searchsorted(runs.first[order], entries, side="right") - 1]
    return found
