"""An engine and a calibration method whose numbers mean nothing but depend on everything they were given.

Every output is a hash of all inputs so far, so a machine that submits a task twice, late, or on another topology shows in the results.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from opendt_streams.calibration.port import Evidence, Fault, Proposal
from opendt_streams.engine.port import ClusterRows, Engine, EngineSettings, EngineWindow, Submission
from opendt_streams.errors import SimulationError
from opendt_streams.model.canonical import JSON, digest
from opendt_streams.model.carbon import CarbonTrace
from opendt_streams.model.task import Task
from opendt_streams.model.topology import ModelType, PowerModel, Topology
from opendt_streams.model.topology_json import to_document
from opendt_streams.topology.events import parameters

NEVER_FITS: Final = 10_000  # cpu_count of a task that no host can hold
POISON: Final = 13  # mem_capacity of a task that no engine can simulate
NAMED: Final = 11  # mem_capacity of one that the engine names as the cause
MOODY: Final = 7  # mem_capacity of one that cannot be simulated on a single host


@dataclass(slots=True)
class _Running:
    task: Task
    reference: int
    left_ms: int


class StubEngine:
    """Hosts are slots: a task holds one for as long as its fragments last; places are given at the start of a span only."""

    def __init__(self, settings: EngineSettings, topology: Topology, carbon: Mapping[str, CarbonTrace]) -> None:
        self.settings = settings
        self.now_ms = settings.origin_ms
        self.running: list[_Running] = []
        self.queue: list[Submission] = []
        self.chain = ""
        self._take(topology, carbon)

    def _take(self, topology: Topology, carbon: Mapping[str, CarbonTrace]) -> None:
        self.slots = topology.host_count
        traces: dict[str, JSON] = {k: [t.time_ms.tolist(), t.intensity_g_per_kwh.tolist()] for k, t in carbon.items()}
        self.world = digest({"topology": to_document(topology), "carbon": traces})

    @property
    def idle(self) -> bool:
        return not self.running and all(s.task.cpu_count == NEVER_FITS for s in self.queue)

    def apply(self, topology: Topology, carbon: Mapping[str, CarbonTrace]) -> int:
        self._take(topology, carbon)
        gone = self.running[self.slots :]
        del self.running[self.slots :]
        self.queue[:0] = [Submission(r.task, self.now_ms, r.reference) for r in gone]
        return len(gone)

    def advance(self, until_ms: int, submissions: Sequence[Submission]) -> EngineWindow:
        assert all(self.now_ms <= s.at_ms < until_ms for s in submissions), "submitted outside the span"
        assert [s.at_ms for s in submissions] == sorted(s.at_ms for s in submissions), "submitted out of order"
        if named := [s.task.id for s in submissions if s.task.mem_capacity == NAMED]:
            raise SimulationError("this task cannot be simulated", task=named[0])
        queue = [*self.queue, *submissions]
        if any(s.task.mem_capacity == POISON or (s.task.mem_capacity == MOODY and self.slots == 1) for s in queue):
            raise SimulationError("a task that cannot be simulated")
        span = until_ms - self.now_ms
        placeable = [s for s in queue if s.task.cpu_count != NEVER_FITS][: max(0, self.slots - len(self.running))]
        self.queue = [s for s in queue if s not in placeable]
        self.running += [_Running(s.task, s.reference, int(s.task.fragments.duration_ms.sum())) for s in placeable]
        for r in self.running:
            r.left_ms -= span
        completed = [r for r in self.running if r.left_ms <= 0]
        self.running = [r for r in self.running if r.left_ms > 0]
        entered: list[JSON] = [[s.task.digest(), s.at_ms, s.reference] for s in submissions]
        self.chain = digest([self.chain, self.world, entered, self.now_ms, until_ms])
        row_ms = np.arange(self.now_ms + self.settings.sample_interval_ms, until_ms + 1, self.settings.sample_interval_ms, dtype=np.int64)
        self.now_ms = until_ms
        rows = np.array([int(self.chain[i : i + 6], 16) / 1000 for i in range(len(row_ms))], dtype=np.float64)
        clusters = (ClusterRows("C", rows, rows, rows, rows),)
        return EngineWindow(row_ms, clusters, (), len(submissions), len(completed), 0, 0, len(self.running), len(self.queue))

    def checkpoint(self) -> dict[str, JSON]:
        running: list[JSON] = [[r.reference, r.left_ms] for r in self.running]
        return {"now_ms": self.now_ms, "running": running, "queue": [[s.reference, s.at_ms] for s in self.queue], "chain": self.chain}

    def references(self) -> tuple[int, ...]:
        return tuple(sorted([r.reference for r in self.running] + [s.reference for s in self.queue]))


class StubEngines:
    name = "stub"
    version = "1"
    power_models: frozenset[ModelType] = frozenset({"linear"})

    def start(self, settings: EngineSettings, topology: Topology, carbon: Mapping[str, CarbonTrace]) -> Engine:
        return StubEngine(settings, topology, carbon)

    def restore(
        self,
        settings: EngineSettings,
        topology: Topology,
        carbon: Mapping[str, CarbonTrace],
        checkpoint: Mapping[str, Any],
        task_of: Callable[[int], Task],
    ) -> Engine:
        engine = StubEngine(settings, topology, carbon)
        engine.now_ms, engine.chain = checkpoint["now_ms"], checkpoint["chain"]
        engine.running = [_Running(task_of(reference), reference, left_ms) for reference, left_ms in checkpoint["running"]]
        engine.queue = [Submission(task_of(reference), at_ms, reference) for reference, at_ms in checkpoint["queue"]]
        return engine


class StubMethod:
    """Keeps what is in force every third time or so, and now and then raises an alarm."""

    name = "stub"

    def decide(self, estimate: Mapping[str, JSON], evidence: Evidence) -> Proposal:
        assert all(s.time_ms <= evidence.instant_ms for s in evidence.samples), "a sample from the future"
        results: list[JSON] = [[r.id, r.topology_event, list(r.total.power_w) if r.total else r.error] for r in evidence.results]
        samples: list[JSON] = [[s.time_ms, s.power_w, s.meter.cluster] for s in evidence.samples]
        seen = digest([dict(estimate), evidence.instant_ms, results, samples, parameters(evidence.in_force)])
        idle_w = int(seen[:5], 16) / 1000
        state: dict[str, JSON] = {"chain": seen[:12], "idle_w": idle_w}
        alarms = (Fault("odd", evidence.instant_ms, f"hash {seen[:6]}"),) if int(seen, 16) % 4 == 0 else ()
        if int(seen, 16) % 3 == 0:
            return Proposal(state, None, "deadband", alarms=alarms)
        models = {(c, h): PowerModel(idle_power_w=idle_w, max_power_w=idle_w + 100) for c, h, _ in evidence.in_force.host_groups}
        return Proposal(state, models, f"fit of {len(evidence.samples)} samples", alarms=alarms)
