"""Placement since OpenDC v2.4g: pools of empty and used hosts (opendc-semantics section 13).

Where a task goes depends on the order in which hosts became empty and on scores that are never reset during a run, so both are state.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from opendt_streams.engine.native.hosts import Hosts
from opendt_streams.engine.native.placement.contract import Placement
from opendt_streams.engine.native.placement.prefab import RANDOM, WEIGHERS
from opendt_streams.model.canonical import JSON

_SMALLEST: Final = 5e-324  # Java's Double.MIN_VALUE, which OpenDC takes for the smallest number


class PooledPlacement:
    """A `Placement`. A task fits where its cores and its memory are free: nothing is over-committed."""

    def __init__(self, hosts: Hosts, policy: str) -> None:
        self._weigher = None if policy == RANDOM else WEIGHERS[policy]  # without a weigher, OpenDC takes the first candidate
        self._cores: list[int] = hosts.cores.tolist()
        self._free_cores = self._cores.copy()
        self._free_memory: list[int] = hosts.memory_mib.tolist()
        self._tasks = [0] * len(hosts)
        types: dict[str, int] = {}
        self._type = [types.setdefault(g.group.name, len(types)) for g in hosts.groups for _ in range(g.group.count)]
        self._empty: list[dict[int, None]] = [{} for _ in types]  # by type, in the order of becoming empty
        for host, kind in enumerate(self._type):
            self._empty[kind][host] = None
        self._used: list[int] = []  # ascending by free cores, then free memory
        self._accumulated: list[float] = []  # by position among the candidates

    def copy(self) -> PooledPlacement:
        other = PooledPlacement.__new__(PooledPlacement)
        other.__dict__.update(self.__dict__)
        for name in ("_free_cores", "_free_memory", "_tasks", "_used", "_accumulated"):
            setattr(other, name, getattr(self, name).copy())
        other._empty = [pool.copy() for pool in self._empty]
        return other

    def best(self, cores: int, memory_mib: int, capacity_mhz: float = 0.0) -> int | None:
        """The chosen host, or None where the task fits nowhere now. A choice leaves its marks on the ones to come."""
        free_cores, free_memory = self._free_cores, self._free_memory
        candidates = [h for h in self._used[self._first_used(cores) :] if free_memory[h] >= memory_mib]
        for pool in self._empty:
            host = next(iter(pool), None)
            if host is not None and free_cores[host] >= cores and free_memory[host] >= memory_mib:
                candidates.append(host)
        return candidates[self._choice(candidates)] if candidates else None

    def take(self, host: int, cores: int, memory_mib: int) -> None:
        if self._empty[self._type[host]].pop(host, self) is None:
            self._insert(host)
        self._used.remove(host)
        self._reserve(host, cores, memory_mib, 1)
        self._insert(host)

    def give(self, host: int, cores: int, memory_mib: int) -> None:
        self._reserve(host, -cores, -memory_mib, -1)
        self._used.remove(host)
        if self._tasks[host]:
            self._insert(host)
        else:
            self._empty[self._type[host]][host] = None

    def state(self) -> dict[str, JSON]:
        """Infinite scores and those that are no number are written as text."""
        return {
            "empty": [list(pool) for pool in self._empty],
            "used": list(self._used),
            "accumulated": [x if abs(x) < float("inf") else repr(x) for x in self._accumulated],
        }

    def resume(self, state: dict[str, Any]) -> None:
        self._empty = [dict.fromkeys(pool) for pool in state["empty"]]
        self._used = list(state["used"])
        self._accumulated = [float(x) for x in state["accumulated"]]

    def follow(self, old: Placement, new_number: Mapping[int, int]) -> None:
        """Hosts that remain keep their place in the order; new ones are empty and come last."""
        if not isinstance(old, PooledPlacement):
            return
        self._accumulated = old._accumulated.copy()
        order = [new_number[h] for pool in (*old._empty, old._used) for h in pool if h in new_number]
        rank = {host: i for i, host in enumerate(order)}
        self._empty = [dict.fromkeys(sorted(pool, key=lambda h: (rank.get(h, len(rank)), h))) for pool in self._empty]
        self._used.sort(key=lambda h: (self._free_cores[h], self._free_memory[h], rank[h]))

    def _choice(self, candidates: list[int]) -> int:
        weigher = self._weigher
        if weigher is None:
            return 0
        weights = [
            float(weigher.weight(self._free_memory[h], self._cores[h] - self._free_cores[h], self._tasks[h], self._cores[h]))
            for h in candidates
        ]
        low, high = min(weights), max(*weights, _SMALLEST)
        if high == low:
            return 0
        factor = weigher.sign / (high - low)
        accumulated = self._accumulated
        accumulated += [0.0] * (len(candidates) - len(accumulated))
        choice, best = 0, _SMALLEST
        for i, weight in enumerate(weights):
            accumulated[i] += factor * (weight - low)
            if accumulated[i] > best:
                choice, best = i, weight
        return choice

    def _first_used(self, cores: int) -> int:
        low, high = 0, len(self._used)
        while low < high:
            middle = (low + high) >> 1
            if self._free_cores[self._used[middle]] >= cores:
                high = middle
            else:
                low = middle + 1
        return low

    def _insert(self, host: int) -> None:
        """By binary search: at an equal one if the search meets it, which need not be the first."""
        mine = self._free_cores[host], self._free_memory[host]
        low, high = 0, len(self._used) - 1
        while low <= high:
            middle = (low + high) >> 1
            other = self._used[middle]
            theirs = self._free_cores[other], self._free_memory[other]
            if theirs == mine:
                low = middle
                break
            if theirs < mine:
                low = middle + 1
            else:
                high = middle - 1
        self._used.insert(low, host)

    def _reserve(self, host: int, cores: int, memory_mib: int, tasks: int) -> None:
        self._free_cores[host] -= cores
        self._free_memory[host] -= memory_mib
        self._tasks[host] += tasks
