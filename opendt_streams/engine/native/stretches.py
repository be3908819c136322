"""Since when OpenDC's engine has been waiting for an instant: what decides which of several events of that instant comes first.

An engine run enters the next one, for the earliest deadline that it knows, unless one is pending for an earlier or the same time; what
is pending stays. So the run at an instant t was entered by the first run that knew a deadline at t and none before t.

Which one that was follows from one interval per task: from the moment at which the engine came to know the task to the moment of the
task's last deadline before t. Where the intervals of two tasks overlap, the older task had a deadline after the younger one was known.
So between t and the end of a chain of overlapping intervals, no task of the chain has a deadline, and none of a younger chain was known
yet at that end. The run at t was entered at the end of the chain that holds the oldest task with a deadline at t.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable

from opendt_streams.engine.native.moments import EARLIEST, Moment


class Stretches:
    """The chains: disjoint closed intervals of moments, ascending. A task that is in none has had no deadline since it is known."""

    def __init__(self, stretches: Iterable[tuple[Moment, Moment]] = ()) -> None:
        self._begin: list[Moment] = []
        self._end: list[Moment] = []
        for begin, end in stretches:
            self.cover(begin, end)

    def __len__(self) -> int:
        return len(self._begin)

    def copy(self) -> Stretches:
        other = Stretches()
        other._begin, other._end = self._begin.copy(), self._end.copy()
        return other

    def all(self) -> list[tuple[Moment, Moment]]:
        return list(zip(self._begin, self._end, strict=True))

    @property
    def newest(self) -> tuple[Moment, Moment]:
        """An empty one before everything, if there is none."""
        return (self._begin[-1], self._end[-1]) if self._begin else (EARLIEST, EARLIEST)

    def cover(self, known: Moment, last: Moment) -> None:
        """A task that is known since `known` has had a deadline at `last`."""
        begin, end = self._begin, self._end
        first, behind = bisect_left(end, known), bisect_right(begin, last)
        if first < behind:
            known, last = min(known, begin[first]), max(last, end[behind - 1])
        begin[first:behind] = [known]
        end[first:behind] = [last]

    def end_of(self, known: Moment) -> Moment:
        """The end of the chain that holds the task known since then."""
        i = bisect_left(self._end, known)
        return self._end[i] if i < len(self._end) and self._begin[i] <= known else known

    def keep(self, known: Iterable[Moment]) -> None:
        """Forget the chains that hold none of these tasks: no deadline to come can be theirs."""
        kept = sorted({bisect_left(self._end, k) for k in known})
        held = [i for i in kept if i < len(self._end)]
        self._begin, self._end = [self._begin[i] for i in held], [self._end[i] for i in held]
