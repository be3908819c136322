"""What the real OpenDC can be told about a topology: power parameters may change while it runs, the hardware may not.

OpenDC has no notion of a change: every invocation begins at time 0, with the newest parameters over all of the past. Placement and demand
do not depend on them (opendc-semantics section 14.4), so the rows of the window at hand are right. Other hosts would have placed the past
tasks elsewhere.
"""

from __future__ import annotations

from typing import Final

from opendt_streams.model.topology import MODEL_TYPES, Cluster, HostGroup, ModelType, Topology

POWER_MODELS: Final[frozenset[ModelType]] = frozenset(MODEL_TYPES) - {"busy-linear"}
_FIELDS: Final = ("name", "count", "cpu_count", "cores_per_cpu", "core_speed_mhz", "memory_mib")


def unknown_model(topology: Topology) -> str | None:
    """What is wrong, where a host group has a power model that is not OpenDC's."""
    for c, h, group in topology.host_groups:
        if group.power_model.model_type not in POWER_MODELS:
            model = group.power_model.model_type
            return f"the real OpenDC has no power model {model} (cluster {c}, host entry {h}); it has {', '.join(sorted(POWER_MODELS))}"
    return None


def hardware_change(before: Topology, after: Topology) -> str | None:
    """The first difference in clusters, hosts or cores, in words; None where power parameters and sources at most differ."""
    if len(before.clusters) != len(after.clusters):
        return _refusal("the number of clusters", len(before.clusters), len(after.clusters))
    changes = (_in_cluster(c, *pair) for c, pair in enumerate(zip(before.clusters, after.clusters, strict=True)))
    return next((change for change in changes if change is not None), None)


def _in_cluster(c: int, before: Cluster, after: Cluster) -> str | None:
    if before.name != after.name:
        return _refusal(f"the name of cluster {c}", before.name, after.name)
    if len(before.host_groups) != len(after.host_groups):
        return _refusal(f"the number of host entries in cluster {c}", len(before.host_groups), len(after.host_groups))
    pairs = enumerate(zip(before.host_groups, after.host_groups, strict=True))
    changes = (_in_group(f"host entry {h} of cluster {c}", *pair) for h, pair in pairs)
    return next((change for change in changes if change is not None), None)


def _in_group(which: str, before: HostGroup, after: HostGroup) -> str | None:
    for field in _FIELDS:
        old, new = getattr(before, field), getattr(after, field)
        if old != new:
            return _refusal(f"{field} of {which}", old, new)
    return None


def _refusal(what: str, before: object, after: object) -> str:
    return f"the real OpenDC cannot change hosts or cores while it runs: {what} was {before} and would be {after}"


def leaves_rests(topology: Topology) -> bool:
    """Whether rests of sums of demand, such as 1e-13 MHz, can make visible watts of an idle host (opendc-semantics section 9)."""
    models = [g.power_model for _, _, g in topology.host_groups]
    return any(m.model_type == "sqrt" or (m.model_type == "mse" and not m.calibration_factor.is_integer()) for m in models)
