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


class NoDelay:
    """Fragments last as long as they say, whatever the host grants."""

    def __init__(self) -> None:
        self._ends: dict[int, list[int]] = {}  # of the fragments to come, in reverse

    def start(self, node: int, run: Run, now: int) -> int | None:
        if not run.job.lasts_ms:
            return None
        ends = (run.job.starts_ms[:0:-1] + now).tolist()
        self._ends[node] = ends
        return self._next(ends, now)

    def due(self, node: int, now: int) -> int | None:
        return self._next(self._ends[node], now)

    def shared(self, now: int) -> Iterable[tuple[int, int | None]]:
        return ()

    def close(self, node: int, run: Run, now: int) -> None:
        self._ends.pop(node, None)
        run.end_ms = now

    def _next(self, ends: list[int], now: int) -> int | None:
        while ends:
            end = ends.pop()
            if end > now:
                return end
        return None
