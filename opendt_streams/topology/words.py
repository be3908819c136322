"""What changed between two topologies, in words for people."""

from __future__ import annotations

from opendt_streams.model.canonical import JSON
from opendt_streams.model.topology import Topology
from opendt_streams.model.topology_json import to_document


def changes(before: Topology | None, after: Topology) -> list[str]:
    """One line per changed value, such as `C01/H01 cpuPowerModel.idlePower: 25 -> 30.2`."""
    if before is None:
        groups = after.host_groups
        return [f"first topology: {len(after.clusters)} clusters, {len(groups)} host groups, {after.host_count} hosts"]
    old, new = _leaves(before), _leaves(after)
    lines = [f"{name}: {_text(old[name])} -> {_text(new[name])}" for name in new if name in old and old[name] != new[name]]
    lines += [f"{name}: {_text(new[name])} (new)" for name in new if name not in old]
    lines += [f"{name}: {_text(old[name])} (gone)" for name in old if name not in new]
    return lines


def _leaves(topology: Topology) -> dict[str, JSON]:
    """Every value under a name that a person recognises: cluster/host group, then the path inside the entry."""
    leaves: dict[str, JSON] = {}
    for c, cluster in enumerate(topology.clusters):
        document = to_document(Topology((cluster,)))["clusters"]
        assert isinstance(document, list)
        entry = document[0]
        assert isinstance(entry, dict)
        prefix = f"{cluster.name}" if _unique(topology, c) else f"{cluster.name}[{c}]"
        hosts = entry.pop("hosts")
        assert isinstance(hosts, list)
        leaves |= _flatten(entry, prefix)
        for h, host in enumerate(hosts):
            names = [g.name for g in cluster.host_groups]
            name = names[h] if names.count(names[h]) == 1 else f"{names[h]}[{h}]"
            leaves |= _flatten(host, f"{prefix}/{name}")
    return leaves


def _unique(topology: Topology, index: int) -> bool:
    names = [c.name for c in topology.clusters]
    return names.count(names[index]) == 1


def _flatten(value: JSON, prefix: str) -> dict[str, JSON]:
    if not isinstance(value, dict):
        return {prefix: value}
    separator = "." if " " in prefix else " "
    flat: dict[str, JSON] = {}
    for key, inner in value.items():
        flat |= _flatten(inner, f"{prefix}{separator}{key}")
    return flat


def _text(value: JSON) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
