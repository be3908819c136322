"""The hosts of a topology in topology order, as columns (opendc-semantics section 4)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from opendt_streams.model.task import Float64, Int64
from opendt_streams.model.topology import HostGroup, Topology


@dataclass(frozen=True, slots=True)
class GroupSpan:
    """A host group and the hosts first..end-1 that it became."""

    cluster: int
    entry: int
    group: HostGroup
    first: int
    end: int


@dataclass(frozen=True, slots=True, eq=False)
class Hosts:
    """All hosts, created cluster by cluster, entry by entry, `count` times. Host numbers index the columns."""

    groups: tuple[GroupSpan, ...]
    cluster_names: tuple[str, ...]
    cluster_end: tuple[int, ...]  # hosts of cluster c are cluster_end[c-1]..cluster_end[c]-1
    cores: Int64
    memory_mib: Int64
    capacity_mhz: Float64
    max_cores: int
    max_memory_mib: int

    def __len__(self) -> int:
        return len(self.cores)

    def too_small_for(self, cores: int, memory_mib: int) -> bool:
        """Whether a request is larger than any host in one of the two: OpenDC refuses it; it does not ask for a host that has both."""
        return cores > self.max_cores or memory_mib > self.max_memory_mib

    def cluster_span(self, cluster: int) -> tuple[int, int]:
        return (self.cluster_end[cluster - 1] if cluster else 0), self.cluster_end[cluster]

    def identity(self, host: int) -> tuple[int, int, int]:
        """(cluster index, host entry index, number within the entry): what keeps a host the same across topology changes."""
        span = next(g for g in self.groups if host < g.end)
        return span.cluster, span.entry, host - span.first

    def find(self, identity: tuple[int, int, int]) -> int | None:
        """The host of this identity, if there is one."""
        cluster, entry, number = identity
        for g in self.groups:
            if (g.cluster, g.entry) == (cluster, entry):
                return g.first + number if number < g.end - g.first else None
        return None


def expand(topology: Topology) -> Hosts:
    groups, cluster_end, at = [], [], 0
    for c, cluster in enumerate(topology.clusters):
        for h, group in enumerate(cluster.host_groups):
            groups.append(GroupSpan(c, h, group, at, at + group.count))
            at += group.count
        cluster_end.append(at)
    counts = [g.group.count for g in groups]
    return Hosts(
        groups=tuple(groups),
        cluster_names=unique_names([c.name for c in topology.clusters]),
        cluster_end=tuple(cluster_end),
        cores=np.repeat(np.array([g.group.cores for g in groups], dtype=np.int64), counts),
        memory_mib=np.repeat(np.array([g.group.memory_mib for g in groups], dtype=np.int64), counts),
        capacity_mhz=np.repeat(np.array([g.group.capacity_mhz for g in groups], dtype=np.float64), counts),
        max_cores=max((g.group.cores for g in groups), default=0),
        max_memory_mib=max((g.group.memory_mib for g in groups), default=0),
    )


def unique_names(names: list[str]) -> tuple[str, ...]:
    """Equal names become A, A-0, A-1 and so on, in order."""
    seen: dict[str, int] = {}
    unique = []
    for name in names:
        number = seen.get(name, 0)
        seen[name] = number + 1
        unique.append(f"{name}-{number - 1}" if number else name)
    return tuple(unique)
