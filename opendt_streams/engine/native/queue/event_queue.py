"""A whole experiment as OpenDC's queue runs it (opendc-semantics section 10), for what the fast path cannot know beforehand.

The fast path (`ordering.py`) needs to know when a task will end as soon as it is placed. Under Perfect scaling that depends on what else
runs on its host; under the placement of v2.4g+ it is known, but not in which order tasks of one instant end.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Sequence
from typing import Final

import numpy as np

from opendt_streams.engine.native.hosts import Hosts
from opendt_streams.engine.native.job import QUANTUM_MS, Job, Run
from opendt_streams.engine.native.last_row import LastRow
from opendt_streams.engine.native.placement import Placement
from opendt_streams.engine.native.queue.deadline_heap import DeadlineHeap
from opendt_streams.engine.native.queue.scaling import Scaling
from opendt_streams.engine.native.rows import Rows, check_row_count
from opendt_streams.model.task import Int64

_ENGINE: Final = 0
_TICK: Final = 1
_PASS: Final = 2
_SUBMISSION: Final = 3


class EventQueue:
    """Runs in `run`; `runs`, `terminated` and `rows` are the result. What is left in `queue` waits for ever."""

    def __init__(
        self,
        hosts: Hosts,
        placement: Placement,
        scaling: Scaling,
        submissions: Sequence[tuple[int, Job]],
        carbon_ms: Sequence[Int64],
        interval_ms: int,
    ) -> None:
        self._hosts, self._placement, self._scaling = hosts, placement, scaling
        self._submissions, self._arrived, self._interval_ms = submissions, 0, interval_ms
        self.runs: list[Run] = []
        self.terminated: list[tuple[Job, int]] = []
        self.queue: deque[Job] = deque()
        self._now = self._origin_ms = submissions[0][0]
        self._deadlines = DeadlineHeap()
        self._carbon = [iter(steps.tolist()) for steps in carbon_ms]  # node -1 - i is the i-th trace
        self._starting: list[int] = []  # runs placed since the last engine run
        self._running = 0
        self._completed = 0
        self._pass_pending = False
        self._over = False
        self._events: list[tuple[int, int, int]] = []
        self._entered = 0
        self._engine_runs: list[int] = []  # those pending, the earliest last
        self._handled_ms = self._submitted_ms = self._origin_ms - 1  # of the last engine run and submission
        self._rows: list[tuple[int, bool, bool, bool, bool]] = []
        self._stepped_ms = [self._origin_ms - 1] * len(carbon_ms)  # when each trace last took a step
        self.last_row: LastRow | None = None

    def run(self) -> None:
        for i in range(len(self._carbon)):
            self._next_carbon_step(-1 - i)
        self._request_engine(self._origin_ms)
        self._enter(self._origin_ms + self._interval_ms, _TICK)
        self._enter(self._origin_ms, _SUBMISSION)
        actions = (self._engine, self._tick, self._pass, self._submit)
        while not self._over and not self._stuck:
            self._now = self._events[0][0]
            while self._events[0][0] == self._now:
                actions[heapq.heappop(self._events)[2]]()

    def rows(self) -> Rows:
        time, *flags = zip(*self._rows, strict=True)
        return Rows(np.array(time, dtype=np.int64), *(np.array(f, dtype=np.bool_) for f in flags))

    @property
    def _stuck(self) -> bool:
        busy = self._running or self._starting or self._pass_pending
        return not busy and self._arrived == len(self._submissions)

    # -- entries of the queue ------------------------------------------------------------------------------------------------

    def _enter(self, time_ms: int, kind: int) -> None:
        heapq.heappush(self._events, (time_ms, self._entered, kind))
        self._entered += 1

    def _request_engine(self, time_ms: int) -> None:
        if not self._engine_runs or self._engine_runs[-1] > time_ms:
            self._engine_runs.append(time_ms)
            self._enter(time_ms, _ENGINE)

    def _request_pass(self) -> None:
        if self.queue and not self._pass_pending:
            self._pass_pending = True
            self._enter(self._now + (self._origin_ms - self._now) % QUANTUM_MS, _PASS)

    # -- what they do --------------------------------------------------------------------------------------------------------

    def _engine(self) -> None:
        self._engine_runs.pop()
        scaling, deadlines, now = self._scaling, self._deadlines, self._now
        while (node := deadlines.poll(now)) is not None:
            if node < 0:
                self._stepped_ms[-1 - node] = now
                self._next_carbon_step(node)
            elif (deadline := scaling.due(node, now)) is None:
                self._end(node)
            elif deadline >= 0:
                deadlines.put(node, deadline)
        starting, self._starting = self._starting, []
        for node in starting:
            self._running += 1
            deadline = scaling.start(node, self.runs[node], now)
            if deadline is None:
                self._end(node)
            elif deadline >= 0:
                deadlines.put(node, deadline)
        for node, deadline in scaling.shared(now):
            if deadline is None:
                deadlines.drop(node)
                self._end(node)
            else:
                deadlines.put(node, deadline)
        self._handled_ms = now
        if deadlines.first_ms is not None:
            self._request_engine(deadlines.first_ms)

    def _next_carbon_step(self, node: int) -> None:
        step_ms = next(self._carbon[-1 - node], None)
        if step_ms is not None:
            self._deadlines.put(node, step_ms)

    def _end(self, node: int) -> None:
        run = self.runs[node]
        self._scaling.close(node, run, self._now)
        self._placement.give(run.host, run.job.cores, run.job.memory_mib)
        self._running -= 1
        self._completed += 1
        self._finish(ended=True)
        self._request_pass()

    def _tick(self) -> None:
        self._row()
        self._enter(self._now + self._interval_ms, _TICK)

    def _pass(self) -> None:
        while self.queue:
            job = self.queue[0]
            host = self._placement.best(job.cores, job.memory_mib, job.capacity_mhz)
            if host is not None:
                self._placement.take(host, job.cores, job.memory_mib)
                self._starting.append(len(self.runs))
                self.runs.append(Run(job, host, self._now, self._now))
                self._request_engine(self._now)
            elif self._hosts.too_small_for(job.cores, job.memory_mib):
                self.terminated.append((job, self._now))
                self._finish(ended=False)
            else:
                break
            self.queue.popleft()
        self._pass_pending = False

    def _submit(self) -> None:
        submissions = self._submissions
        while self._arrived < len(submissions) and submissions[self._arrived][0] == self._now:
            self.queue.append(submissions[self._arrived][1])
            self._arrived += 1
        self._submitted_ms = self._now
        self._request_pass()
        if self._arrived < len(submissions):
            self._enter(submissions[self._arrived][0], _SUBMISSION)

    # -- rows ----------------------------------------------------------------------------------------------------------------

    def _finish(self, *, ended: bool) -> None:
        if self._completed + len(self.terminated) == len(self._submissions):
            self._over = True
            stepped = tuple(ms == self._now for ms in self._stepped_ms)
            self.last_row = LastRow(len(self._rows), stepped, ended)
            self._row()

    def _row(self) -> None:
        check_row_count(len(self._rows))
        after = self._handled_ms == self._now
        self._rows.append((self._now, after, after or self._over, self._over, self._over or self._submitted_ms == self._now))
