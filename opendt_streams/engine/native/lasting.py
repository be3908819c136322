"""The scheduler of a twin: it can be copied, put on other hardware, saved and restored."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from opendt_streams.engine.native.hosts import Hosts
from opendt_streams.engine.native.job import Job
from opendt_streams.engine.native.moments import NEVER_MS
from opendt_streams.engine.native.placement import Placement
from opendt_streams.engine.native.queue.deadlines import LastingDeadlines
from opendt_streams.engine.native.scheduler import ENGINE, SUBMISSION, Happened, Scheduler
from opendt_streams.model.canonical import JSON

_USUAL: Final = 2  # things done at an instant before its placements start: mostly a submission and a pass, or ends and a pass


class LastingScheduler(Scheduler):
    deadlines: LastingDeadlines

    def __init__(self, hosts: Hosts, placement: Placement, deadlines: LastingDeadlines, origin_ms: int) -> None:
        super().__init__(hosts, placement, deadlines, origin_ms)

    def copy(self) -> LastingScheduler:
        other = LastingScheduler.__new__(LastingScheduler)
        other.__dict__.update(self.__dict__)
        other.placement, other.deadlines = self.placement.copy(), self.deadlines.copy()
        other.running, other.queue = self.running.copy(), self.queue.copy()
        other._starting, other._here = self._starting.copy(), self._here.copy()
        return other

    @property
    def ending(self) -> int:
        """How many tasks end at this very instant, by an engine run that is still to come."""
        if ENGINE not in self._here:
            return 0
        return sum(run.placed_ms < run.end_ms == self._now for run in self.running.values())

    def settle(self) -> None:
        """Let all tasks end that end at the instant up to which it was advanced, before anything else is done at it."""
        while ENGINE in self._here:
            self._here.remove(ENGINE)
            self._engine(Happened())

    def move(self, now: int, hosts: Hosts, placement: Placement, new_number: Mapping[int, int]) -> list[Job]:
        """Other hardware from `now` on, after `settle`: tasks stay where their host remains, the others go back to the head of the queue.

        `placement` of the new hosts, `new_number` of hosts that remain. The pass that this asks for comes after the submissions of `now`.
        """
        homeless = []
        for number, run in list(self.running.items()):
            host = new_number.get(run.host)
            if host is None:
                homeless.append(run.job)
                del self.running[number]
            else:
                self.running[number] = replace(run, host=host)
                placement.take(host, run.job.cores, run.job.memory_mib)
        placement.follow(self.placement, new_number)
        self.deadlines.move(self.started, now)
        self.hosts, self.placement = hosts, placement
        self.queue.extendleft(reversed(homeless))
        if self._now != now:
            self._now, self._done = now, 0
            self._here.append(SUBMISSION)
        self.request_pass(self._moment())
        self._done += 1
        return homeless

    def order(self) -> dict[str, JSON]:
        """What decides about the order of events to come: what is in OpenDC's queue, and when it was entered."""
        here: list[JSON] = list(self._here)
        unusual: list[JSON] = [[i, run.known[1]] for i, run in enumerate(self.started.values()) if run.known[1] != _USUAL]
        return {
            "submission_entered": list(self._submitted),
            "pass_entered": None if self.pass_ms == NEVER_MS else list(self._asked),
            "now_ms": self._now,
            "done": self._done,
            "engine_ran": self._engine_ran_ms == self._now,
            "to_do": here,
            "to_start": len(self._starting),
            "known": unusual,
            **self.deadlines.state(self.running),
        }

    def resume(self, jobs: Sequence[tuple[Job, int, int]], queue: Sequence[Job], pass_ms: int, order: Mapping[str, Any]) -> None:
        """Fill a new scheduler: `jobs` that run, with host and time of placement, in order of placement."""
        for job, host, placed_ms in jobs:
            self.place(job, host, placed_ms).known = placed_ms, _USUAL
        started = len(jobs) - order["to_start"]
        self._starting = list(range(started, len(jobs)))
        for i, index in order["known"]:
            self.running[i].known = self.running[i].placed_ms, index
        self.queue = deque(queue)
        self.pass_ms = pass_ms
        self._submitted = tuple(order["submission_entered"])
        if order["pass_entered"] is not None:
            self._asked = tuple(order["pass_entered"])
        self._now, self._done, self._here = order["now_ms"], order["done"], deque(order["to_do"])
        if order["engine_ran"]:
            self._engine_ran_ms = self._now
        due = ENGINE in self._here and not order["engine_ran"]
        self.deadlines.resume(order, self.started, self._now, due=due)
