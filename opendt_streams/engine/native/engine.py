"""The native engine: OpenDC's semantics, window by window.

Two layers: a task-level event simulation (`scheduler`), and demand, power, energy and carbon as vectorised functions of what
runs where (`demand`, `power`, `meter`). Under NoDelay nothing flows back from the second to the first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from opendt_streams.engine.native import checkpoint as saved
from opendt_streams.engine.native.demand import collect_entries, host_steps
from opendt_streams.engine.native.hosts import expand
from opendt_streams.engine.native.job import Run, prepare
from opendt_streams.engine.native.meter import Totals, integrate
from opendt_streams.engine.native.pieces import pieces
from opendt_streams.engine.native.placement import placement
from opendt_streams.engine.native.power import cluster_steps, host_power_w
from opendt_streams.engine.native.scheduler import Happened, Scheduler
from opendt_streams.engine.native.spans import gather
from opendt_streams.engine.native.utilisation import BasisBuilder, collect
from opendt_streams.engine.port import ClusterRows, EngineSettings, EngineWindow, Submission
from opendt_streams.engine.task_columns import TaskColumns
from opendt_streams.errors import BadInput, SimulationError
from opendt_streams.model.canonical import JSON
from opendt_streams.model.carbon import CarbonTrace
from opendt_streams.model.result import GroupBasis
from opendt_streams.model.task import Int64, Task
from opendt_streams.model.topology import Topology


class NativeEngine:
    """An `Engine` (see port.py)."""

    def __init__(self, settings: EngineSettings, topology: Topology, carbon: Mapping[str, CarbonTrace]) -> None:
        self._settings = settings
        self._now_ms = settings.origin_ms
        self._requeued = 0
        self._topology = topology
        self._traces = _traces(topology, carbon)
        self._scheduler = self._new_scheduler(topology)
        self._totals = [Totals() for _ in topology.clusters]

    @property
    def now_ms(self) -> int:
        return self._now_ms

    @property
    def idle(self) -> bool:
        # With nothing running and no pass to come, the head of the queue has already been refused by an empty datacenter.
        return not self._scheduler.running and self._scheduler.pass_ms is None

    def apply(self, topology: Topology, carbon: Mapping[str, CarbonTrace]) -> int:
        traces = _traces(topology, carbon)
        requeued = 0
        if topology.without_power_models() != self._topology.without_power_models():
            self._scheduler, requeued = self._moved(topology)
        else:
            self._scheduler.hosts = expand(topology)
        self._topology, self._traces = topology, traces
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
        totals, clusters, basis = self._measure(happened, running, row_ms)
        window = EngineWindow(
            row_ms=row_ms,
            clusters=clusters,
            basis=basis,
            submitted=len(submissions),
            completed=len(happened.ended),
            terminated=len(happened.terminated),
            requeued=self._requeued,
            running=len(scheduler.running),
            queued=len(scheduler.queue),
        )
        self._scheduler, self._totals, self._now_ms, self._requeued = scheduler, totals, until_ms, 0
        return window

    def checkpoint(self) -> dict[str, JSON]:
        return saved.save(self._now_ms, self._requeued, self._totals, self._scheduler)

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
        engine = cls(settings, topology, carbon)
        engine._now_ms, engine._requeued, engine._totals = saved.load(checkpoint, engine._scheduler, settings.semantics, task_of)
        return engine

    def _rows(self, until_ms: int) -> Int64:
        step, origin = self._settings.sample_interval_ms, self._settings.origin_ms
        if until_ms <= self._now_ms or (until_ms - origin) % step:
            raise ValueError(f"cannot advance from {self._now_ms} to {until_ms}: not a later instant of the grid of rows")
        return np.arange(self._now_ms + step, until_ms + 1, step, dtype=np.int64)

    def _measure(
        self, happened: Happened, running: list[Run], row_ms: Int64
    ) -> tuple[list[Totals], tuple[ClusterRows, ...], tuple[GroupBasis, ...]]:
        hosts = self._scheduler.hosts
        totals = list(self._totals)
        parts: list[list[ClusterRows]] = [[] for _ in totals]
        builders = [BasisBuilder(g) for g in hosts.groups]
        for from_ms, rows, runs in pieces(running, happened.placed, self._now_ms, row_ms):
            steps = host_steps(collect_entries(gather(runs, from_ms, int(rows[-1])), from_ms, int(rows[-1]), len(hosts)))
            power_w = host_power_w(hosts, steps)
            if not np.isfinite(power_w).all():
                raise SimulationError("a power model gives no finite power", hint="Check the power parameters of the topology")
            for c, name in enumerate(hosts.cluster_names):
                step_ms, cluster_w = cluster_steps(hosts, steps, power_w, c)
                totals[c], part = integrate(name, totals[c], from_ms, rows, step_ms, cluster_w, self._traces[c])
                parts[c].append(part)
            collect(builders, hosts, steps, from_ms, rows)
        return totals, tuple(_join(p) for p in parts), tuple(b.build() for b in builders)

    def _new_scheduler(self, topology: Topology) -> Scheduler:
        hosts, settings = expand(topology), self._settings
        return Scheduler(hosts, placement(hosts, settings.policy, settings.semantics, settings.seed), settings.origin_ms)

    def _moved(self, topology: Topology) -> tuple[Scheduler, int]:
        """The scheduler on other hardware: tasks stay where their host remains, the others go back to the head of the queue."""
        old, new = self._scheduler, self._new_scheduler(topology)
        homeless = []
        for run in old.running.values():
            host = new.hosts.find(old.hosts.identity(run.host))
            if host is None:
                homeless.append(run.job)
            else:
                new.place(run.job, host, run.placed_ms)
        same = ((h, new.hosts.find(old.hosts.identity(h))) for h in range(len(old.hosts)))
        new.placement.follow(old.placement, {h: host for h, host in same if host is not None})
        new.queue.extend(homeless)
        new.queue.extend(old.queue)
        new.pass_ms, new.pass_requested_ms = old.pass_ms, old.pass_requested_ms
        new.request_pass(self._now_ms)
        return new, len(homeless)


def _traces(topology: Topology, carbon: Mapping[str, CarbonTrace]) -> list[CarbonTrace | None]:
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
