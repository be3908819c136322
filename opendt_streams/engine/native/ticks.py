"""Which rows of an experiment show what is after the changes of their instant, instead of left limits.

OpenDC enters a tick when it has done the one before. So the engine run of a tick's instant comes first only if it was entered before the
tick before: by the end of a fragment that lasts at least an interval, or by a step of a carbon trace.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from opendt_streams.engine.native.job import Run
from opendt_streams.engine.native.moments import EARLIEST, NEVER_MS, Moment
from opendt_streams.model.task import Int64


class Ticks:
    """`after` are the ticks that come after the engine run of their instant. Only those are watched at which that may be.

    `every`: fragments need not last as long as they say, so watch all ticks at which the engine runs.
    """

    def __init__(self, origin_ms: int, interval_ms: int, carbon_ms: Sequence[Int64], *, every: bool = False) -> None:
        self.after: set[int] = set()
        self._origin_ms, self._interval_ms = origin_ms, interval_ms
        self._every = every
        on_tick = [] if every else [steps[(steps - origin_ms) % interval_ms == 0] for steps in carbon_ms]
        self._watched = [t for steps in on_tick for t in steps.tolist()]
        heapq.heapify(self._watched)
        self._ran: Moment = EARLIEST  # the engine run before the newest tick of `after`

    @property
    def next_ms(self) -> int:
        return self._watched[0] if self._watched else NEVER_MS

    def watched(self, now: int) -> bool:
        if self._every:
            return (now - self._origin_ms) % self._interval_ms == 0
        return bool(self._watched) and self._watched[0] == now

    def expect(self, run: Run) -> None:
        """Watch the ticks at which a long fragment of this run ends."""
        if self._every or run.job.longest_ms < self._interval_ms or run.end_ms == run.placed_ms:
            return
        clock, base_ms, interval_ms = run.job.edges.clock, run.placed_ms - self._origin_ms, self._interval_ms
        for i in range(run.job.first + 1, run.job.end):
            if clock[i] - clock[i - 1] >= interval_ms and not (base_ms + clock[i]) % interval_ms:
                heapq.heappush(self._watched, run.placed_ms + clock[i])

    def arrive(self, now: int, entered: Moment | None) -> None:
        """The engine run of a watched tick was entered then."""
        while self._watched and self._watched[0] == now:
            heapq.heappop(self._watched)
        before = now - self._interval_ms
        # No engine run was entered before the first tick: both are entered at the start, the tick first.
        if entered is None or before == self._origin_ms:
            return
        if entered[0] < before or entered == self._ran:
            self.after.add(now)

    def engine(self, moment: Moment) -> None:
        """The engine runs. The first run at a tick of `after` is the one that comes before it."""
        if moment[0] in self.after and self._ran[0] != moment[0]:
            self._ran = moment
