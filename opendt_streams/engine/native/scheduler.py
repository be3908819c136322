"""The task-level event simulation in OpenDC's exact order: submissions, one-second scheduling passes, runs of OpenDC's engine.

OpenDC has one event queue, ordered by time, then by when an entry was made. So whatever falls on one instant happens in the order in which
it was entered: the engine run, which ends tasks and starts those that were placed, by an earlier engine run (`queue/deadlines.py`);
the pass when it was asked for, up to a second before; the submission when the one before it was processed. What is entered
during an instant for this very instant comes behind. This order is the state that lives on between two calls of `advance`: it does not
depend on how time is cut into calls, nor on when it becomes known what the next submission is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from opendt_streams.engine.native.hosts import Hosts
from opendt_streams.engine.native.job import QUANTUM_MS, Job, Run
from opendt_streams.engine.native.moments import EARLIEST, FIRST, NEVER_MS, Moment
from opendt_streams.engine.native.placement import Placement
from opendt_streams.engine.native.queue.deadlines import Deadlines
from opendt_streams.engine.native.ticks import Ticks

Kind: TypeAlias = Literal["engine", "pass", "submission"]
ENGINE: Final = "engine"
PASS: Final = "pass"
SUBMISSION: Final = "submission"


@dataclass(slots=True)
class Happened:
    """What one span of simulated time brought."""

    placed: list[Run] = field(default_factory=list)
    ended: list[Run] = field(default_factory=list)
    terminated: list[tuple[Job, int]] = field(default_factory=list)  # with the time of the pass


@dataclass(frozen=True, slots=True)
class Finish:
    """How the last task of an experiment went: `ended` or refused; `after_engine`: an engine run of that instant was over by then.

    `stepped_ms`: when each carbon trace had taken its last step by then, where every step is followed.
    """

    ended: bool
    after_engine: bool
    stepped_ms: tuple[int, ...]


class Scheduler:
    """Queue, reservations and running tasks of a datacenter.

    `total`, of an experiment: how many tasks there are in all, so that `finish` tells about the last. `ticks`: of its rows.
    """

    def __init__(
        self,
        hosts: Hosts,
        placement: Placement,
        deadlines: Deadlines,
        origin_ms: int,
        *,
        total: int | None = None,
        ticks: Ticks | None = None,
    ) -> None:
        self.hosts, self.placement, self.deadlines = hosts, placement, deadlines
        self.finish: Finish | None = None
        self.running: dict[int, Run] = {}  # by number, hence in order of placement
        self.queue: deque[Job] = deque()
        self.pass_ms = NEVER_MS
        self._origin_ms = origin_ms
        self._total, self._ticks = total, ticks
        self._finished = 0
        self._next_number = 0
        self._starting: list[int] = []  # placed, and not started by an engine run yet
        self._asked: Moment = EARLIEST  # when the pass that is pending was asked for
        self._submitted: Moment = (origin_ms, 0)  # when the next submission was entered in the queue
        self._now = origin_ms
        self._done = 0  # how many things have been done at this instant
        self._here: deque[Kind] = deque()  # what is still to be done at it
        self._engine_ran_ms = origin_ms  # there is one before everything

    @property
    def started(self) -> Mapping[int, Run]:
        """Those of `running` that an engine run has started."""
        if not self._starting:
            return self.running
        waiting = set(self._starting)
        return {number: run for number, run in self.running.items() if number not in waiting}

    def advance(self, until_ms: int, submissions: Sequence[tuple[int, Job]]) -> Happened:
        """Everything up to `until_ms`; at that instant, what comes before a submission that may still be made at it.

        `submissions` are (time, job), sorted by time, none before the last `until_ms`.
        """
        happened, arrived = Happened(), 0
        here = self._here
        while True:
            if not here:
                submission = submissions[arrived][0] if arrived < len(submissions) else NEVER_MS
                now = self._next_ms(submission)
                if now > until_ms or now == NEVER_MS or self.finish is not None:
                    return happened
                self._arrive_at(now, submitting=now in (submission, until_ms))
            while here:
                kind = here[0]
                if kind == SUBMISSION:
                    if self._now == until_ms:
                        return happened
                    here.popleft()
                    if arrived < len(submissions) and submissions[arrived][0] == self._now:
                        arrived = self._submit(submissions, arrived)
                else:
                    here.popleft()
                    if kind == ENGINE:
                        self._engine(happened)
                    else:
                        self._pass(happened)

    def place(self, job: Job, host: int, placed_ms: int) -> Run:
        """Reserve a host for a job that the next engine run starts."""
        run = Run(job, host, placed_ms, placed_ms + job.lasts_ms)
        self.placement.take(host, job.cores, job.memory_mib)
        self.running[self._next_number] = run
        self._starting.append(self._next_number)
        self._next_number += 1
        return run

    def request_pass(self, asked: Moment) -> None:
        """At the next whole second of simulated time, this instant if it is one. At most one is pending."""
        if self.pass_ms == NEVER_MS and self.queue:
            now = asked[0]
            self.pass_ms = now + (self._origin_ms - now) % QUANTUM_MS
            self._asked = asked
            if self.pass_ms == self._now:
                self._here.append(PASS)

    # -- the order of an instant --------------------------------------------------------------------------------------------

    def _next_ms(self, submission_ms: int) -> int:
        now = min(self.deadlines.next_ms, self.pass_ms, submission_ms)
        return now if self._ticks is None else min(now, self._ticks.next_ms)

    def _arrive_at(self, now: int, *, submitting: bool) -> None:
        """Line up what is to be done at `now`, in the order in which OpenDC entered it."""
        self._now, self._done = now, 0
        on_tick = self._ticks is not None and self._ticks.watched(now)
        if not (submitting or on_tick or self.pass_ms == now):
            self._here.append(ENGINE)
            return
        # What one doing enters, it enters in this order: a pass, then the next submission or engine run.
        entries: list[tuple[Moment, int, Kind]] = []
        if self.pass_ms == now:
            entries.append((self._asked, 0, PASS))
        if submitting:
            entries.append((self._submitted, 1, SUBMISSION))
        entered = self.deadlines.entered(now, self.running, exactly=on_tick)
        if entered is not None:
            entries.append((entered, 1, ENGINE))
        entries.sort()
        self._here.extend(kind for _, _, kind in entries)
        if on_tick and self._ticks is not None:
            self._ticks.arrive(now, entered)

    def _moment(self) -> Moment:
        """The moment of what is done now. Anything else but an engine run counts from 0, also where it is the first."""
        return self._now, self._done

    # -- what is done -------------------------------------------------------------------------------------------------------

    def _submit(self, submissions: Sequence[tuple[int, Job]], arrived: int) -> int:
        now, moment = self._now, self._moment()
        self._done += 1
        while arrived < len(submissions) and submissions[arrived][0] == now:
            job = submissions[arrived][1]
            self.queue.append(job)
            if job.off_second and not self.deadlines.careful:
                self.deadlines.be_careful(self.started, now)
            arrived += 1
        self.request_pass(moment)
        self._submitted = moment
        return arrived

    def _engine(self, happened: Happened) -> None:
        moment = self._moment() if self._done else (self._now, FIRST)
        self._done += 1
        starting, self._starting = self._starting, []
        if self._ticks is not None:
            self._ticks.engine(moment)
            for number in starting:
                self._ticks.expect(self.running[number])
        for number in self.deadlines.run(moment, starting, self.running):
            run = self.running.pop(number)
            run.end_ms = self._now
            self.placement.give(run.host, run.job.cores, run.job.memory_mib)
            happened.ended.append(run)
            self._count(ended=True)
            self.request_pass(moment)
        self._engine_ran_ms = self._now

    def _pass(self, happened: Happened) -> None:
        self._done += 1
        here = self._here
        while self.queue:
            job = self.queue[0]
            host = self.placement.best(job.cores, job.memory_mib, job.capacity_mhz)
            if host is not None:
                happened.placed.append(self.place(job, host, self._now))
                if ENGINE not in here:
                    here.append(ENGINE)
            elif self.hosts.too_small_for(job.cores, job.memory_mib):
                happened.terminated.append((job, self._now))
                self._count(ended=False)
            else:
                break  # head of line blocks everything behind it
            self.queue.popleft()
        self.pass_ms = NEVER_MS

    def _count(self, *, ended: bool) -> None:
        self._finished += 1
        if self._finished == self._total:
            # Without care the engine's run of an instant comes before its pass, if there is one at all.
            after_engine = self._engine_ran_ms == self._now or not (ended or self.deadlines.careful)
            self.finish = Finish(ended, after_engine, tuple(self.deadlines.stepped_ms))
