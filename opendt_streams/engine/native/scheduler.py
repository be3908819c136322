"""The task-level event simulation: submissions, one-second scheduling passes, task ends (opendc-semantics sections 6 and 10).

Under NoDelay a task's end is known when it is placed, so there is one event per task end, submission instant and pass, none per fragment.
At one instant ends come first, then a pending pass, then submissions (and the pass that they request): an order that does not
depend on how time is cut into calls. `ordering.py` has the exact order of OpenDC's own queue for whole experiments.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from opendt_streams.engine.native.hosts import Hosts
from opendt_streams.engine.native.job import QUANTUM_MS, Job, Run
from opendt_streams.engine.native.placement import Placement

_NEVER: Final = 2**63


@dataclass(slots=True)
class Happened:
    """What one span of simulated time brought."""

    placed: list[Run] = field(default_factory=list)
    ended: list[Run] = field(default_factory=list)
    terminated: list[tuple[Job, int]] = field(default_factory=list)  # with the time of the pass


class Scheduler:
    """Queue, reservations and running tasks of a datacenter."""

    def __init__(self, hosts: Hosts, placement: Placement, origin_ms: int) -> None:
        self.hosts = hosts
        self._origin_ms = origin_ms
        self.placement = placement
        self._ends: list[tuple[int, int]] = []  # heap of (end_ms, number)
        self._next_number = 0
        self.running: dict[int, Run] = {}  # by number, hence in order of placement
        self.queue: deque[Job] = deque()
        self.pass_ms: int | None = None
        self.pass_requested_ms = 0
        self.pass_number = 0

    def copy(self) -> Scheduler:
        other = type(self).__new__(type(self))
        other.__dict__.update(self.__dict__)
        other.placement = self.placement.copy()
        other._ends = self._ends.copy()
        other.running = self.running.copy()
        other.queue = self.queue.copy()
        return other

    def advance(self, until_ms: int, submissions: Sequence[tuple[int, Job]]) -> Happened:
        """Everything up to and at `until_ms`; `submissions` are (time, job), sorted by time."""
        happened = Happened()
        arrived = 0
        while True:
            end = self._ends[0][0] if self._ends else _NEVER
            planned = _NEVER if self.pass_ms is None else self.pass_ms
            submission = submissions[arrived][0] if arrived < len(submissions) else _NEVER
            now = min(end, planned, submission)
            if now > until_ms or now == _NEVER:
                return happened
            if now == submission and self._submission_first(now, end, planned):
                arrived = self._submit(now, submissions, arrived)
            elif now == planned and (now != end or self._pass_first(now)):
                self._pass(now, happened)
            elif now == end:
                self._end(now, happened)

    def place(self, job: Job, host: int, placed_ms: int) -> Run:
        """Reserve and run: of a pass, and of a restored or changed datacenter."""
        run = Run(job, host, placed_ms, placed_ms + job.lasts_ms, self.pass_number)
        self.placement.take(host, job.cores, job.memory_mib)
        self.running[self._next_number] = run
        heapq.heappush(self._ends, (run.end_ms, self._next_number))
        self._next_number += 1
        return run

    def request_pass(self, now: int) -> None:
        """At the next whole second of simulated time, this instant if it is one. At most one is pending."""
        if self.pass_ms is None and self.queue:
            self.pass_ms = now + (self._origin_ms - now) % QUANTUM_MS
            self.pass_requested_ms = now

    def _submission_first(self, now: int, end: int, planned: int) -> bool:
        return now != end and now != planned

    def _pass_first(self, now: int) -> bool:
        return False

    def _submit(self, now: int, submissions: Sequence[tuple[int, Job]], arrived: int) -> int:
        while arrived < len(submissions) and submissions[arrived][0] == now:
            self.queue.append(submissions[arrived][1])
            arrived += 1
        self.request_pass(now)
        return arrived

    def _end(self, now: int, happened: Happened) -> None:
        while self._ends and self._ends[0][0] == now:
            run = self.running.pop(heapq.heappop(self._ends)[1])
            self.placement.give(run.host, run.job.cores, run.job.memory_mib)
            happened.ended.append(run)
        self.request_pass(now)

    def _pass(self, now: int, happened: Happened) -> None:
        self.pass_ms = None
        self.pass_number += 1
        while self.queue:
            job = self.queue[0]
            host = self.placement.best(job.cores, job.memory_mib, job.capacity_mhz)
            if host is not None:
                happened.placed.append(self.place(job, host, now))
            elif self.hosts.too_small_for(job.cores, job.memory_mib):
                happened.terminated.append((job, now))
            else:
                return  # head of line blocks everything behind it
            self.queue.popleft()
