"""CPU demand of every host over a span: steps at the fragment edges of its running tasks.

The demand of a host is the sum over its running tasks in order of placement, made afresh at each of its steps
(opendc-semantics section 9): increments would drift. The sum is vectorised over all hosts and steps, one pass per position in the order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from opendt_streams.engine.native.spans import Spans
from opendt_streams.model.task import Float64, Int64

_NOTHING_MHZ: Final = 1e-6
_OPENING: Final = -2  # rank of the entry that opens a host: it counts for all ranks, so nothing is carried from one host to the next
_MARK: Final = -1  # rank of an entry that only asks for a step at its time


@dataclass(frozen=True, slots=True, eq=False)
class HostSteps:
    """From time_ms[i] on, host[i] has demand_mhz[i], until its next step or the end of the span.

    Sorted by host, then time, without duplicates; every host has a step at the start of the span: host h's are first[h]..first[h+1]-1.
    """

    host: Int64
    time_ms: Int64
    demand_mhz: Float64
    first: Int64


@dataclass(frozen=True, slots=True, eq=False)
class Entries:
    """What the runs say about a span, sorted by host and time: from time_ms[i] on, run[i] (of `spans`) uses usage_mhz[i].

    `rank` is the run's position among those of its host in order of placement, where a position is used again once it and all
    higher ones are free; `last` marks the last entry of a host and time.
    """

    spans: Spans
    hosts: int
    marked: bool
    host: Int64
    time_ms: Int64
    rank: Int64
    run: Int64
    usage_mhz: Float64
    last: np.ndarray[tuple[int], np.dtype[np.bool_]]


def host_steps(entries: Entries) -> HostSteps:
    """Steps of all hosts. Several entries of one instant make one step."""
    if entries.marked or entries.rank.max(initial=0) > 0:
        demand = np.zeros(len(entries.host))
        for which, latest in by_rank(entries):
            demand[which] += entries.usage_mhz[latest]
        demand = demand[entries.last]
    else:
        demand = entries.usage_mhz[entries.last]
    demand = without_drift(demand)
    host = entries.host[entries.last]
    return HostSteps(host, entries.time_ms[entries.last], demand, np.searchsorted(host, np.arange(entries.hosts + 1)))


def without_drift(demand_mhz: Float64) -> Float64:
    """What is too little to be anything but the rest of a sum is nothing."""
    return np.where(demand_mhz < _NOTHING_MHZ, 0.0, demand_mhz)


def collect_entries(spans: Spans, from_ms: int, until_ms: int, hosts: int, marks_ms: Int64 | None = None) -> Entries:
    """Entries of [from, until), which the spans are about.

    `marks_ms`: instants within, at which every host shall have a step.
    """
    marks = np.zeros(0, dtype=np.int64) if marks_ms is None else marks_ms
    every, marked = np.arange(hosts), hosts * len(marks)
    time = np.concatenate((np.full(hosts, from_ms), np.tile(marks, hosts), np.maximum(spans.starts_ms, from_ms)))
    host = np.concatenate((every, np.repeat(every, len(marks)), np.repeat(spans.host, spans.count)))
    rank = np.concatenate((np.full(hosts, _OPENING), np.full(marked, _MARK), np.repeat(_positions(spans), spans.count)))
    run = np.concatenate((np.full(hosts + marked, -1), np.repeat(np.arange(len(spans.host)), spans.count)))
    usage = np.concatenate((np.zeros(hosts + marked), spans.usage_mhz))
    key = host * (until_ms - from_ms) + (time - from_ms)
    order = np.argsort(key, kind="stable")
    key = key[order]
    last = np.append(key[1:] != key[:-1], True)[: len(key)]  # none where there are no hosts
    return Entries(spans, hosts, marked > 0, host[order], time[order], rank[order], run[order], usage[order], last)


def by_rank(entries: Entries) -> Iterator[tuple[Int64, Int64]]:
    """For rank 0, 1, and so on: the entries of hosts that have this rank; for each, the latest of this rank (or the opening one)."""
    ranks = np.zeros(entries.hosts, dtype=np.int64)
    np.maximum.at(ranks, entries.host, entries.rank + 1)
    ranks_here = ranks[entries.host]
    which = np.flatnonzero(ranks_here > 0)
    rank = 0
    while len(which):
        own = entries.rank[which]
        yield which, which[np.maximum.accumulate(np.where((own == rank) | (own == _OPENING), np.arange(len(which)), 0))]
        rank += 1
        which = which[ranks_here[which] > rank]


def _positions(spans: Spans) -> Int64:
    """A position on its host for each run, higher than those of all that run there when it is placed."""
    same_host = spans.host[1:] == spans.host[:-1]
    if not (same_host & (spans.placed_ms[1:] < spans.end_ms[:-1])).any():
        return np.zeros(len(spans.host), dtype=np.int64)
    positions: list[int] = []
    on, busy = -1, list[tuple[int, int]]()  # (end, position) of the host's runs, those below the top possibly ended
    for host, placed_ms, end_ms in zip(spans.host.tolist(), spans.placed_ms.tolist(), spans.end_ms.tolist(), strict=True):
        if host != on:
            on, busy = host, []
        while busy and busy[-1][0] <= placed_ms:
            busy.pop()
        position = busy[-1][1] + 1 if busy else 0
        busy.append((end_ms, position))
        positions.append(position)
    return np.array(positions, dtype=np.int64)
