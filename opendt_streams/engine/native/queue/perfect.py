"""Perfect scaling: a fragment is an amount of work, and a task that is granted less CPU takes longer (opendc-semantics section 5).

Work is cpu_usage x duration [MHz ms], progress the granted MHz. Whenever the grant changes, the work done is subtracted and the end
planned anew, in whole milliseconds rounded down; less than a millisecond of work is none. This is OpenDC's rule without the defects of
its supply: a fragment that is granted all it asks for from its start lasts exactly its duration, and nothing livelocks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from opendt_streams.engine.native.hosts import Hosts
from opendt_streams.engine.native.job import Edges, Run
from opendt_streams.errors import SimulationError

_LATER: Final = -1
_LONGEST_MS: Final = 10**13  # of one fragment: as in job.py, far beyond any datacenter


@dataclass(slots=True, eq=False)
class _Live:
    """A running task in its present fragment. `left` holds those to come, in reverse, as (duration, usage)."""

    node: int
    run: Run
    left: list[tuple[int, float]]
    duration_ms: int = 0
    usage_mhz: float = 0.0
    work: float = 0.0  # MHz ms
    granted_mhz: float = 0.0
    since_ms: int = 0  # since when it is granted that much
    fresh: bool = True  # the fragment has begun, and no end is planned
    starts_ms: list[int] = field(default_factory=list)
    usages_mhz: list[float] = field(default_factory=list)

    def next_fragment(self, now: int) -> bool:
        while self.left:
            self.duration_ms, self.usage_mhz = self.left.pop()
            self.work = self.usage_mhz * self.duration_ms
            if self.work > 0:
                self.fresh = True
                self.starts_ms.append(now - self.run.placed_ms)
                self.usages_mhz.append(self.usage_mhz)
                return True
        return False

    def grant(self, mhz: float, now: int) -> int | None:
        """The planned end under this grant; `now` if the fragment is over; None if nothing changes."""
        if self.fresh:
            self.fresh, self.granted_mhz, self.since_ms = False, mhz, now
            if mhz == self.usage_mhz:
                return now + self.duration_ms
        elif mhz == self.granted_mhz:
            return None
        else:
            self.work -= self.granted_mhz * (now - self.since_ms)
            self.granted_mhz, self.since_ms = mhz, now
        lasts_ms = max(self.work, 0.0) / mhz
        if lasts_ms > _LONGEST_MS:
            raise SimulationError(
                "at the CPU that its host can give it, it would run for ever",
                expected=f"at most {_LONGEST_MS:.0e} ms per fragment",
                where=f"task {self.run.job.id}",
                task=self.run.job.id,
            )
        return now + int(lasts_ms)


class Perfect:
    """A `Scaling`. At the end of a run, its job becomes what was executed."""

    def __init__(self, hosts: Hosts) -> None:
        self._capacity_mhz = [g.group.capacity_mhz for g in hosts.groups for _ in range(g.group.count)]
        self._on_host: list[list[_Live]] = [[] for _ in range(len(hosts))]  # in order of placement
        self._live: dict[int, _Live] = {}
        self._touched: dict[int, None] = {}  # hosts, in order

    def start(self, node: int, run: Run, now: int) -> int | None:
        durations, usages = np.diff(run.job.starts_ms), run.job.usage_mhz[:-1]
        left = list(zip(durations[::-1].tolist(), usages[::-1].tolist(), strict=True))
        live = self._live[node] = _Live(node, run, left)
        if not live.next_fragment(now):
            return None
        self._on_host[run.host].append(live)
        self._touched[run.host] = None
        return _LATER

    def due(self, node: int, now: int) -> int | None:
        live = self._live[node]
        self._touched[live.run.host] = None
        return _LATER if live.next_fragment(now) else None

    def shared(self, now: int) -> Iterable[tuple[int, int | None]]:
        while self._touched:
            host = next(iter(self._touched))
            del self._touched[host]
            here = [live for live in self._on_host[host] if live.node in self._live]
            self._on_host[host] = here
            for live, mhz in zip(here, max_min([x.usage_mhz for x in here], self._capacity_mhz[host]), strict=True):
                end_ms = live.grant(mhz, now)
                if end_ms is None:
                    continue
                if end_ms > now:
                    yield live.node, end_ms
                else:
                    self._touched[host] = None  # the others get what it had
                    if not live.next_fragment(now):
                        yield live.node, None

    def close(self, node: int, run: Run, now: int) -> None:
        live = self._live.pop(node)
        run.end_ms = now
        lasts_ms = now - run.placed_ms
        executed = Edges(np.array([*live.starts_ms, lasts_ms], dtype=np.int64), np.array([*live.usages_mhz, 0.0]))
        run.job = replace(run.job, lasts_ms=lasts_ms, edges=executed, first=0, end=len(executed.starts_ms))


def max_min(demands_mhz: Sequence[float], supply_mhz: float) -> list[float]:
    """What each is granted: all where the sum fits, else by ascending demand the smaller of it and an equal share of what remains."""
    total = 0.0
    for demand in demands_mhz:
        total += demand
    if total <= supply_mhz:
        return list(demands_mhz)
    granted, remaining, waiting = [0.0] * len(demands_mhz), supply_mhz, len(demands_mhz)
    for i in sorted(range(len(demands_mhz)), key=demands_mhz.__getitem__):
        granted[i] = min(demands_mhz[i], remaining / waiting)
        remaining -= granted[i]
        waiting -= 1
    return granted
