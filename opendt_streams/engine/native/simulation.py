"""A whole experiment in one go, with OpenDC's exact order of events and all that its four tables show.

The twin advances window by window (`engine.py`); this is `opendt engine run`. Both use the same layers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from opendt_streams.engine.native.course import Setting, course
from opendt_streams.engine.native.demand import Entries, HostSteps, collect_entries, host_steps
from opendt_streams.engine.native.hosts import Hosts, expand
from opendt_streams.engine.native.last_row import LastRow
from opendt_streams.engine.native.meter import Totals, integrate
from opendt_streams.engine.native.pieces import column_pieces
from opendt_streams.engine.native.placement import Policy
from opendt_streams.engine.native.power import cluster_steps, host_power_w
from opendt_streams.engine.native.rows import Bools, Log, Rows
from opendt_streams.engine.native.running_sums import RunningSums
from opendt_streams.engine.port import ClusterRows
from opendt_streams.engine.task_columns import TaskColumns
from opendt_streams.errors import BadInput, SimulationError
from opendt_streams.model.carbon import CarbonTrace
from opendt_streams.model.task import Float64, Int64
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
    semantics: str
    hosts: Hosts
    traces: Sequence[CarbonTrace | None]
    log: Log
    rows: Rows
    last_row: LastRow | None = None
    sums: RunningSums | None = None

    def pieces(self, *, marks: bool) -> Iterator[Piece]:
        """`marks`: with a host step at every instant, as the host and task tables need it."""
        instants = np.unique(self.rows.time_ms)
        totals = [Totals() for _ in self.hosts.cluster_names]
        first = 0
        for from_ms, part, runs in column_pieces(self.log.runs, self.log.origin_ms, instants):
            until_ms = int(part[-1])
            span_end_ms = max(until_ms, from_ms + 1)  # a run that ends at its start has no span
            spans = self.log.runs.gather(runs, from_ms, span_end_ms)
            state = self._state(collect_entries(spans, from_ms, span_end_ms, len(self.hosts), part[:-1] if marks else None))
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

    def _state(self, entries: Entries, *, before_placements: bool = False) -> State:
        steps = host_steps(entries)
        if self.sums is not None:
            steps = self.sums.drift(steps, before_placements=before_placements)
        power_w = host_power_w(self.hosts, steps)
        if not np.isfinite(power_w).all():
            raise SimulationError("a power model gives no finite power", hint="Check the power parameters of the topology")
        return State(entries, steps, power_w)

    def _after(self, row: int) -> State:
        """The state right after the ends and edges at the instant of a row, before anything is placed there."""
        t = int(self.rows.time_ms[row])
        runs = self.log.runs
        there = np.flatnonzero((runs.placed_ms < t) & (t < runs.end_ms))
        return self._state(collect_entries(runs.gather(there, t, t + 1), t, t + 1, len(self.hosts)), before_placements=True)

    def _at_rows(self, piece: Piece, cluster: int, at: ClusterRows) -> ClusterRows:
        power, intensity = at.power_w[piece.instant], at.carbon_intensity_g_per_kwh[piece.instant]
        trace = self.traces[cluster]
        for row, state in piece.after.items():
            power[row - piece.first] = cluster_steps(self.hosts, state.steps, state.power_w, cluster)[1][0]
            if trace is not None:
                intensity[row - piece.first] = trace.at(int(self.rows.time_ms[row]))
        last = self.last_row
        if trace is not None and last is not None and piece.first <= last.row < piece.end and last.stepped[self._trace_number(cluster)]:
            intensity[last.row - piece.first] = trace.at(int(self.rows.time_ms[last.row]))
        energy, carbon = (np.where(piece.again, 0.0, x[piece.instant]) for x in (at.energy_j, at.carbon_g))
        return ClusterRows(at.name, power, energy, intensity, carbon)

    def _trace_number(self, cluster: int) -> int:
        return sum(trace is not None for trace in self.traces[:cluster])


def simulate(
    topology: Topology,
    traces: Mapping[str, CarbonTrace],
    tasks: TaskColumns,
    *,
    interval_ms: int,
    policy: Policy = "Mem",
    scaling: str = "NoDelay",
    semantics: str = "2.4f",
    seed: int = 0,
) -> Simulation:
    """Run `tasks` (those without fragments are dropped) to their end; `traces` by the name that the topology uses.

    `seed`: of policies that choose at random.

    Raises:
        BadInput: nothing to run, or a carbon trace is missing.
        SimulationError: the workload never ends, because its next task fits no host although no single limit is exceeded.
    """
    tasks = tasks.in_order_of_submission()
    if not len(tasks):
        raise BadInput("the workload is empty", expected="at least one task with fragments")
    missing = [c.carbon_trace for c in topology.clusters if c.carbon_trace is not None and c.carbon_trace not in traces]
    if missing:
        raise BadInput(f"the carbon trace {missing[0]!r} that the topology names was not given")
    by_cluster = [None if c.carbon_trace is None else traces[c.carbon_trace] for c in topology.clusters]
    origin_ms = int(tasks.submission_ms[0])
    carbon_ms = [trace.steps_between(origin_ms, _FAR_MS) for trace in by_cluster if trace is not None]
    hosts = expand(topology)
    setting = Setting.of(hosts, tasks, carbon_ms, interval_ms, policy, seed, scaling, semantics)
    del tasks  # most of it is in the setting once more
    found = course(setting)
    return Simulation(topology, semantics, hosts, by_cluster, found.log, found.rows, found.last_row, found.sums)
