"""Table `host`: one row per host and tick."""

from __future__ import annotations

from typing import Final

import numpy as np

from opendt_streams.engine.native.hosts import unique_names
from opendt_streams.engine.native.simulation import Piece, Simulation
from opendt_streams.engine.native.tables.columns import Columns, nullable, schema, text
from opendt_streams.engine.native.tables.states import task_states
from opendt_streams.model.task import Float64, Int64

_EMBODIED_G_PER_MS: Final = 1_000_000 / (5 * 365 * 86_400_000)  # 1000 kg over five years, OpenDC's default


class HostTable:
    def __init__(self, simulation: Simulation) -> None:
        self._hosts = simulation.hosts
        self._rows, self._last = simulation.rows, simulation.last_row
        self._origin_ms = simulation.log.origin_ms
        groups = self._hosts.groups
        self._names = unique_names([g.group.name for g in groups for _ in range(g.group.count)])
        self._cluster = np.repeat([g.cluster for g in groups], [g.group.count for g in groups])
        self._capacity = np.repeat([g.group.capacity_mhz for g in groups], [g.group.count for g in groups])
        states = task_states(simulation)
        ran = states.host >= 0
        self._task_host = states.host[ran]
        self._task_rows = states.placed_row[ran], states.finished_row[ran]

    def rows(self, piece: Piece) -> Columns:
        count, hosts = piece.end - piece.first, len(self._hosts)
        if not hosts:
            return dict.fromkeys(("row", *schema("host").names), np.zeros(0, dtype=np.int64))
        steps, power = piece.state.steps, piece.state.power_w
        until = np.append(steps.time_ms[1:], piece.instants_ms[-1])
        until[steps.first[1:] - 1] = piece.instants_ms[-1]
        lasts = np.maximum(until - steps.time_ms, 0)
        interval = np.minimum(np.searchsorted(piece.instants_ms, steps.time_ms, side="right"), len(piece.instants_ms) - 1)
        capacity = self._capacity[steps.host]
        supply = np.minimum(steps.demand_mhz, capacity)
        # The last step of a host before an instant; marks make sure that every interval has one.
        key = steps.host * len(piece.instants_ms) + interval
        left = np.flatnonzero(np.append(key[1:] != key[:-1], True)).reshape(hosts, -1).T[piece.instant]
        demand, draw = steps.demand_mhz[left], power[left]
        for row, state in piece.after.items():
            demand[row - piece.first], draw[row - piece.first] = state.steps.demand_mhz, state.power_w

        def integral(each: Float64 | Int64) -> Float64:
            per_interval = np.bincount(interval * hosts + steps.host, weights=each, minlength=len(piece.instants_ms) * hosts)
            at_rows: Float64 = np.where(piece.again[:, None], 0.0, per_interval.reshape(-1, hosts)[piece.instant])
            return at_rows.ravel()

        def milliseconds(mhz: Float64) -> Int64:
            return integral(np.floor(mhz * lasts / capacity + 0.5)).astype(np.int64)

        time = self._rows.time_ms[piece.first : piece.end]
        elapsed = np.repeat(np.diff(time, prepend=piece.from_ms), hosts)
        every, zero = np.tile(np.arange(hosts), count), np.zeros(count * hosts, dtype=np.int64)
        usage = np.minimum(demand, self._capacity).ravel()
        if self._last is not None and self._last.demand_mhz is not None and piece.first <= self._last.row < piece.end:
            demand[self._last.row - piece.first] = self._last.demand_mhz
        return {
            "row": np.repeat(np.arange(piece.first, piece.end), hosts),
            "host_name": text(self._names, every),
            "cluster_name": text(self._hosts.cluster_names, self._cluster[every]),
            "core_count": self._hosts.cores[every],
            "mem_capacity": self._hosts.memory_mib[every],
            "tasks_terminated": zero,
            "tasks_running": self._running(piece).ravel(),
            "tasks_error": zero,
            "tasks_invalid": zero,
            "cpu_capacity": self._capacity[every],
            "cpu_usage": usage,
            "cpu_demand": demand.ravel(),
            "cpu_utilization": usage / self._capacity[every],
            "cpu_time_active": milliseconds(supply),
            "cpu_time_idle": milliseconds(capacity - supply),
            "cpu_time_steal": milliseconds(steps.demand_mhz - supply),
            "cpu_time_lost": zero,
            "power_draw": draw.ravel(),
            "energy_usage": integral(power * lasts * 0.001),
            "embodied_carbon": elapsed * _EMBODIED_G_PER_MS,
            "uptime": elapsed,
            "downtime": zero,
            "boot_time": nullable(np.full(count * hosts, self._origin_ms), np.ones(count * hosts, dtype=np.bool_)),
        }

    def _running(self, piece: Piece) -> Int64:
        """Tasks on each host at each row, shape (rows, hosts)."""
        count, hosts = piece.end - piece.first, len(self._hosts)
        change = np.zeros((count + 1) * hosts, dtype=np.int64)
        placed, finished = self._task_rows
        here = (placed < piece.end) & (finished > piece.first)
        np.add.at(change, np.maximum(placed[here] - piece.first, 0) * hosts + self._task_host[here], 1)
        np.add.at(change, np.minimum(finished[here] - piece.first, count) * hosts + self._task_host[here], -1)
        return np.cumsum(change.reshape(count + 1, hosts), axis=0)[:count]
