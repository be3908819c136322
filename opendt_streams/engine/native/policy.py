"""Where a task goes: filters and weighers of OpenDC's prefab allocation policies (opendc-semantics section 6)."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Final, TypeAlias

from opendt_streams.engine.native.hosts import Hosts
from opendt_streams.errors import BadInput

# (free memory [MiB], reserved cores, tasks on the host, cores of the host) -> sign x raw weight: the largest wins, the first on ties.
_Score: TypeAlias = Callable[[int, int, int, int], float]

_SCORES: Final[dict[str, _Score]] = {
    "Mem": lambda memory, reserved, tasks, cores: memory,
    "MemInv": lambda memory, reserved, tasks, cores: -memory,
    "CoreMem": lambda memory, reserved, tasks, cores: memory / cores,
    "CoreMemInv": lambda memory, reserved, tasks, cores: memory / cores,  # OpenDC applies the sign twice: both behave alike
    "ActiveServers": lambda memory, reserved, tasks, cores: -tasks,
    "ActiveServersInv": lambda memory, reserved, tasks, cores: tasks,
    "ProvisionedCores": lambda memory, reserved, tasks, cores: 1 - reserved,
    "ProvisionedCoresInv": lambda memory, reserved, tasks, cores: reserved - 1,
}
_MOST_MEMORY_FIRST: Final = {"Mem", "CoreMem", "CoreMemInv"}
_UNSUPPORTED: Final = ("Random", "TaskNumMemorizing", "Timeshift", "ProvisionedCpuGpuCores", "ProvisionedCpuGpuCoresInv")


def check_policy(name: str) -> None:
    if name in _SCORES:
        return
    known = "one of " + ", ".join(_SCORES)
    if name in _UNSUPPORTED:
        raise BadInput(f"the native engine does not have the allocation policy {name}", expected=known)
    raise BadInput(f"unknown allocation policy {name!r}", expected=known)


class Placement:
    """Reservations of every host, and the choice among them.

    A task fits a host with enough unreserved cores and, at OpenDC v2.4f's memory over-commit of 1.5, enough memory; it never fits
    a host smaller than itself. Free memory may therefore be negative.

    Hosts of equal size and equally many free cores share a heap, best score on top, so a choice looks at a few tops and
    not at every host. Entries of heaps are (-score, host, version); one whose version is no longer the host's is void.
    """

    def __init__(self, hosts: Hosts, policy: str) -> None:
        check_policy(policy)
        self._score = _SCORES[policy]
        self._most_memory_first = policy in _MOST_MEMORY_FIRST
        self._cores: list[int] = hosts.cores.tolist()
        self._memory: list[int] = hosts.memory_mib.tolist()
        self._sizes = sorted(set(zip(self._cores, self._memory, strict=True)))
        numbers = {size: i for i, size in enumerate(self._sizes)}
        self._size = [numbers[size] for size in zip(self._cores, self._memory, strict=True)]
        self._free_cores = self._cores.copy()
        self._reserved_memory = [0] * len(hosts)
        self._tasks = [0] * len(hosts)
        self._version = [0] * len(hosts)
        self._heaps: list[list[list[tuple[float, int, int]]]] = [[[] for _ in range(cores + 1)] for cores, _ in self._sizes]
        for host in range(len(hosts)):
            self._enter(host)

    def copy(self) -> Placement:
        other = Placement.__new__(Placement)
        other.__dict__.update(self.__dict__)
        for name in ("_free_cores", "_reserved_memory", "_tasks", "_version"):
            setattr(other, name, getattr(self, name).copy())
        other._heaps = [[heap.copy() for heap in heaps] for heaps in self._heaps]
        return other

    def best(self, cores: int, memory_mib: int) -> int | None:
        """The host that the policy chooses, or None where the task fits nowhere now."""
        best: tuple[float, int, int] | None = None
        for (_, memory), heaps in zip(self._sizes, self._heaps, strict=True):
            if memory < memory_mib:
                continue
            for heap in reversed(heaps[cores:]):  # the emptiest hosts are the most likely choice
                # A void top hides nothing better than itself.
                if heap and (best is None or heap[0] < best):
                    entry = self._top(heap, memory_mib)
                    if entry is not None and (best is None or entry < best):
                        best = entry
        return None if best is None else best[1]

    def take(self, host: int, cores: int, memory_mib: int) -> None:
        self._reserve(host, cores, memory_mib, 1)

    def give(self, host: int, cores: int, memory_mib: int) -> None:
        self._reserve(host, -cores, -memory_mib, -1)

    def _top(self, heap: list[tuple[float, int, int]], memory_mib: int) -> tuple[float, int, int] | None:
        """The best valid entry of a heap whose host has the memory."""
        while heap and heap[0][2] != self._version[heap[0][1]]:
            heapq.heappop(heap)
        if not heap or self._has_memory(heap[0][1], memory_mib):
            return heap[0] if heap else None
        if self._most_memory_first:
            return None
        return min((e for e in heap if e[2] == self._version[e[1]] and self._has_memory(e[1], memory_mib)), default=None)

    def _has_memory(self, host: int, memory_mib: int) -> bool:
        return 2 * (memory_mib + self._reserved_memory[host]) <= 3 * self._memory[host]

    def _reserve(self, host: int, cores: int, memory_mib: int, tasks: int) -> None:
        self._free_cores[host] -= cores
        self._reserved_memory[host] += memory_mib
        self._tasks[host] += tasks
        self._version[host] += 1
        self._enter(host)

    def _enter(self, host: int) -> None:
        free, cores = self._free_cores[host], self._cores[host]
        if free < 0:
            return  # more is reserved than a changed host has: nothing fits
        score = self._score(self._memory[host] - self._reserved_memory[host], cores - free, self._tasks[host], cores)
        heap = self._heaps[self._size[host]][free]
        heapq.heappush(heap, (-score, host, self._version[host]))
        if len(heap) > 4 * len(self._cores) + 64:
            heap[:] = [e for e in heap if e[2] == self._version[e[1]]]
            heapq.heapify(heap)
