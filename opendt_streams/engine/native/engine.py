"""The native engine: OpenDC's semantics, window by window.

Two layers: a task-level event simulation (`scheduler`), and demand, power, energy and carbon as vectorised functions of what
runs where (`demand`, `power`, `meter`). Under NoDelay nothing flows back from the second to the first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import numpy as np

from opendt_streams.engine.native import checkpoint as saved
from opendt_streams.engine.native.demand import collect_entries, host_steps
from opendt_streams.engine.native.hosts import Hosts, expand
from opendt_streams.engine.native.job import Run, prepare
from opendt_streams.engine.native.lasting import LastingScheduler
from opendt_streams.engine.native.meter import Totals, integrate
from opendt_streams.engine.native.moments import NEVER_MS
from opendt_streams.engine.native.pieces import pieces
from opendt_streams.engine.native.placement import Placement, placement
from opendt_streams.engine.native.power import cluster_steps, host_power_w
from opendt_streams.engine.native.queue.every_fragment import LastingFragments
from opendt_streams.engine.native.queue.pushes import Pushes
from opendt_streams.engine.native.queue.scaling import NoDelay
from opendt_streams.engine.native.running_sums import RunningSums, drifting_hosts
from opendt_streams.engine.native.scheduler import Happened
from opendt_streams.engine.native.spans import gather
from opendt_streams.engine.native.task_ends import TaskEnds
from opendt_streams.engine.native.utilisation import BasisBuilder, collect
from opendt_streams.engine.port import ClusterRows, EngineSettings, EngineWindow, Submission
from opendt_streams.engine.task_columns import TaskColumns
from opendt_streams.errors import BadInput, SimulationError
from opendt_streams.model.canonical import JSON
from opendt_streams.model.carbon import CarbonTrace
from opendt_streams.model.result import GroupBasis
from opendt_streams.model.task import Float64, Int64, Task
from opendt_streams.model.topology import Topology

_Traces: TypeAlias = list[CarbonTrace | None]  # by cluster
_FAR_MS: Final = 2**62


class NativeEngine:
    """An `Engine` (see port.py)."""

    def __init__(self, settings: EngineSettings, topology: Topology, carbon: Mapping[str, CarbonTrace]) -> None:
        self._settings = settings
        self._now_ms = settings.origin_ms
        self._requeued = 0
        self._live = 0  # tasks that ran or waited at the end of the last window
        self._topology = topology
        self._traces = _traces(topology, carbon)
        hosts = expand(topology)
        deadlines = self._new_deadlines(hosts, self._traces, settings.origin_ms)
        self._scheduler = LastingScheduler(hosts, self._new_placement(hosts), deadlines, settings.origin_ms)
        self._asked_mhz = np.zeros(len(hosts))  # what each host's sum of changes has come to, where sums show
        self._totals = [Totals() for _ in topology.clusters]

    @property
    def now_ms(self) -> int:
        return self._now_ms

    @property
    def idle(self) -> bool:
        # With nothing running and no pass to come, the head of the queue has already been refused by an empty datacenter.
        scheduler = self._scheduler
        ending = scheduler.ending
        return len(scheduler.running) == ending and scheduler.pass_ms == NEVER_MS and not (ending and scheduler.queue)

    def apply(self, topology: Topology, carbon: Mapping[str, CarbonTrace]) -> int:
        traces = _traces(topology, carbon)
        scheduler, asked_mhz, requeued, now_ms = self._scheduler.copy(), self._asked_mhz, 0, self._now_ms
        if traces != self._traces:
            scheduler.settle()
            scheduler.deadlines.trace(self._steps(traces), scheduler.started, now_ms)
        if topology.without_power_models() != self._topology.without_power_models():
            scheduler.settle()
            hosts, old = expand(topology), scheduler.hosts
            same = {h: host for h in range(len(old)) if (host := hosts.find(old.identity(h))) is not None}
            requeued = len(scheduler.move(now_ms, hosts, self._new_placement(hosts), same))
            asked_mhz = np.zeros(len(hosts))
            asked_mhz[list(same.values())] = self._asked_mhz[list(same)]
        else:
            scheduler.hosts = expand(topology)
        if (_pushes(scheduler) is not None) != self._sums_show(scheduler.hosts):
            scheduler.settle()
            scheduler.deadlines = self._new_deadlines(scheduler.hosts, traces, now_ms)
            scheduler.deadlines.begin(scheduler.started, now_ms)
            asked_mhz = _asked_mhz(scheduler, now_ms)
        self._topology, self._traces, self._scheduler, self._asked_mhz = topology, traces, scheduler, asked_mhz
        self._totals = [self._totals[c] if c < len(self._totals) else Totals() for c in range(len(topology.clusters))]
        self._requeued += requeued
        return requeued

    def advance(self, until_ms: int, submissions: Sequence[Submission]) -> EngineWindow:
        row_ms = self._rows(until_ms)
        entering = [s.at_ms for s in submissions]
        if entering != sorted(entering) or (entering and not self._now_ms <= entering[0] <= entering[-1] < until_ms):
            raise ValueError(f"submissions must be sorted and in [{self._now_ms}, {until_ms})")
        jobs = prepare([s.reference for s in submissions], TaskColumns.of([s.task for s in submissions]), self._settings.semantics)
        scheduler = self._scheduler.copy()
        running = list(scheduler.running.values())
        happened = scheduler.advance(until_ms, list(zip(entering, jobs, strict=True)))
        sums = self._sums(scheduler)
        totals, clusters, basis = self._measure(happened, running, row_ms, sums)
        left, queued = len(scheduler.running) - scheduler.ending, len(scheduler.queue)
        window = EngineWindow(
            row_ms=row_ms,
            clusters=clusters,
            basis=basis,
            submitted=len(submissions),
            completed=self._live + len(submissions) - len(happened.terminated) - left - queued,
            terminated=len(happened.terminated),
            requeued=self._requeued,
            running=left,
            queued=queued,
        )
        self._scheduler, self._totals, self._now_ms, self._requeued, self._live = scheduler, totals, until_ms, 0, left + queued
        if sums is not None:
            self._asked_mhz = sums.last()
        return window

    def checkpoint(self) -> dict[str, JSON]:
        document: dict[str, JSON] = {
            "now_ms": self._now_ms,
            "requeued": self._requeued,
            "live": self._live,
            "energy_j": [t.energy_j for t in self._totals],
            "carbon_g": [t.carbon_g for t in self._totals],
            **saved.save(self._scheduler),
        }
        asked = np.flatnonzero(self._asked_mhz)
        if len(asked):
            hosts: list[JSON] = [*asked.tolist()]
            mhz: list[JSON] = [*self._asked_mhz[asked].tolist()]
            document["asked_mhz"] = {"host": hosts, "mhz": mhz}
        return document

    def references(self) -> tuple[int, ...]:
        jobs = [r.job for r in self._scheduler.running.values()] + list(self._scheduler.queue)
        return tuple(sorted(job.reference for job in jobs))

    @classmethod
    def restored(
        cls,
        settings: EngineSettings,
        topology: Topology,
        carbon: Mapping[str, CarbonTrace],
        checkpoint: Mapping[str, JSON],
        task_of: Callable[[int], Task],
    ) -> NativeEngine:
        state: Mapping[str, Any] = checkpoint
        engine = cls(settings, topology, carbon)
        engine._now_ms, engine._requeued, engine._live = state["now_ms"], state["requeued"], state["live"]
        engine._totals = [Totals(e, c) for e, c in zip(state["energy_j"], state["carbon_g"], strict=True)]
        saved.load(state, engine._scheduler, settings.semantics, task_of)
        if "asked_mhz" in state:
            engine._asked_mhz[state["asked_mhz"]["host"]] = state["asked_mhz"]["mhz"]
        return engine

    def _rows(self, until_ms: int) -> Int64:
        step, origin = self._settings.sample_interval_ms, self._settings.origin_ms
        if until_ms <= self._now_ms or (until_ms - origin) % step:
            raise ValueError(f"cannot advance from {self._now_ms} to {until_ms}: not a later instant of the grid of rows")
        return np.arange(self._now_ms + step, until_ms + 1, step, dtype=np.int64)

    def _measure(
        self, happened: Happened, running: list[Run], row_ms: Int64, sums: RunningSums | None
    ) -> tuple[list[Totals], tuple[ClusterRows, ...], tuple[GroupBasis, ...]]:
        hosts = self._scheduler.hosts
        totals = list(self._totals)
        parts: list[list[ClusterRows]] = [[] for _ in totals]
        builders = [BasisBuilder(g) for g in hosts.groups]
        for from_ms, rows, runs in pieces(running, happened.placed, self._now_ms, row_ms):
            steps = host_steps(collect_entries(gather(runs, from_ms, int(rows[-1])), from_ms, int(rows[-1]), len(hosts)))
            if sums is not None:
                steps = sums.drift(steps)
            power_w = host_power_w(hosts, steps)
            if not np.isfinite(power_w).all():
                raise SimulationError("a power model gives no finite power", hint="Check the power parameters of the topology")
            for c, name in enumerate(hosts.cluster_names):
                step_ms, cluster_w = cluster_steps(hosts, steps, power_w, c)
                totals[c], part = integrate(name, totals[c], from_ms, rows, step_ms, cluster_w, self._traces[c])
                parts[c].append(part)
            collect(builders, hosts, steps, from_ms, rows)
        return totals, tuple(_join(p) for p in parts), tuple(b.build() for b in builders)

    def _new_placement(self, hosts: Hosts) -> Placement:
        return placement(hosts, self._settings.policy, self._settings.semantics, self._settings.seed)

    def _new_deadlines(self, hosts: Hosts, traces: _Traces, now_ms: int) -> TaskEnds | LastingFragments:
        steps = self._steps(traces)
        if self._settings.semantics == "2.4f":
            return LastingFragments(now_ms, steps, Pushes()) if self._sums_show(hosts) else TaskEnds(self._settings.origin_ms, steps)
        return LastingFragments(now_ms, steps, NoDelay())

    def _steps(self, traces: _Traces) -> list[Int64]:
        return [trace.steps_between(self._settings.origin_ms, _FAR_MS) for trace in traces if trace is not None]

    def _sums_show(self, hosts: Hosts) -> bool:
        return self._settings.semantics == "2.4f" and bool(drifting_hosts(hosts).any())

    def _sums(self, scheduler: LastingScheduler) -> RunningSums | None:
        """The sums of the window that the scheduler has just been through."""
        pushes = _pushes(scheduler)
        return None if pushes is None else RunningSums.of(pushes.changes(), drifting_hosts(scheduler.hosts), self._asked_mhz)


def _pushes(scheduler: LastingScheduler) -> Pushes | None:
    deadlines = scheduler.deadlines
    return deadlines.scaling if isinstance(deadlines, LastingFragments) and isinstance(deadlines.scaling, Pushes) else None


def _asked_mhz(scheduler: LastingScheduler, now_ms: int) -> Float64:
    """What each host is asked for at an instant, added up in order of placement."""
    asked = np.zeros(len(scheduler.hosts))
    for run in scheduler.started.values():
        asked[run.host] += run.job.edges.usage_mhz[run.job.boundary_at(now_ms + 1 - run.placed_ms) - 1]
    return asked


def _traces(topology: Topology, carbon: Mapping[str, CarbonTrace]) -> _Traces:
    missing = [c.carbon_trace for c in topology.clusters if c.carbon_trace is not None and c.carbon_trace not in carbon]
    if missing:
        raise BadInput(f"the carbon trace {missing[0]!r} that the topology names was not given")
    return [None if c.carbon_trace is None else carbon[c.carbon_trace] for c in topology.clusters]


def _join(parts: list[ClusterRows]) -> ClusterRows:
    if len(parts) == 1:
        return parts[0]
    return ClusterRows(
        parts[0].name,
        np.concatenate([p.power_w for p in parts]),
        np.concatenate([p.energy_j for p in parts]),
        np.concatenate([p.carbon_intensity_g_per_kwh for p in parts]),
        np.concatenate([p.carbon_g for p in parts]),
    )
