"""How a running task gets through its fragments: the part of the event queue that differs between OpenDC's scaling policies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from opendt_streams.engine.native.job import Run


class Scaling(Protocol):
    """Nodes number the runs. A deadline of None means that the run ends now; a negative one that `shared` will tell it."""

    def start(self, node: int, run: Run, now: int) -> int | None:
        """The run begins: the end of its first fragment."""

    def due(self, node: int, now: int) -> int | None:
        """The deadline of the run has come: the end of its next fragment."""

    def shared(self, now: int) -> Iterable[tuple[int, int | None]]:
        """New deadlines after a change of what the hosts grant, once all that is due has begun its next fragment."""

    def close(self, node: int, run: Run, now: int) -> None:
        """The run has ended: note when, and what it did."""


class Resumable(Scaling, Protocol):
    """One of which the state follows from the runs and their deadlines, so that a twin can go on with it."""

    def copy(self) -> Resumable:
        """As it is between two engine runs."""

    def resume(self, node: int, run: Run, deadline_ms: int) -> None:
        """The run is in the fragment that ends then."""

    def forget(self, node: int) -> None:
        """The run is taken off its host before its end."""


class NoDelay:
    """A `Resumable`: fragments last as long as they say, whatever the host grants."""

    def __init__(self) -> None:
        self._next: dict[int, tuple[Run, int]] = {}  # by node: which boundary of the job is its deadline

    def copy(self) -> NoDelay:
        other = NoDelay()
        other._next = self._next.copy()
        return other

    def start(self, node: int, run: Run, now: int) -> int | None:
        if not run.job.lasts_ms:
            return None
        return self._go_on(node, run, run.job.first, now)

    def due(self, node: int, now: int) -> int | None:
        return self._go_on(node, *self._next[node], now)

    def shared(self, now: int) -> Iterable[tuple[int, int | None]]:
        return ()

    def close(self, node: int, run: Run, now: int) -> None:
        self._next.pop(node, None)

    def resume(self, node: int, run: Run, deadline_ms: int) -> None:
        self._next[node] = run, run.job.boundary_at(deadline_ms - run.placed_ms)

    def forget(self, node: int) -> None:
        del self._next[node]

    def _go_on(self, node: int, run: Run, entry: int, now: int) -> int | None:
        clock, end = run.job.edges.clock, run.job.end
        for i in range(entry + 1, end):
            deadline: int = run.placed_ms + clock[i]
            if deadline > now:
                self._next[node] = run, i
                return deadline
        return None
