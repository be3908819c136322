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
from opendt_streams.engine.native.queue.pushes import Changes
from opendt_streams.engine.native.rows import Bools
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
    def of(changes: Changes, drifting: Bools, rest_mhz: Float64 | None = None) -> RunningSums:
        """`rest_mhz`: what each host asks for before the changes; nothing, if not given."""
        host, time_ms, change = changes.host, changes.time_ms, changes.change_mhz
        begin_ms = (int(time_ms.min()) if len(time_ms) else 0) - 1  # an instant before all changes: that of the rests
        fresh = changes.fresh
        if rest_mhz is not None:
            asked = np.flatnonzero(rest_mhz)
            host = np.concatenate((asked, host))
            time_ms = np.concatenate((np.full(len(asked), begin_ms), time_ms))
            change = np.concatenate((rest_mhz[asked], change))
            fresh = np.concatenate((np.zeros(len(asked), dtype=np.bool_), fresh))
        order = np.argsort(host, kind="stable")
        host, time_ms, total = host[order], time_ms[order], change[order]
        bounds = np.flatnonzero(np.diff(host, prepend=-1, append=-1)).tolist()
        for begin, end in pairwise(bounds):
            np.cumsum(total[begin:end], out=total[begin:end])
        width_ms = int(time_ms.max(initial=begin_ms)) - begin_ms + 1
        key = 2 * (host * width_ms + time_ms - begin_ms) + fresh[order]
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

    def last(self) -> Float64:
        """What each host asks for after all of them, with its drift."""
        total = np.zeros(len(self.drifting))
        total[self.host] = self.total_mhz  # of several the last stays
        return total

    def _latest(self, own: Int64, wanted: Int64, host: Int64) -> Float64:
        """The last total of each host whose key is not above the wanted one."""
        if not len(own):
            return np.zeros(len(wanted))
        at = np.searchsorted(own, wanted, side="right") - 1
        latest: Float64 = np.where((at >= 0) & (self.host[at] == host), self.total_mhz[at], 0.0)
        return latest


def drifting_hosts(hosts: Hosts, usage_mhz: Float64 | None = None) -> Bools:
    """Which hosts have a power model steep enough at zero to show the drift.

    None, if the usages are such that nothing drifts; what comes may be anything where they are not given.
    """
    models = [g.group.power_model for g in hosts.groups]
    shows = [m.model_type == "sqrt" or (m.model_type == "mse" and m.calibration_factor < 1) for m in models]
    if any(shows) and usage_mhz is not None:
        parts = usage_mhz * _EXACT_PARTS
        shows = [s and bool((parts != np.rint(parts)).any()) for s in shows]
    return np.repeat(np.array(shows, dtype=np.bool_), [g.group.count for g in hosts.groups])
