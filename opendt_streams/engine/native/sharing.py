"""What each running task asks for and gets: max-min fairness on a host whose demand exceeds its capacity (opendc-semantics section 7).

Under NoDelay this decides nothing; it fills the columns of the host and task tables.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from opendt_streams.engine.native.demand import Entries, HostSteps, by_rank
from opendt_streams.model.task import Float64, Int64


@dataclass(frozen=True, slots=True, eq=False)
class TaskSteps:
    """Each running task at each step of its host: `step` indexes the host's steps, `run` the spans of the entries."""

    step: Int64
    run: Int64
    demand_mhz: Float64
    granted_mhz: Float64


def task_steps(entries: Entries, steps: HostSteps, capacity_mhz: Float64) -> TaskSteps:
    """`capacity_mhz` per host. Ordered by step, then placement."""
    step_of = np.cumsum(entries.last) - 1  # of each entry; the last of them speaks for the step
    end = entries.spans.end_ms
    step, run, demand = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)], [np.zeros(0)]
    for which, latest in by_rank(entries):
        who = entries.run[latest]
        keep = entries.last[which] & (who >= 0)
        keep &= entries.time_ms[which] < end[who] if len(end) else keep
        step.append(step_of[which[keep]])
        run.append(who[keep])
        demand.append(entries.usage_mhz[latest[keep]])
    steps_, runs, demands = np.concatenate(step), np.concatenate(run), np.concatenate(demand)
    order = np.lexsort((runs, steps_))
    steps_, runs, demands = steps_[order], runs[order], demands[order]
    granted = demands.copy()
    over = (steps.demand_mhz > capacity_mhz[steps.host])[steps_]
    granted[over] = _max_min(steps_[over], demands[over], capacity_mhz[steps.host[steps_[over]]])
    return TaskSteps(steps_, runs, demands, granted)


def _max_min(step: Int64, demand: Float64, supply: Float64) -> Float64:
    """Grants of tasks grouped by step: by ascending demand, each gets min(demand, what remains / how many remain)."""
    granted = np.empty(len(demand))
    order = np.lexsort((demand, step))
    groups, begin, size = np.unique(step[order], return_index=True, return_counts=True)
    remaining = supply[order[begin]] if len(groups) else np.zeros(0)
    for i in range(int(size.max()) if len(size) else 0):
        live = np.flatnonzero(size > i)
        who = order[begin[live] + i]
        granted[who] = np.minimum(demand[who], remaining[live] / (size[live] - i))
        remaining[live] -= granted[who]
    return granted
