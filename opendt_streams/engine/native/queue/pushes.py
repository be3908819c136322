"""In which order tasks tell their hosts what they ask for, as OpenDC v2.4f's flow network runs (opendc-semantics section 10).

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
from typing import Final

from opendt_streams.engine.native.job import Edges, Run
from opendt_streams.model.task import Float64

_LATER: Final = -1


class Pushes:
    """A `Scaling`: NoDelay, which notes the order. `changes_mhz`: see running_sums."""

    def __init__(self, edges: Edges, changes_mhz: Float64) -> None:
        self.entries = array("q")  # those that change something, in order
        self._starts = edges.starts_ms.data
        self._changes = (changes_mhz != 0).tobytes()
        self._runs: dict[int, Run] = {}
        self._next: dict[int, int] = {}  # entry to come
        self._until: dict[int, int] = {}  # end of the fragment in force
        self._waiting: deque[int] = deque()  # nodes, and hosts as ~host
        self._listed: set[int] = set()  # hosts among them
        self._told: set[int] = set()  # hosts with something to pass on
        self._passed_on: dict[int, int] = {}  # by hosts in this engine run: how many entries there were then
        self._before = 0  # how many there were before this engine run
        self.seen_at_end: tuple[int, dict[int, int]] = 0, {}

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
        self._before = len(self.entries)
        self._passed_on.clear()

    def close(self, node: int, run: Run, now: int) -> None:
        run.end_ms = now
        del self._runs[node], self._next[node], self._until[node]
        self.seen_at_end = self._before, dict(self._passed_on)

    def _ask(self, node: int, now: int) -> int | None:
        """The next entry: a fragment, or the end, which makes this None."""
        run, entry = self._runs[node], self._next[node]
        last = entry == run.job.end - 1
        if self._changes[entry]:
            self.entries.append(entry)
        if self._changes[entry] or last:
            self._tell(run.host)
        if last:
            return None
        self._next[node] = entry + 1
        self._until[node] = run.placed_ms + self._starts[entry + 1] if run.job.lasts_ms else now
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
            self._passed_on[host] = len(self.entries)
            self._list(host)  # it comes once more, to hand out what it is supplied with
