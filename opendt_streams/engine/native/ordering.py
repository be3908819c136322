"""Scheduling in the exact order of OpenDC's queue, for whole experiments (opendc-semantics section 10).

A pass (P) may be asked for within the second before the instant at which it runs. Whether it then comes before the task ends (E) and
submissions (S) of its instant depends on which was entered in the queue first. Everything else about order is the base class's.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final, Literal

from opendt_streams.engine.native.deadlines import Engine, deadlines, entered_before, known_since
from opendt_streams.engine.native.hosts import Hosts
from opendt_streams.engine.native.job import Job, Run
from opendt_streams.engine.native.placement import Placement
from opendt_streams.engine.native.scheduler import Happened, Scheduler
from opendt_streams.model.task import Int64

_DEEPEST: Final = 100  # ties behind ties behind ties


class OpenDCScheduler(Scheduler):
    """A scheduler that is advanced once, to the end of its workload."""

    def __init__(self, hosts: Hosts, placement: Placement, origin_ms: int, carbon_ms: Sequence[Int64]) -> None:
        super().__init__(hosts, placement, origin_ms)
        self.engine = Engine(origin_ms, carbon_ms, self._merged)
        self._placed: list[Run] = []
        self._off_second: list[Run] = []  # those with edges off the whole second, as far as they may still matter
        self._submissions: list[int] = []
        self._asked_by_end: set[int] = set()
        self._asked: dict[int, tuple[int, int]] = {}  # for passes that placed something and were asked for earlier: number, when
        self._last: Literal["deadline", "placement", "refusal"] = "deadline"
        self._last_pass = (origin_ms, origin_ms)  # when it ran, and when it was asked for

    @property
    def finished_at_deadline(self) -> bool:
        """Whether what happened last was the end of a task's last fragment."""
        return self._last == "deadline"

    @property
    def finished_after_changes(self) -> bool:
        """Whether, when the last thing happened, the engine had already handled the deadlines of that instant."""
        now, asked = self._last_pass
        return self._last == "placement" or (self._last == "refusal" and (asked == now or self._entered_before_pass(now, asked)))

    def _submission_first(self, now: int, end: int, planned: int) -> bool:
        if now == planned and (now != end or self._pass_first(now)):
            # A submission is entered when the one before it is processed, just after that one asked for a pass.
            return self._submissions[-1] < self.pass_requested_ms
        return super()._submission_first(now, end, planned)

    def _pass_first(self, now: int) -> bool:
        asked = self.pass_requested_ms
        if asked == now or not self._off_second:
            return False
        self._off_second = [r for r in self._off_second if r.end_ms >= asked]
        # Whole-second tasks have no deadline within the second before `now`.
        others = deadlines(self._off_second, self.engine, asked - 1, now)
        if not len(others.time_ms):
            return False
        since, _ = known_since(now, list(self.running.values()), self.engine)
        if ((others.time_ms > asked) & (others.placed_ms < since)).any():
            return True
        return not self._entered_before_pass(now, asked)

    def _merged(self, now: int) -> int | None:
        number, asked = self._asked.get(now, (0, now))
        return None if asked == now or self._entered_before_pass(now, asked) else number

    def _entered_before_pass(self, now: int, asked: int) -> bool:
        history = [r for r in self._placed if r.placed_ms < now]
        return entered_before(now, asked, history, self.engine, lambda: self._ends_before_submission(asked))

    def _ends_before_submission(self, now: int, depth: int = 0) -> bool:
        """Whether E came before S at `now`. An end that itself asks for a pass does so before it enters the next E, so then it did not."""
        i = bisect_left(self._submissions, now)
        if i == 0:
            return True
        if (depth == 0 and now in self._asked_by_end) or depth == _DEEPEST:
            return False
        earlier = self._submissions[i - 1]
        return entered_before(now, earlier, self._placed, self.engine, lambda: self._ends_before_submission(earlier, depth + 1))

    def _submit(self, now: int, submissions: Sequence[tuple[int, Job]], arrived: int) -> int:
        self._submissions.append(now)
        return super()._submit(now, submissions, arrived)

    def _end(self, now: int, happened: Happened) -> None:
        pending, before = self.pass_ms, len(happened.ended)
        super()._end(now, happened)
        self._last = "placement"
        for run in happened.ended[before:]:
            if run.job.lasts_ms:
                self._last = "deadline"
                break
        if self.pass_ms != pending:
            self._asked_by_end.add(now)

    def _pass(self, now: int, happened: Happened) -> None:
        self._last_pass = (now, self.pass_requested_ms)
        asked, before, refused = self.pass_requested_ms, len(happened.placed), len(happened.terminated)
        super()._pass(now, happened)
        lasting = [r for r in happened.placed[before:] if r.job.lasts_ms]
        self._placed += lasting
        self._off_second += [r for r in lasting if r.job.off_second]
        if asked < now and lasting:
            self._asked[now] = self.pass_number, asked
        if len(happened.terminated) > refused:
            self._last = "refusal"
