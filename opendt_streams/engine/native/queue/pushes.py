"""In which order tasks tell their hosts what they ask for, as OpenDC v2.4f's flow network runs (docs/engine.md).

A host's demand there is a running sum: each task adds what it asks for more than before. So the order within one instant shows: in the
last bits of the sum, and in a row that is written half-way through an instant.

An engine run first takes what is due out of the heap; each such task asks for its next fragment at once and then waits in a first-in,
first-out list, to plan the end of that fragment or, if it has no length, to ask for the next. Tasks that were placed wait there, too, and
so do hosts that were told something: only when its turn comes does a host pass its sum on to its CPU, whose demand the tables show.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from opendt_streams.engine.native.job import Run
from opendt_streams.model.task import Float64, Int64

_LATER: Final = -1


@dataclass(frozen=True, slots=True, eq=False)
class Changes:
    """In OpenDC's order: at time_ms[i] host[i] was asked for change_mhz[i] more; `fresh` by a task that was placed at that instant."""

    host: Int64
    time_ms: Int64
    fresh: np.ndarray[tuple[int], np.dtype[np.bool_]]
    change_mhz: Float64


class Pushes:
    """A `Resumable`: NoDelay, which notes the order."""

    def __init__(self) -> None:
        self._host, self._time_ms, self._fresh, self._change_mhz = array("q"), array("q"), array("b"), array("d")
        self._runs: dict[int, Run] = {}
        self._next: dict[int, int] = {}  # entry to come
        self._until: dict[int, int] = {}  # end of the fragment in force
        self._waiting: deque[int] = deque()  # nodes, and hosts as ~host
        self._listed: set[int] = set()  # hosts among them
        self._told: set[int] = set()  # hosts with something to pass on
        self._passed_on: dict[int, int] = {}  # by hosts in this engine run: how many changes there were then
        self._before = 0  # how many there were before this engine run
        self.seen_at_end: tuple[int, dict[int, int]] = 0, {}

    def copy(self) -> Pushes:
        """As it is between two engine runs; without the changes so far."""
        other = Pushes()
        other._runs, other._next, other._until = self._runs.copy(), self._next.copy(), self._until.copy()
        return other

    def changes(self) -> Changes:
        return Changes(
            np.array(self._host, dtype=np.int64),
            np.array(self._time_ms, dtype=np.int64),
            np.array(self._fresh, dtype=np.bool_),
            np.array(self._change_mhz, dtype=np.float64),
        )

    def start(self, node: int, run: Run, now: int) -> int | None:
        self._runs[node], self._next[node] = run, run.job.first
        return self._ask(node, now)

    def due(self, node: int, now: int) -> int | None:
        return self._ask(node, now)

    def shared(self, now: int) -> Iterator[tuple[int, int | None]]:
        waiting = self._waiting
        while waiting:
            node = waiting.popleft()
            if node < 0:
                self._pass_on(~node)
            elif self._until[node] > now:
                yield node, self._until[node]
            elif self._ask(node, now) is None:
                yield node, None
        self._before = len(self._host)
        self._passed_on.clear()

    def close(self, node: int, run: Run, now: int) -> None:
        self.forget(node)
        self.seen_at_end = self._before, dict(self._passed_on)

    def resume(self, node: int, run: Run, deadline_ms: int) -> None:
        self._runs[node], self._until[node] = run, deadline_ms
        self._next[node] = run.job.boundary_at(deadline_ms - run.placed_ms)

    def forget(self, node: int) -> None:
        del self._runs[node], self._next[node], self._until[node]

    def _ask(self, node: int, now: int) -> int | None:
        """The next entry: a fragment, or the end, which makes this None."""
        run, entry = self._runs[node], self._next[node]
        job = run.job
        last = entry == job.end - 1
        usage = job.edges.usage_mhz
        change = float(usage[entry] - usage[entry - 1]) if entry > job.first else float(usage[entry])
        if change:
            self._host.append(run.host)
            self._time_ms.append(now)
            self._fresh.append(run.placed_ms == now)
            self._change_mhz.append(change)
        if change or last:
            self._tell(run.host)
        if last:
            return None
        self._next[node] = entry + 1
        self._until[node] = run.placed_ms + job.edges.clock[entry + 1] if job.lasts_ms else now
        self._waiting.append(node)
        return _LATER

    def _tell(self, host: int) -> None:
        self._told.add(host)
        self._list(host)

    def _list(self, host: int) -> None:
        if host not in self._listed:
            self._listed.add(host)
            self._waiting.append(~host)

    def _pass_on(self, host: int) -> None:
        self._listed.discard(host)
        if host in self._told:
            self._told.discard(host)
            self._passed_on[host] = len(self._host)
            self._list(host)  # it comes once more, to hand out what it is supplied with
