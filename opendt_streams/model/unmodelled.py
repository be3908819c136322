"""What a topology says that OpenDC knows and the twin does not simulate: batteries and GPUs. Read from the JSON as it came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Part: TypeAlias = Literal["battery", "gpu"]


@dataclass(frozen=True, slots=True)
class Unmodelled:
    """A cluster's battery, or the GPUs of a host entry: which (indices), whose (names), and the JSON of it. `count` of its devices."""

    part: Part
    cluster: int
    group: int | None
    name: str
    count: int
    document: Mapping[str, Any]

    @property
    def where(self) -> str:
        """As a JSON path."""
        return f"clusters[{self.cluster}].battery" if self.group is None else f"clusters[{self.cluster}].hosts[{self.group}].gpu"


def unmodelled(document: object) -> tuple[Unmodelled, ...]:
    """Whatever of it there is, in the order of the topology. Other documents have nothing."""
    found = list[Unmodelled]()
    for c, cluster in enumerate(_objects(document, "clusters")):
        name = _text(cluster, "Cluster")
        battery = cluster.get("battery")
        if isinstance(battery, Mapping):
            found.append(Unmodelled("battery", c, None, name, _count(cluster), battery))
        for h, host in enumerate(_objects(cluster, "hosts")):
            gpu = host.get("gpu")
            if isinstance(gpu, Mapping) and (per_host := _count(gpu)):
                found.append(Unmodelled("gpu", c, h, f"{name}/{_text(host, 'Host')}", per_host * _count(host) * _count(cluster), gpu))
    return tuple(found)


def with_unmodelled(document: dict[str, Any], parts: Sequence[Unmodelled]) -> dict[str, Any]:
    """A topology's document with these parts where they were: what a datacenter has is said, whether it is simulated or not."""
    for part in parts:
        cluster = document["clusters"][part.cluster]
        target = cluster if part.group is None else cluster["hosts"][part.group]
        target[part.part] = dict(part.document)
    return document


def _objects(document: object, key: str) -> list[Mapping[str, Any]]:
    found = document.get(key) if isinstance(document, Mapping) else None
    return [each if isinstance(each, Mapping) else {} for each in found] if isinstance(found, list) else []


def _text(document: Mapping[str, Any], default: str) -> str:
    found = document.get("name")
    return found if isinstance(found, str) and found else default


def _count(document: Mapping[str, Any]) -> int:
    found = document.get("count", 1)
    return int(found) if isinstance(found, int | float) and not isinstance(found, bool) and found >= 0 else 1
