"""Topologies and events to build ledgers of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from opendt_streams.model.canonical import digest
from opendt_streams.model.event import EventKind, TopologyEvent
from opendt_streams.model.topology import Topology
from opendt_streams.model.topology_json import read_topology
from opendt_streams.topology.events import event_id, make_event
from opendt_streams.topology.ledger import Ledger, Verdict


def topology(hosts: int = 2, idle_w: float = 50, name: str = "H", groups: int = 1) -> Topology:
    def entry(i: int) -> dict[str, Any]:
        model = {"modelType": "linear", "idlePower": idle_w + i, "maxPower": 300}
        cpu, memory = {"coreCount": 4, "coreSpeed": 1000}, {"memorySize": 1024}
        return {"name": f"{name}{i}", "count": hosts, "cpu": cpu, "memory": memory, "cpuPowerModel": model}

    return read_topology({"clusters": [{"name": "C", "hosts": [entry(i) for i in range(groups)]}]})


def event(
    kind: EventKind,
    parent: TopologyEvent | None,
    after: Topology | None = None,
    *,
    branch: str = "main",
    cause: str = "",
) -> TopologyEvent:
    parent_id = None if parent is None else parent.id
    return make_event(parent=parent_id, kind=kind, actor="a", reason="r", cause=cause or kind, topology=after or topology(), branch=branch)


def signed(changed: TopologyEvent) -> TopologyEvent:
    """With the digests that a careful client would compute."""
    changed = replace(changed, result=digest(changed.topology))
    return replace(changed, id=event_id(changed))


def fold(*events: TopologyEvent) -> tuple[Ledger, list[Verdict | None]]:
    ledger = Ledger()
    judged = [ledger.add(offset, e) for offset, e in enumerate(events)]
    return ledger, [j.verdict if j else None for j in judged]


ROOT = event("baselined", None)
