"""Making topology events, and checking that one is what its id says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from opendt_streams.model.canonical import JSON, digest
from opendt_streams.model.event import MAIN, RULES, EventKind, TopologyEvent
from opendt_streams.model.topology import PowerModel, Topology
from opendt_streams.model.topology_json import power_model_document, to_document


def make_event(
    *,
    parent: str | None,
    kind: EventKind,
    actor: str,
    reason: str,
    cause: str,
    topology: Topology,
    branch: str = MAIN,
) -> TopologyEvent:
    """An event whose id is the digest of everything else in it."""
    document = to_document(topology)
    unsigned = TopologyEvent("", RULES, parent, branch, kind, actor, reason, cause, document, digest(document))
    return TopologyEvent(event_id(unsigned), *(getattr(unsigned, f) for f in _FIELDS))


def event_id(event: TopologyEvent) -> str:
    """sha256 over the canonical JSON of all fields but the id."""
    return digest({field: getattr(event, field) for field in _FIELDS})


_FIELDS = ("rules", "parent", "branch", "kind", "actor", "reason", "cause", "topology", "result")


def calibrated_topology(base: Topology, reference: Topology, models: Mapping[tuple[int, int], PowerModel]) -> Topology:
    """`base` with the power models of those host groups that are still the ones of `reference`, for which they were fitted.

    A host group is (cluster index, host entry index); it is the same if both names and all fields but the power model are equal.
    """
    return base.with_power_models({at: m for at, m in models.items() if _same_group(base, reference, *at)}, default=None)


def carried_over(physical: Topology, head: Topology) -> Topology:
    """The physical topology with the power parameters that the head has for unchanged host groups (PROTOCOL 5.3)."""
    models = {(c, h): group.power_model for c, h, group in head.host_groups if _same_group(physical, head, c, h)}
    return physical.with_power_models(models, default=None)


def parameters(topology: Topology) -> dict[str, dict[str, JSON]]:
    """Power parameters per "cluster index/host entry index"."""
    return {f"{c}/{h}": power_model_document(group.power_model) for c, h, group in topology.host_groups}


def _same_group(a: Topology, b: Topology, cluster: int, group: int) -> bool:
    identities = []
    for topology in (a, b):
        if cluster >= len(topology.clusters) or group >= len(topology.clusters[cluster].host_groups):
            return False
        hardware = asdict(topology.clusters[cluster].host_groups[group])
        del hardware["power_model"]
        identities.append((topology.clusters[cluster].name, hardware))
    return bool(identities[0] == identities[1])
