"""A whole experiment in one go, with OpenDC's exact order of events and all that its four tables show.

The twin advances window by window (`engine.py`); this is `opendt engine run`. Both use the same layers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from opendt_streams.engine.native.demand import Entries, HostSteps, collect_entries, host_steps
from opendt_streams.engine.native.hosts import Hosts, expand
from opendt_streams.engine.native.job import Job, Run, prepare
from opendt_streams.engine.native.meter import Totals, integrate
from opendt_streams.engine.native.ordering import OpenDCScheduler
from opendt_streams.engine.native.pieces import pieces
from opendt_streams.engine.native.power import cluster_steps, host_power_w
from opendt_streams.engine.native.rows import Bools, Log, Rows, plan_rows
from opendt_streams.engine.port import ClusterRows
from opendt_streams.errors import BadInput, SimulationError
from opendt_streams.model.carbon import CarbonTrace
from opendt_streams.model.task import Float64, Int64, Task
from opendt_streams.model.topology import Topology

_FAR_MS = 2**62


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """What runs, and what power that takes: over a span, or right after an instant."""

    entries: Entries
    steps: HostSteps
    power_w: Float64


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Rows first..end-1 of the output. `state` speaks about [from_ms, instants_ms[-1]); with marks it has host steps at every instant.

    `instant` tells which of the instants each row is at; `after` holds the state of rows that show what is after their instant.
    """

    first: int
    end: int
    from_ms: int
    instants_ms: Int64
    instant: Int64
    clusters: tuple[ClusterRows, ...]
    state: State
    after: Mapping[int, State]

    @property
    def again(self) -> Bools:
        """Rows that share their instant with the row before: nothing is left to integrate for them."""
        return np.append(False, self.instant[1:] == self.instant[:-1])


@dataclass(frozen=True, slots=True, eq=False)
class Simulation:
    """A finished event simulation; `pieces` evaluates power over it, a bounded amount of time at once."""

    topology: Topology
    hosts: Hosts
    traces: Sequence[CarbonTrace | None]
    log: Log
    rows: Rows

    def pieces(self, *, marks: bool) -> Iterator[Piece]:
        """`marks`: with a host step at every instant, as the host and task tables need it."""
        instants = np.unique(self.rows.time_ms)
        totals = [Totals() for _ in self.hosts.cluster_names]
        first = 0
        for from_ms, part, runs in pieces([], self.log.runs, self.log.origin_ms, instants):
            until_ms = int(part[-1])
            span_end_ms = max(until_ms, from_ms + 1)  # a run that ends at its start has no span
            state = self._state(collect_entries(runs, from_ms, span_end_ms, len(self.hosts), part[:-1] if marks else None))
            end = int(np.searchsorted(self.rows.time_ms, until_ms, side="right"))
            after = {i: self._after(i) for i in range(first, end) if self.rows.after[i]}
            piece = Piece(first, end, from_ms, part, np.searchsorted(part, self.rows.time_ms[first:end]), (), state, after)
            clusters = []
            for c, name in enumerate(self.hosts.cluster_names):
                step_ms, cluster_w = cluster_steps(self.hosts, state.steps, state.power_w, c)
                totals[c], rows = integrate(name, totals[c], from_ms, part, step_ms, cluster_w, self.traces[c])
                clusters.append(self._at_rows(piece, c, rows))
            yield replace(piece, clusters=tuple(clusters))
            first = end

    def _state(self, entries: Entries) -> State:
        steps = host_steps(entries)
        power_w = host_power_w(self.hosts, steps)
        if not np.isfinite(power_w).all():
            raise SimulationError("a power model gives no finite power", hint="Check the power parameters of the topology")
        return State(entries, steps, power_w)

    def _after(self, row: int) -> State:
        """The state right after the ends and edges at the instant of a row, before anything is placed there."""
        t = int(self.rows.time_ms[row])
        runs = [Run(r.job, r.host, r.placed_ms, r.end_ms) for r in self.log.runs if r.placed_ms < t < r.end_ms]
        return self._state(collect_entries(runs, t, t + 1, len(self.hosts)))

    def _at_rows(self, piece: Piece, cluster: int, at: ClusterRows) -> ClusterRows:
        power, intensity = at.power_w[piece.instant], at.carbon_intensity_g_per_kwh[piece.instant]
        trace = self.traces[cluster]
        for row, state in piece.after.items():
            power[row - piece.first] = cluster_steps(self.hosts, state.steps, state.power_w, cluster)[1][0]
            if trace is not None:
                intensity[row - piece.first] = trace.at(int(self.rows.time_ms[row]))
        energy, carbon = (np.where(piece.again, 0.0, x[piece.instant]) for x in (at.energy_j, at.carbon_g))
        return ClusterRows(at.name, power, energy, intensity, carbon)


def simulate(
    topology: Topology, traces: Mapping[str, CarbonTrace], tasks: Sequence[Task], *, interval_ms: int, policy: str = "Mem"
) -> Simulation:
    """Run `tasks` (those without fragments are dropped) to their end; `traces` by the name that the topology uses.

    Raises:
        BadInput: nothing to run, or a carbon trace is missing.
        SimulationError: the workload never ends, because its next task fits no host although no single limit is exceeded.
    """
    ordered = sorted((t for t in tasks if len(t.fragments)), key=lambda t: t.submission_ms)
    if not ordered:
        raise BadInput("the workload is empty", expected="at least one task with fragments")
    missing = [c.carbon_trace for c in topology.clusters if c.carbon_trace is not None and c.carbon_trace not in traces]
    if missing:
        raise BadInput(f"the carbon trace {missing[0]!r} that the topology names was not given")
    by_cluster = [None if c.carbon_trace is None else traces[c.carbon_trace] for c in topology.clusters]
    origin_ms = ordered[0].submission_ms
    carbon_ms = [trace.steps_between(origin_ms, _FAR_MS) for trace in by_cluster if trace is not None]
    submissions: list[tuple[int, Job]] = [(t.submission_ms, job) for t, job in zip(ordered, prepare(list(enumerate(ordered))), strict=True)]
    hosts = expand(topology)
    scheduler = OpenDCScheduler(hosts, policy, origin_ms, carbon_ms)
    happened = scheduler.advance(_FAR_MS, submissions)
    if scheduler.queue:
        task = scheduler.queue[0].task
        raise SimulationError(
            f"it fits no host of the topology, so it waits for ever with {len(scheduler.queue) - 1} behind it ({task.cpu_count} cores, "
            f"{task.memory_mib} MiB)",
            where=f"task {task.id}",
            hint="Give it a host that has both, or take it out of the workload",
        )
    log = Log(
        origin_ms, happened.placed, submissions, happened.terminated, scheduler.finished_at_deadline, scheduler.finished_after_changes
    )
    return Simulation(topology, hosts, by_cluster, log, plan_rows(log, interval_ms, scheduler.engine))
