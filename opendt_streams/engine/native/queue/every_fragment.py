"""OpenDC's engine, one fragment after the other, for what `task_ends.py` cannot know.

That is when tasks end (Perfect scaling), in which order tasks of one instant end (the pools of 2.4g+ remember it), and in which order the
tasks of a host ask for CPU (sums of fractions remember it).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from opendt_streams.engine.native.job import Run
from opendt_streams.engine.native.moments import FIRST, NEVER_MS, Moment
from opendt_streams.engine.native.queue.deadline_heap import DeadlineHeap
from opendt_streams.engine.native.queue.scaling import Resumable, Scaling
from opendt_streams.model.canonical import JSON
from opendt_streams.model.task import Int64


class EveryFragment:
    """`Deadlines` (see deadlines.py). In the heap node -1 - i is the i-th carbon trace; the others are runs."""

    def __init__(self, origin_ms: int, carbon_ms: Sequence[Int64], scaling: Scaling) -> None:
        self.scaling: Scaling = scaling
        self._heap = DeadlineHeap()
        self._pending: list[tuple[int, Moment]] = []  # engine runs: at which time, when entered; the earliest last
        self._steps = list(carbon_ms)
        self.stepped_ms = [origin_ms - 1] * len(carbon_ms)
        for i in range(len(carbon_ms)):
            self._next_step(-1 - i, origin_ms)
        self._request((origin_ms, FIRST))

    @property
    def careful(self) -> bool:
        return True

    def be_careful(self, started: Mapping[int, Run], now: int) -> None:
        pass

    @property
    def next_ms(self) -> int:
        return self._pending[-1][0] if self._pending else NEVER_MS

    def entered(self, now: int, running: Mapping[int, Run], *, exactly: bool = False) -> Moment | None:
        return self._pending[-1][1] if self._pending and self._pending[-1][0] == now else None

    def run(self, moment: Moment, starting: Sequence[int], running: Mapping[int, Run]) -> Iterator[int]:
        now, scaling, heap = moment[0], self.scaling, self._heap
        if self._pending and self._pending[-1][0] == now:
            self._pending.pop()
        while (node := heap.poll(now)) is not None:
            if node < 0:
                self.stepped_ms[-1 - node] = now
                self._next_step(node, now)
            elif (deadline := scaling.due(node, now)) is None:
                scaling.close(node, running[node], now)
                yield node
            elif deadline >= 0:
                heap.put(node, deadline)
        for node in starting:
            running[node].known = moment
            deadline = scaling.start(node, running[node], now)
            if deadline is None:
                scaling.close(node, running[node], now)
                yield node
            elif deadline >= 0:
                heap.put(node, deadline)
        for node, deadline in scaling.shared(now):
            if deadline is None:
                heap.drop(node)
                scaling.close(node, running[node], now)
                yield node
            else:
                heap.put(node, deadline)
        self._request(moment)

    def _request(self, moment: Moment) -> None:
        first = self._heap.first_ms
        if first is not None and (not self._pending or self._pending[-1][0] > first):
            self._pending.append((first, moment))

    def _next_step(self, node: int, after_ms: int) -> None:
        steps = self._steps[-1 - node]
        i = int(steps.searchsorted(after_ms, side="right"))
        if i < len(steps):
            self._heap.put(node, int(steps[i]))


class LastingFragments(EveryFragment):
    """`LastingDeadlines` of a twin."""

    scaling: Resumable

    def __init__(self, origin_ms: int, carbon_ms: Sequence[Int64], scaling: Resumable) -> None:
        super().__init__(origin_ms, carbon_ms, scaling)

    def copy(self) -> LastingFragments:
        other = LastingFragments.__new__(LastingFragments)
        other.__dict__.update(self.__dict__)
        other.scaling, other._heap = self.scaling.copy(), self._heap.copy()
        other._pending, other.stepped_ms = self._pending.copy(), self.stepped_ms.copy()
        return other

    def trace(self, carbon_ms: Sequence[Int64], started: Mapping[int, Run], now: int) -> None:
        for i in range(len(self._steps)):
            self._heap.drop(-1 - i)
        self._steps, self.stepped_ms = list(carbon_ms), [now - 1] * len(carbon_ms)
        for i in range(len(carbon_ms)):
            self._next_step(-1 - i, now)
        self._request((now, FIRST))

    def move(self, started: Mapping[int, Run], now: int) -> None:
        for node in self._heap.nodes:
            if node < 0:
                continue
            deadline = self._heap.deadline(node)
            self.scaling.forget(node)
            if node in started:
                self.scaling.resume(node, started[node], deadline)
            else:
                self._heap.drop(node)

    def state(self, running: Mapping[int, Run]) -> dict[str, JSON]:
        place = {number: i for i, number in enumerate(running)}
        return {
            "heap": [place.get(node, node) for node in self._heap.nodes],
            "pending": [[time_ms, *entered] for time_ms, entered in self._pending],
        }

    def resume(self, state: Mapping[str, Any], started: Mapping[int, Run], now: int, *, due: bool) -> None:
        self._heap = DeadlineHeap()
        for node in state["heap"]:
            if node < 0:
                self._next_step(node, now - due)
            else:
                deadline = started[node].boundary_after(now - due)
                self._heap.put(node, deadline)
                self.scaling.resume(node, started[node], deadline)
        self._pending = [(time_ms, (at, index)) for time_ms, at, index in state["pending"]]

    def begin(self, started: Mapping[int, Run], now: int) -> None:
        for number, run in started.items():
            deadline = run.boundary_after(now)
            self._heap.put(number, deadline)
            self.scaling.resume(number, run, deadline)
        self._request((now, FIRST))
