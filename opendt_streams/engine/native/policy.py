"""Where a task goes: filters and weighers of OpenDC's prefab allocation policies (opendc-semantics section 6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import numpy as np

from opendt_streams.engine.native.hosts import Hosts
from opendt_streams.errors import BadInput
from opendt_streams.model.task import Float64, Int64

# (free memory [MiB], reserved cores, tasks on the host, cores of the host) -> sign x raw weight: the largest wins, the first on ties.
_Score: TypeAlias = Callable[[Int64, Int64, Int64, Int64], Int64 | Float64]

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
    """

    def __init__(self, hosts: Hosts, policy: str) -> None:
        check_policy(policy)
        self._hosts = hosts
        self._policy = policy
        n = len(hosts)
        self._free_cores = hosts.cores.copy()
        self._reserved_memory = np.zeros(n, dtype=np.int64)
        self._room_mib = hosts.memory_mib * 1.5
        self._tasks = np.zeros(n, dtype=np.int64)
        self._smallest_memory_mib = int(hosts.memory_mib.min())
        self._score = self._scores(slice(None))

    def copy(self) -> Placement:
        other = Placement.__new__(Placement)
        other.__dict__.update(self.__dict__)
        for name in ("_free_cores", "_reserved_memory", "_room_mib", "_tasks", "_score"):
            setattr(other, name, getattr(self, name).copy())
        return other

    def best(self, cores: int, memory_mib: int) -> int | None:
        """The host that the policy chooses, or None where the task fits nowhere now."""
        fits = self._free_cores >= cores
        fits &= self._room_mib >= memory_mib
        if memory_mib > self._smallest_memory_mib:
            fits &= self._hosts.memory_mib >= memory_mib
        host = int(np.where(fits, self._score, -np.inf).argmax())
        return host if fits[host] else None

    def take(self, host: int, cores: int, memory_mib: int) -> None:
        self._reserve(host, cores, memory_mib, 1)

    def give(self, host: int, cores: int, memory_mib: int) -> None:
        self._reserve(host, -cores, -memory_mib, -1)

    def _reserve(self, host: int, cores: int, memory_mib: int, tasks: int) -> None:
        self._free_cores[host] -= cores
        self._reserved_memory[host] += memory_mib
        self._room_mib[host] -= memory_mib
        self._tasks[host] += tasks
        self._score[host : host + 1] = self._scores(slice(host, host + 1))

    def _scores(self, which: slice) -> Float64:
        cores = self._hosts.cores[which]
        memory = self._hosts.memory_mib[which] - self._reserved_memory[which]
        return np.asarray(_SCORES[self._policy](memory, cores - self._free_cores[which], self._tasks[which], cores), dtype=np.float64)
