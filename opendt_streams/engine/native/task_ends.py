"""The fast way under NoDelay: a task's end is known when it starts, so there is one deadline per task, and none per fragment.

The ends of single fragments decide nothing but the order of what falls on one instant (`stretches.py`). They are looked up where that
can matter: at instants with a submission, a pass or a row of OpenDC's, and only if something ever happened off the whole second. (Passes
run at whole seconds. Where all deadlines are at whole seconds, too, the engine's run of a second was entered a second before at the
latest, so it comes before every pass that was asked for in between.)
"""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from opendt_streams.engine.native.job import QUANTUM_MS, Run
from opendt_streams.engine.native.moments import EARLIEST, FIRST, NEVER_MS, Moment
from opendt_streams.engine.native.stretches import Stretches
from opendt_streams.model.canonical import JSON
from opendt_streams.model.task import Int64

_MANY: Final = 64  # stretches
_BITS: Final = 40  # of the number in a heap's entry
_NUMBER: Final = (1 << _BITS) - 1
_TRACES: Final = 1 << (_BITS - 1)  # numbers from here on are those of carbon traces


class TaskEnds:
    """`Deadlines` (see queue/deadlines.py) of semantics 2.4f under NoDelay.

    `carbon_ms`: the steps of each trace after `origin_ms`. `follow`: be ready to say exactly when an engine run was entered.
    """

    def __init__(self, origin_ms: int, carbon_ms: Sequence[Int64], *, follow: bool = False) -> None:
        self._origin_ms = origin_ms
        self._ends: list[tuple[int, int]] = []  # heap of (end, number)
        self._stretches = Stretches()
        self._steps: list[Int64] = []
        self._careful = False
        self._boundaries: list[int] = []  # heap of entries: an instant at or before the next boundary, and whose
        self._due: list[int] = []  # numbers that have a boundary at the instant that is at hand
        self._following = follow  # whether `_boundaries` is kept
        self.trace(carbon_ms, {}, origin_ms)

    @property
    def next_ms(self) -> int:
        return self._ends[0][0] if self._ends else NEVER_MS

    @property
    def stepped_ms(self) -> Sequence[int]:
        return ()

    @property
    def careful(self) -> bool:
        return self._careful

    def copy(self) -> TaskEnds:
        other = TaskEnds.__new__(TaskEnds)
        other.__dict__.update(self.__dict__)
        other._ends, other._boundaries = self._ends.copy(), self._boundaries.copy()
        other._stretches, other._due = self._stretches.copy(), self._due.copy()
        return other

    def trace(self, carbon_ms: Sequence[Int64], started: Mapping[int, Run], now: int) -> None:
        self._steps = [steps for steps in carbon_ms if len(steps)]
        if self._following:
            self._rebuild(started, now)
        if any(((steps - self._origin_ms) % QUANTUM_MS).any() for steps in self._steps):
            self.be_careful(started, now)

    def be_careful(self, started: Mapping[int, Run], now: int) -> None:
        self._careful = self._following = True
        self._rebuild(started, now)

    def entered(self, now: int, running: Mapping[int, Run], *, exactly: bool = False) -> Moment | None:
        if not (self._careful or exactly):
            return EARLIEST if self._ends and self._ends[0][0] == now else None
        self._look(now, running)
        if not self._due:
            return None
        return self._stretches.end_of(min(self._known(number, running) for number in self._due))

    def run(self, moment: Moment, starting: Sequence[int], running: Mapping[int, Run]) -> Iterator[int]:
        now, ends, cover = moment[0], self._ends, self._stretches.cover
        for number in self._due:
            cover(self._known(number, running), moment)
        self._due.clear()
        ended = False
        while ends and ends[0][0] == now:
            number = heapq.heappop(ends)[1]
            cover(running[number].known, moment)
            ended = True
            yield number
        for number in starting:
            run = running[number]
            run.known = moment
            if run.end_ms == now:
                yield number
                continue
            heapq.heappush(ends, (run.end_ms, number))
            if self._following:
                heapq.heappush(self._boundaries, _entry(run.placed_ms + run.job.edges.clock[run.job.first + 1], number))
        if ended and len(self._stretches) > _MANY + 2 * len(running):
            self._forget(now, running)

    def begin(self, started: Mapping[int, Run], now: int) -> None:
        self.move(started, now)
        if self._careful or any(run.job.off_second for run in started.values()):
            self.be_careful(started, now)

    def move(self, started: Mapping[int, Run], now: int) -> None:
        self._ends = [(run.end_ms, number) for number, run in started.items()]
        heapq.heapify(self._ends)

    def state(self, running: Mapping[int, Run]) -> dict[str, JSON]:
        stretches: list[JSON] = [[*begin, *end] for begin, end in self._stretches.all()]
        return {"stretches": stretches, "careful": self._careful}

    def resume(self, state: Mapping[str, Any], started: Mapping[int, Run], now: int, *, due: bool) -> None:
        """`due`: the engine run of `now` is still to come."""
        self.move(started, now)
        self._stretches = Stretches(((a, b), (c, d)) for a, b, c, d in state["stretches"])
        if state["careful"]:
            self.be_careful(started, now)
            if due:
                self._look(now, started)

    # -- boundaries ---------------------------------------------------------------------------------------------------------

    def _look(self, now: int, running: Mapping[int, Run]) -> None:
        """Bring the stretches up to what was before `now`, and find who has a boundary at it."""
        boundaries, until = self._boundaries, _entry(now, _NUMBER)
        if not boundaries or boundaries[0] > until:
            return
        # Nearly always a task belongs to the newest stretch, which only grows then: for speed it waits until the end.
        begin, end = self._stretches.newest
        reached = end[0]
        while boundaries and boundaries[0] <= until:
            number = boundaries[0] & _NUMBER
            run = running.get(number)
            if run is not None:
                job, begin_ms, known = run.job, run.placed_ms, run.known
                clock, first, last = job.edges.clock, job.first + 1, job.end
            elif number >= _TRACES:
                steps = self._steps[number - _TRACES]
                clock, first, last, begin_ms, known = steps.data, 0, len(steps), 0, self._traced
            else:
                heapq.heappop(boundaries)  # it has ended
                continue
            wanted = now - begin_ms
            i = bisect_left(clock, wanted, first, last)
            if i > first:
                before = begin_ms + clock[i - 1]
                if not begin <= known <= end:
                    self._cover(known, before)
                elif before > reached:
                    reached = before
            if i < last and clock[i] == wanted:
                self._due.append(number)
                while i < last and clock[i] == wanted:
                    i += 1
            if i < last:
                heapq.heapreplace(boundaries, _entry(begin_ms + clock[i], number))
            else:
                heapq.heappop(boundaries)
        if reached > end[0]:
            self._stretches.cover(begin, (reached, FIRST))

    def _cover(self, known: Moment, last_ms: int) -> None:
        if last_ms > known[0]:  # what ends where the task starts has no length
            self._stretches.cover(known, (last_ms, FIRST))

    def _last_before(self, number: int, running: Mapping[int, Run], now: int) -> int | None:
        """The last boundary before an instant."""
        if number >= _TRACES:
            clock, first, last, begin_ms = self._steps[number - _TRACES].data, 0, len(self._steps[number - _TRACES]), 0
        else:
            run = running[number]
            clock, first, last, begin_ms = run.job.edges.clock, run.job.first + 1, run.job.end, run.placed_ms
        i = bisect_left(clock, now - begin_ms, first, last)
        return begin_ms + clock[i - 1] if i > first else None

    def _known(self, number: int, running: Mapping[int, Run]) -> Moment:
        return self._traced if number >= _TRACES else running[number].known

    @property
    def _traces(self) -> range:
        """Their numbers."""
        return range(_TRACES, _TRACES + len(self._steps))

    @property
    def _traced(self) -> Moment:
        """Since when they are known."""
        return self._origin_ms, FIRST

    def _rebuild(self, started: Mapping[int, Run], now: int) -> None:
        """What was before `now` is looked up when it is needed: any instant up to `now` will do."""
        self._boundaries = [_entry(now, number) for number in (*started, *self._traces)]
        heapq.heapify(self._boundaries)

    def _forget(self, now: int, running: Mapping[int, Run]) -> None:
        """Drop what no longer matters, once everything that has happened is in the stretches."""
        for number in (*running, *self._traces):
            last = self._last_before(number, running, now)
            if last is not None:
                self._cover(self._known(number, running), last)
        to_come = [number for number in self._traces if int(self._steps[number - _TRACES][-1]) > now]
        self._stretches.keep(self._known(number, running) for number in (*running, *to_come))


def _entry(time_ms: int, number: int) -> int:
    """A time and a number as one integer, which a heap compares faster than a pair."""
    return time_ms << _BITS | number
