"""Placement that looks at every host for every task: for policies whose choice is random, or whose filters and weighers a user listed.

OpenDC draws with Java's SplittableRandom, seeded from a chain of others. Ours is a generator of its own: a random choice is as good,
and as repeatable, but it is not OpenDC's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from opendt_streams.engine.native.hosts import Hosts
from opendt_streams.engine.native.placement.contract import Placement
from opendt_streams.engine.native.placement.listed import Filter, ListedPolicy, ListedWeigher
from opendt_streams.model.canonical import JSON
from opendt_streams.model.task import Float64, Int64

_SMALLEST: Final = 5e-324  # OpenDC begins its search for the largest weight with Java's Double.MIN_VALUE
_MASK: Final = 2**64 - 1


class ScanPlacement:
    """A `Placement`."""

    def __init__(self, hosts: Hosts, policy: ListedPolicy, seed: int) -> None:
        self._policy, self._seed = policy, seed
        self._cores, self._memory, self._capacity_mhz = hosts.cores, hosts.memory_mib, hosts.capacity_mhz
        self._reserved_cores = np.zeros(len(hosts), dtype=np.int64)
        self._reserved_memory = np.zeros(len(hosts), dtype=np.int64)
        self._tasks = np.zeros(len(hosts), dtype=np.int64)
        self._drawn = 0

    def copy(self) -> ScanPlacement:
        other = ScanPlacement.__new__(ScanPlacement)
        other.__dict__.update(self.__dict__)
        for name in ("_reserved_cores", "_reserved_memory", "_tasks"):
            setattr(other, name, getattr(self, name).copy())
        return other

    def best(self, cores: int, memory_mib: int, capacity_mhz: float = 0.0) -> int | None:
        passes = np.ones(len(self._cores), dtype=np.bool_)
        for f in self._policy.filters:
            passes &= self._passes(f, cores, memory_mib, capacity_mhz)
        candidates = np.flatnonzero(passes)
        if not len(candidates):
            return None
        if self._policy.weighers:
            candidates = candidates[np.argsort(-self._scores(candidates, cores, capacity_mhz), kind="stable")]
        size = min(self._policy.subset_size, len(candidates))
        return int(candidates[self._draw(size) if size > 1 else 0])

    def take(self, host: int, cores: int, memory_mib: int) -> None:
        self._reserve(host, cores, memory_mib, 1)

    def give(self, host: int, cores: int, memory_mib: int) -> None:
        self._reserve(host, -cores, -memory_mib, -1)

    def state(self) -> dict[str, JSON]:
        return {"drawn": self._drawn} if self._drawn else {}

    def resume(self, state: dict[str, JSON]) -> None:
        drawn = state.get("drawn", 0)
        assert isinstance(drawn, int)
        self._drawn = drawn

    def follow(self, old: Placement, new_number: Mapping[int, int]) -> None:
        if isinstance(old, ScanPlacement):
            self._drawn = old._drawn

    def _passes(self, f: Filter, cores: int, memory_mib: int, capacity_mhz: float) -> NDArray[np.bool_]:
        match f.name:
            case "VCpu":
                return (cores <= self._cores) & (self._cores * f.limit - self._reserved_cores >= cores)
            case "Ram":
                return (memory_mib <= self._memory) & (self._memory * f.limit - self._reserved_memory >= memory_mib)
            case "InstanceCount":
                return self._tasks < f.limit
            case "VCpuCapacity":
                return self._capacity_mhz / self._cores >= (capacity_mhz / cores if cores else np.inf if capacity_mhz else 0.0)
            case "Compute" | "SameHost" | "DifferentHost":
                return np.ones(len(self._cores), dtype=np.bool_)

    def _scores(self, candidates: Int64, cores: int, capacity_mhz: float) -> Float64:
        scores = np.zeros(len(candidates))
        for weigher in self._policy.weighers:
            weights = self._weights(weigher, candidates, cores, capacity_mhz)
            low = weights.min()
            span = max(float(weights.max()), _SMALLEST) - low
            # Where all weights are 0, OpenDC divides by next to nothing and its scores are no numbers any more: the order stays.
            if span > _SMALLEST:
                scores += weigher.multiplier / span * (weights - low)
            elif span:
                return np.zeros(len(candidates))
        return scores

    def _weights(self, weigher: ListedWeigher, candidates: Int64, cores: int, capacity_mhz: float) -> Float64:
        memory = (self._memory - self._reserved_memory)[candidates]
        match weigher.name:
            case "Ram":
                return memory.astype(np.float64)
            case "CoreRam":
                return np.asarray(weigher.multiplier * (memory / self._cores[candidates]), dtype=np.float64)
            case "InstanceCount":
                return self._tasks[candidates].astype(np.float64)
            case "VCpuCapacity":
                return self._capacity_mhz[candidates] - (capacity_mhz / cores if cores else 0.0)
            case "VCpu":
                return 1.0 - self._reserved_cores[candidates].astype(np.float64)

    def _draw(self, size: int) -> int:
        """A number below `size`, from the seed and how many were drawn before: the finaliser of SplitMix64 over a counter."""
        self._drawn += 1
        x = (self._seed * 0xD1342543DE82EF95 + self._drawn * 0x9E3779B97F4A7C15) & _MASK
        x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
        return ((x ^ (x >> 31)) * size) >> 64

    def _reserve(self, host: int, cores: int, memory_mib: int, tasks: int) -> None:
        self._reserved_cores[host] += cores
        self._reserved_memory[host] += memory_mib
        self._tasks[host] += tasks
