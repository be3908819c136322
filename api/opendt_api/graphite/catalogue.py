"""Which metrics there are: `opendt.DATACENTER.…`, of every datacenter alike, and `opendt_api.…` of the process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from opendt_api.context import Context
from opendt_api.graphite import readings as r
from opendt_api.graphite.states import api_states, states
from opendt_api.graphite.tree import Branch, Leaf, Read, node_name
from opendt_streams.model.topology import Topology
from opendt_streams.notices.notice import counts_by_kind
from opendt_streams.projection.datacenter import Datacenter
from opendt_streams.projection.hourly import SCORES
from opendt_streams.projection.series import UNITS, WHOLE_ONLY

ROOT: Final = "opendt"
API: Final = "opendt_api"
WINDOWS: Final = ("simulated", "failed", "late_tasks", "duplicate_tasks", "lag_seconds")
DECISIONS: Final = ("calibrated", "kept", "alarms", "samples", "late_samples", "interval_half_width_percent", "bound", "telemetry")
_SUMS: Final = ("calibrated", "kept", "samples", "late_samples")


def catalogue(context: Context) -> Branch:
    """The tree as it is now: names and readers only, nothing is read."""
    sites = {node_name(name): _of(datacenter, context) for name, datacenter in context.projection.datacenters.items()}
    return {ROOT: sites, API: {name: Leaf(r.now(value)) for name, value in api_states(context).items()}}


def _of(site: Datacenter, context: Context) -> Branch:
    tags = {"datacenter": site.name}
    clusters = [name for name in site.simulated.of if name is not None]
    return {
        **{name: Leaf(r.metric(site, name), tags) for name in UNITS},
        "clusters": {node_name(name): _of_cluster(site, name, tags) for name in clusters},
        "windows": {name: Leaf(r.windows(site, name), tags) for name in WINDOWS},
        "scores": {
            **{name: Leaf(r.hour_before(site, site.hourly.scores, name), tags) for name in SCORES},
            "skill": Leaf(r.skill(site), tags),
        },
        "decisions": {name: Leaf(_decisions(site, name), tags) for name in DECISIONS},
        "parameters": _parameters(site, tags),
        "warnings": {kind: Leaf(r.now(count), tags) for kind, count in _warned(site).items()},
        "state": {name: Leaf(r.now(value), tags) for name, value in states(site, context).items()},
    }


def _warned(site: Datacenter) -> Mapping[str, int]:
    """How many warnings there are, and how many of what each kind counts."""
    return {"all": len(site.warnings), **counts_by_kind(site.warnings)}


def _of_cluster(site: Datacenter, cluster: str, tags: Mapping[str, str]) -> Branch:
    return {name: Leaf(r.metric(site, name, cluster), {**tags, "cluster": cluster}) for name in UNITS if name not in WHOLE_ONLY}


def _decisions(site: Datacenter, name: str) -> Read:
    if name == "alarms":
        return r.alarms(site)
    columns = site.hourly.decided
    return r.per_instant(columns, name) if name in _SUMS else r.hour_after(site, columns, name)


def _parameters(site: Datacenter, tags: Mapping[str, str]) -> Branch:
    """By cluster and host entry: their names where these tell them apart, else their indices."""
    head = site.facts.head
    found: dict[str, dict[str, dict[str, Branch | Leaf]]] = {}
    for (group, name), columns in site.hourly.parameters.items():
        cluster, entry = _names(group, head.topology if head else None)
        leaf = Leaf(r.hour_after(site, columns, "value"), {**tags, "cluster": cluster, "hosts": entry})
        found.setdefault(node_name(cluster), {}).setdefault(node_name(entry), {})[node_name(name)] = leaf
    return found


def _names(group: str, topology: Topology | None) -> tuple[str, str]:
    cluster, _, entry = group.partition("/")
    if topology is None or not (cluster.isdigit() and entry.isdigit()) or int(cluster) >= len(topology.clusters):
        return cluster, entry
    groups = [host_group.name for host_group in topology.clusters[int(cluster)].host_groups]
    return _named([c.name for c in topology.clusters], int(cluster)), _named(groups, int(entry))


def _named(names: list[str], index: int) -> str:
    return names[index] if index < len(names) and names.count(names[index]) == 1 else str(index)
