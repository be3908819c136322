"""An oracle: OpenDC's event queue as opendc-semantics section 10 words it, one fragment after the other, nothing vectorised.

It shares with the engine only the domain types, the power formula and the names of hosts; what it computes is compared bit by bit.

Inside an engine run it follows the flow network of OpenDC v2.4f (FlowEngine, FlowEventQueue, SimTraceWorkload, FlowDistributor): due nodes
leave a binary heap, then a first-in, first-out cycle of tasks and hosts runs dry.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from opendt_streams.model.carbon import CarbonTrace
from opendt_streams.model.power_models import watts
from opendt_streams.model.task import Task
from opendt_streams.model.topology import HostGroup, Topology


@dataclass(eq=False)
class Host:
    number: int
    cluster: int
    group: HostGroup
    reserved_cores: int = 0
    reserved_memory: int = 0
    tasks: list[Live] = field(default_factory=list)
    sum: float = 0.0  # what OpenDC adds up
    told: bool = False  # that it has changed
    in_cycle: bool = False
    demand: float = 0.0
    power: float = 0.0


@dataclass(eq=False)
class Live:
    task: Task
    host: Host
    placed: int
    left: list[tuple[int, float]] = field(default_factory=list)
    deadline: int = 0
    usage: float = 0.0
    end: int | None = None


@dataclass(eq=False)
class Source:
    steps: list[tuple[int, float]]
    deadline: int = 0
    power: float = 0.0
    energy: float = 0.0
    carbon: float = 0.0
    intensity: float = 0.0
    updated: int = 0
    last_row: tuple[float, float] = (0.0, 0.0)

    def update(self, now: int) -> None:
        used = self.power * (now - self.updated) * 0.001
        self.energy += used
        self.carbon += self.intensity * (used / 3.6e6)
        self.updated = now


@dataclass(frozen=True)
class Row:
    time: int
    sources: tuple[tuple[float, float, float, float], ...]
    counters: tuple[int, int, int, int, int]  # total, pending, active, completed, terminated
    demand: tuple[float, ...]
    running: tuple[int, ...]


class Queue:
    """Runs in __init__; `rows` and `lives` are the result, `blocked` says that a task waits for ever."""

    def __init__(self, topology: Topology, traces: Mapping[str, CarbonTrace], tasks: Sequence[Task], interval: int) -> None:
        self.tasks = sorted((t for t in tasks if len(t.fragments)), key=lambda t: t.submission_ms)
        self.origin = self.now = self.tasks[0].submission_ms
        self.interval = interval
        self.hosts = [
            Host(0, c, g, power=float(watts(g.power_model, np.zeros(1), g.cores, g.capacity_mhz)[0]))
            for c, cluster in enumerate(topology.clusters)
            for g in cluster.host_groups
            for _ in range(g.count)
        ]
        for i, host in enumerate(self.hosts):
            host.number = i
        self.sources = []
        for c in topology.clusters:
            trace = None if c.carbon_trace is None else traces[c.carbon_trace]
            times = [] if trace is None else trace.steps_between(self.origin, 2**62).tolist()
            source = Source([(t, trace.at(t)) for t in times if trace], updated=self.origin)
            source.intensity = trace.at(self.origin) if trace else 0.0
            self.sources.append(source)
            self._total(len(self.sources) - 1)
        self.events: list[tuple[int, int, Callable[[], None]]] = []
        self.entered = 0
        self.engine_runs: list[int] = []
        self.pass_pending = False
        self.queue: list[Task] = []
        self.heap: list[Live | Source] = []
        self.cycle: deque[Live | Host] = deque()
        for source in self.sources:
            self._next_step(source)
        self.lives: list[Live] = []
        self.terminated: list[Task] = []
        self.submitted = self.completed = self.active = 0
        self.rows: list[Row] = []
        self.over = False
        self._engine(self.origin)
        self._enter(self.origin + interval, self._tick)
        self._enter(self.origin, self._submission)
        while self.events and not self.over:
            self.now = self.events[0][0]
            while self.events and self.events[0][0] == self.now:
                heapq.heappop(self.events)[2]()
            if self.now > self.origin + 10**7:
                break
        self.blocked = not self.over

    def _enter(self, time: int, action: Callable[[], None]) -> None:
        heapq.heappush(self.events, (time, self.entered, action))
        self.entered += 1

    def _engine(self, time: int) -> None:
        if not self.engine_runs or self.engine_runs[-1] > time:
            self.engine_runs.append(time)
            self._enter(time, self._run)

    def _request(self) -> None:
        if self.queue and not self.pass_pending:
            self.pass_pending = True
            self._enter(self.now + (self.origin - self.now) % 1000, self._pass)

    def _run(self) -> None:
        self.engine_runs.pop()
        touched = set()
        while self.heap and self.heap[0].deadline <= self.now:
            node = self._poll()
            if isinstance(node, Source):
                node.update(self.now)
                node.intensity = node.steps.pop(0)[1]
                self._next_step(node)
            else:
                self._next(node)
        while self.cycle:
            waiting = self.cycle.popleft()
            if isinstance(waiting, Host):
                touched.add(waiting.number)
                waiting.in_cycle = False
                if waiting.told:
                    waiting.told = False
                    self._tell_cpu(waiting)
                    self._wait(waiting)
            elif waiting.deadline > self.now:
                self._schedule(waiting)
            else:
                self._next(waiting)
        for number in sorted(touched):
            host = self.hosts[number]
            host.power = float(watts(host.group.power_model, np.array([host.demand]), host.group.cores, host.group.capacity_mhz)[0])
        for s in range(len(self.sources)):
            self._total(s)
        if self.heap:
            self._engine(self.heap[0].deadline)

    def _tell_cpu(self, host: Host) -> None:
        """The engine adds afresh where the drift of the sum does not show."""
        total = 0.0
        for live in host.tasks:
            total += live.usage
        host.demand = host.sum if host.group.power_model.model_type == "sqrt" else total if total >= 1e-6 else 0.0

    def _ask(self, live: Live, usage: float) -> None:
        if usage != live.usage:
            live.host.sum += usage - live.usage
            live.usage = usage
            live.host.told = True
            self._wait(live.host)

    def _wait(self, host: Host) -> None:
        if not host.in_cycle:
            host.in_cycle = True
            self.cycle.append(host)

    def _next_step(self, source: Source) -> None:
        if source.steps:
            source.deadline = source.steps[0][0]
            self._schedule(source)

    def _schedule(self, node: Live | Source) -> None:
        at = len(self.heap)
        self.heap.append(node)
        while at and self.heap[(at - 1) // 2].deadline > node.deadline:
            self.heap[at] = self.heap[(at - 1) // 2]
            at = (at - 1) // 2
            self.heap[at] = node

    def _poll(self) -> Live | Source:
        first, moved = self.heap[0], self.heap.pop()
        at = 0
        while self.heap:
            self.heap[at] = moved
            children = [c for c in (2 * at + 1, 2 * at + 2) if c < len(self.heap)]
            smallest = min(children, key=lambda c: self.heap[c].deadline, default=at)
            if self.heap[smallest].deadline >= moved.deadline:
                break
            self.heap[at], at = self.heap[smallest], smallest
        return first

    def _total(self, s: int) -> None:
        total = 0.0
        for host in self.hosts:
            if host.cluster == s:
                total += host.power
        if total != self.sources[s].power:
            self.sources[s].update(self.now)
            self.sources[s].power = total

    def _next(self, live: Live) -> None:
        if live.left:
            duration, usage = live.left.pop(0)
            self._ask(live, usage)
            live.deadline = self.now + duration
            self.cycle.append(live)
            return
        self._ask(live, 0.0)
        live.host.told = True
        self._wait(live.host)
        live.end = self.now
        live.host.tasks.remove(live)
        live.host.reserved_cores -= live.task.cpu_count
        live.host.reserved_memory -= live.task.memory_mib
        self.active -= 1
        self.completed += 1
        self._finish()
        self._request()

    def _finish(self) -> None:
        if self.completed + len(self.terminated) == len(self.tasks):
            self.over = True
            self._row()

    def _tick(self) -> None:
        self._row()
        self._enter(self.now + self.interval, self._tick)

    def _row(self) -> None:
        values = []
        for source in self.sources:
            source.update(self.now)
            energy, carbon = source.last_row
            values.append((source.power, source.energy - energy, source.intensity, source.carbon - carbon))
            source.last_row = source.energy, source.carbon
        counters = (self.submitted, len(self.queue), self.active, self.completed, len(self.terminated))
        self.rows.append(
            Row(self.now, tuple(values), counters, tuple(h.demand for h in self.hosts), tuple(len(h.tasks) for h in self.hosts))
        )

    def _submission(self) -> None:
        while self.submitted < len(self.tasks) and self.tasks[self.submitted].submission_ms == self.now:
            self.queue.append(self.tasks[self.submitted])
            self.submitted += 1
        self._request()
        if self.submitted < len(self.tasks):
            self._enter(self.tasks[self.submitted].submission_ms, self._submission)

    def _pass(self) -> None:
        while self.queue:
            task = self.queue[0]
            fitting = [
                h
                for h in self.hosts
                if task.cpu_count <= h.group.cores - h.reserved_cores
                and task.memory_mib <= h.group.memory_mib
                and task.memory_mib <= 1.5 * h.group.memory_mib - h.reserved_memory
            ]
            if fitting:
                self.queue.pop(0)
                host = max(fitting, key=lambda h: h.group.memory_mib - h.reserved_memory)
                host.reserved_cores += task.cpu_count
                host.reserved_memory += task.memory_mib
                live = Live(task, host, self.now)
                host.tasks.append(live)
                pieces = zip(task.fragments.duration_ms.tolist(), task.fragments.cpu_usage_mhz.tolist(), strict=True)
                live.left = list(pieces) if task.fragments.cpu_usage_mhz.any() else [(0, 0.0)] * len(task.fragments)
                self.cycle.append(live)
                self.lives.append(live)
                self.active += 1
                self._engine(self.now)
            elif task.cpu_count > max(h.group.cores for h in self.hosts) or task.memory_mib > max(h.group.memory_mib for h in self.hosts):
                self.queue.pop(0)
                self.terminated.append(task)
                self._finish()
            else:
                break
        self.pass_pending = False
