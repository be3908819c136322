"""OpenDC v2.4f's placement for one weigher: the host with the best score, the first in topology order on ties.

Every host would be looked at for every task; here hosts wait in heaps instead, with the same result.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, insort
from collections.abc import Mapping
from typing import TypeAlias

from opendt_streams.engine.native.hosts import Hosts
from opendt_streams.engine.native.placement.contract import Placement
from opendt_streams.engine.native.placement.prefab import MOST_MEMORY_FIRST, SCORES
from opendt_streams.model.canonical import JSON

_Entry: TypeAlias = tuple[float, int]


class RankedPlacement:
    """Reservations of every host, and the choice among them.

    A task fits a host with enough unreserved cores and, at OpenDC v2.4f's memory over-commit of 1.5, enough memory; it never fits
    a host smaller than itself. Free memory may therefore be negative.

    Hosts of equal size and equally many free cores share a heap, best score on top, so a choice looks at a few tops and
    not at every host. Entries of heaps are (-score, host); one that is no longer the host's is void. A request that was refused is
    not tried again, nor a larger one, before a host is freed that has what it lacks.
    """

    def __init__(self, hosts: Hosts, policy: str) -> None:
        self._score = SCORES[policy]
        self._most_memory_first = policy in MOST_MEMORY_FIRST
        self._cores: list[int] = hosts.cores.tolist()
        self._memory: list[int] = hosts.memory_mib.tolist()
        sizes = sorted(set(zip(self._cores, self._memory, strict=True)))
        numbers = {size: i for i, size in enumerate(sizes)}
        self._size = [numbers[size] for size in zip(self._cores, self._memory, strict=True)]
        self._size_memory = [memory for _, memory in sizes]
        self._free_cores = self._cores.copy()
        self._reserved_memory = [0] * len(hosts)
        self._tasks = [0] * len(hosts)
        self._entry: list[_Entry | None] = [None] * len(hosts)
        self._heaps: list[dict[int, list[_Entry]]] = [{} for _ in sizes]  # by size, then by free cores
        self._levels: list[list[int]] = [[] for _ in sizes]  # by size: the free cores that have a heap, ascending
        self._refused: tuple[int, int] | None = None  # cores and memory of a request that fits nowhere
        self._void_at = 4 * len(hosts) + 64
        for host in range(len(hosts)):
            self._reserve(host, 0, 0, 0)

    def copy(self) -> RankedPlacement:
        other = RankedPlacement.__new__(RankedPlacement)
        other.__dict__.update(self.__dict__)
        for name in ("_free_cores", "_reserved_memory", "_tasks", "_entry"):
            setattr(other, name, getattr(self, name).copy())
        other._heaps = [{level: heap.copy() for level, heap in heaps.items()} for heaps in self._heaps]
        other._levels = [levels.copy() for levels in self._levels]
        return other

    def best(self, cores: int, memory_mib: int, capacity_mhz: float = 0.0) -> int | None:
        if self._refused is not None and cores >= self._refused[0] and memory_mib >= self._refused[1]:
            return None
        best: _Entry | None = None
        current, memory, reserved = self._entry, self._memory, self._reserved_memory
        for size_memory, levels, heaps in zip(self._size_memory, self._levels, self._heaps, strict=True):
            if size_memory < memory_mib:
                continue
            # The emptiest hosts are the most likely choice.
            for i in range(len(levels) - 1, bisect_left(levels, cores) - 1, -1):
                heap = heaps[levels[i]]
                # A void top hides nothing better than itself.
                if best is not None and best < heap[0]:
                    continue
                entry: _Entry | None = heap[0]
                host = heap[0][1]
                if current[host] is not entry or 2 * (memory_mib + reserved[host]) > 3 * memory[host]:
                    entry = self._top(heap, memory_mib)
                    if not heap:
                        del heaps[levels.pop(i)]
                    if entry is None or (best is not None and best < entry):
                        continue
                best = entry
        if best is None:
            self._refused = cores, memory_mib
            return None
        return best[1]

    def take(self, host: int, cores: int, memory_mib: int) -> None:
        self._reserve(host, cores, memory_mib, 1)

    def give(self, host: int, cores: int, memory_mib: int) -> None:
        self._reserve(host, -cores, -memory_mib, -1)
        if self._refused is not None and self._free_cores[host] >= self._refused[0] and self._has_memory(host, self._refused[1]):
            self._refused = None

    def state(self) -> dict[str, JSON]:
        return {}  # the running tasks say it all

    def resume(self, state: dict[str, JSON]) -> None:
        pass

    def follow(self, old: Placement, new_number: Mapping[int, int]) -> None:
        pass

    def _top(self, heap: list[_Entry], memory_mib: int) -> _Entry | None:
        """The best valid entry of a heap whose host has the memory."""
        while heap and heap[0] is not self._entry[heap[0][1]]:
            heapq.heappop(heap)
        if not heap or self._has_memory(heap[0][1], memory_mib):
            return heap[0] if heap else None
        if self._most_memory_first:
            return None
        return min((e for e in heap if e is self._entry[e[1]] and self._has_memory(e[1], memory_mib)), default=None)

    def _has_memory(self, host: int, memory_mib: int) -> bool:
        return 2 * (memory_mib + self._reserved_memory[host]) <= 3 * self._memory[host]

    def _reserve(self, host: int, cores: int, memory_mib: int, tasks: int) -> None:
        free = self._free_cores[host] = self._free_cores[host] - cores
        reserved = self._reserved_memory[host] = self._reserved_memory[host] + memory_mib
        count = self._tasks[host] = self._tasks[host] + tasks
        size = self._cores[host]
        if free < 0:  # more is reserved than a changed host has: nothing fits
            self._entry[host] = None
            return
        entry = self._entry[host] = (-self._score(self._memory[host] - reserved, size - free, count, size), host)
        heaps = self._heaps[self._size[host]]
        heap = heaps.get(free)
        if heap is None:
            heaps[free] = [entry]
            insort(self._levels[self._size[host]], free)
            return
        heapq.heappush(heap, entry)
        if len(heap) > self._void_at:
            heap[:] = [e for e in heap if e is self._entry[e[1]]]
            heapq.heapify(heap)
