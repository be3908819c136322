"""Table `task`: one row per live task and tick, and one last row at the first row time after its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from opendt_streams.engine.native.hosts import unique_names
from opendt_streams.engine.native.rows import Bools
from opendt_streams.engine.native.sharing import TaskSteps, task_steps
from opendt_streams.engine.native.simulation import Piece, Simulation, State
from opendt_streams.engine.native.tables.columns import Columns, nullable, text
from opendt_streams.engine.native.tables.states import task_states
from opendt_streams.model.task import Float64, Int64

_STATES: Final = ("PROVISIONING", "RUNNING", "COMPLETED", "TERMINATED")
_GPU: Final = ("count", "limit", "usage", "demand", "time_active", "time_idle", "time_steal", "time_lost")


@dataclass(frozen=True, slots=True, eq=False)
class _Usage:
    """Running tasks in intervals: element i is about key[i] = task x intervals + interval, ascending.

    Demand and grant at the end of the interval; whole seconds of each kind that the interval adds to the task's total.
    """

    key: Int64
    demand_mhz: Float64
    granted_mhz: Float64
    seconds: dict[str, Int64]


class TaskTable:
    def __init__(self, simulation: Simulation) -> None:
        self._rows = simulation.rows
        self._semantics = simulation.semantics
        self._origin_ms = simulation.log.origin_ms
        self._states = task_states(simulation)
        groups = simulation.hosts.groups
        # One capacity and one name more: hosts are -1 where there is none, which takes the last.
        self._capacity = np.append(np.repeat([g.group.capacity_mhz for g in groups], [g.group.count for g in groups]), 0.0)
        self._names = (*unique_names([g.group.name for g in groups for _ in range(g.group.count)]), "")
        tasks = simulation.log.tasks
        self._id, self._cores, self._memory, self._submitted_ms = tasks.id, tasks.cpu_count, tasks.memory_mib, tasks.submission_ms
        self._total_ms = {kind: np.zeros(len(tasks), dtype=np.int64) for kind in ("active", "idle", "steal")}

    def rows(self, piece: Piece) -> Columns:
        states = self._states
        live = np.flatnonzero((states.submitted_row < piece.end) & (states.finished_row >= piece.first))
        begin = np.maximum(states.submitted_row[live], piece.first)
        counts = np.minimum(states.finished_row[live] + 1, piece.end) - begin
        task = np.repeat(live, counts)
        row = np.arange(len(task)) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(begin, counts)
        order = np.lexsort((task, row))
        task, row = task[order], row[order]

        ran = states.host[task] >= 0
        started, over = row >= states.placed_row[task], row >= states.finished_row[task]
        running = started & ~over
        demand, granted, seconds = self._usage(piece, task, row, running)
        previous = np.append(piece.from_ms, self._rows.time_ms)[np.where(row > piece.first, row, 0)]
        uptime = np.minimum(self._rows.time_ms[row] - previous, self._rows.time_ms[row] - states.placed_ms[task])
        zero, none = np.zeros(len(task), dtype=np.int64), np.zeros(len(task))
        return {
            "row": row,
            "task_id": self._id[task],
            "task_name": text(("",), zero),
            "host_name": text(self._names, np.where(started, states.host[task], len(self._names) - 1)),
            "mem_capacity": self._memory[task],
            "cpu_count": self._cores[task],
            "cpu_limit": np.where(running, self._capacity[states.host[task]], 0.0),
            "cpu_usage": granted,
            "cpu_demand": demand,
            **{f"cpu_time_{kind}": values for kind, values in seconds.items()},
            "cpu_time_lost": zero,
            **{f"gpu_{name}": zero if name == "count" or name.startswith("time") else none for name in _GPU},
            "uptime": np.where(running, uptime, 0),
            "downtime": zero,
            "num_failures": zero,
            "num_pauses": zero,
            "task_state": text(_STATES, np.where(over, np.where(ran, 2, 3), running.astype(np.int64))),
            **self._times(task, started, over),
        }

    def _times(self, task: Int64, started: Bools, over: Bools) -> Columns:
        placed, finished = self._states.placed_ms[task] - self._origin_ms, self._states.finish_ms[task] - self._origin_ms
        submitted, zero = self._submitted_ms[task], np.zeros(len(task), dtype=np.int64)
        if self._semantics == "2.4f":
            every = np.ones(len(task), dtype=np.bool_)
            return {
                "schedule_time": nullable(placed, started),
                "submission_time": nullable(submitted - self._origin_ms, every),
                "finish_time": nullable(finished, over),
            }
        started = started & (self._states.host[task] >= 0)
        return {
            "schedule_time": np.where(started, placed, 0),
            "submission_time": submitted,
            "finish_time": np.where(over, finished, 0),
            "scheduling_delay": np.where(started, placed + self._origin_ms - submitted, 0),
            "failure_delay": zero,
            "checkpoint_delay": zero,
        }

    def _usage(self, piece: Piece, task: Int64, row: Int64, running: Bools) -> tuple[Float64, Float64, dict[str, Int64]]:
        """Demand, grant and seconds of each (task, row); 0 where it is not running."""
        demand, granted = np.zeros(len(task)), np.zeros(len(task))
        seconds = {kind: np.zeros(len(task), dtype=np.int64) for kind in self._total_ms}
        usage = self._intervals(piece)
        if not len(usage.key):
            return demand, granted, seconds
        key = task * len(piece.instants_ms) + piece.instant[row - piece.first]
        at = np.minimum(np.searchsorted(usage.key, key), len(usage.key) - 1)
        found = running & (usage.key[at] == key)
        demand[found], granted[found] = usage.demand_mhz[at[found]], usage.granted_mhz[at[found]]
        first_of_instant = found & ~piece.again[row - piece.first]
        for kind, values in usage.seconds.items():
            seconds[kind][first_of_instant] = values[at[first_of_instant]]
        for after, state in piece.after.items():
            here = np.flatnonzero((row == after) & running)
            now = self._task_steps(state)
            who = state.entries.spans.reference[now.run]
            order = np.argsort(who)
            chosen = order[np.searchsorted(who[order], task[here])]
            demand[here], granted[here] = now.demand_mhz[chosen], now.granted_mhz[chosen]
        return demand, granted, seconds

    def _intervals(self, piece: Piece) -> _Usage:
        steps, instants = piece.state.steps, piece.instants_ms
        each = self._task_steps(piece.state)
        if not len(each.step):
            return _Usage(each.step, each.demand_mhz, each.granted_mhz, {})
        who, end = (column[each.run] for column in (piece.state.entries.spans.reference, piece.state.entries.spans.end_ms))
        until = np.append(steps.time_ms[1:], instants[-1])
        until[steps.first[1:] - 1] = instants[-1]
        lasts = np.minimum(until[each.step], end) - steps.time_ms[each.step]
        capacity = self._capacity[steps.host[each.step]]
        key = who * len(instants) + np.searchsorted(instants, steps.time_ms[each.step], side="right")
        order = np.lexsort((each.step, key))
        key = key[order]
        begin = np.flatnonzero(np.append(True, key[1:] != key[:-1]))
        last = np.append(begin[1:], len(key)) - 1
        keys = key[begin]
        task = keys // len(instants)
        new_task = np.append(True, task[1:] != task[:-1])
        seconds = {}
        for kind, mhz in (
            ("active", each.granted_mhz),
            ("idle", capacity - each.granted_mhz),
            ("steal", each.demand_mhz - each.granted_mhz),
        ):
            ms = np.add.reduceat(np.floor(mhz * lasts / capacity + 0.5).astype(np.int64)[order], begin)
            running_total = np.cumsum(ms)
            before_task = (running_total - ms)[new_task]
            total = running_total + (self._total_ms[kind][task[new_task]] - before_task)[np.cumsum(new_task) - 1]
            seconds[kind] = total // 1000 - (total - ms) // 1000
            self._total_ms[kind][task] = total  # ascending: the last of a task stays
        return _Usage(keys, each.demand_mhz[order][last], each.granted_mhz[order][last], seconds)

    def _task_steps(self, state: State) -> TaskSteps:
        return task_steps(state.entries, state.steps, self._capacity)
