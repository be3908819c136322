"""People and their programs: edits of the topology, right, stale and broken ones, and bytes where they do not belong."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from opendt_streams.model.canonical import canonical, digest
from opendt_streams.model.event import EventKind, TopologyEvent
from opendt_streams.model.topology_json import read_topology
from opendt_streams.topology.events import event_id, make_event
from opendt_streams.topology.ledger import Accepted, Ledger
from opendt_streams.wire import topics
from opendt_streams.wire.twin import event_value
from tests.unit.twin import said
from tests.unit.twin.logs import Logs, Record


def folded(records: list[Record]) -> Ledger:
    ledger = Ledger()
    for offset, record in enumerate(records):
        if isinstance(record.message, TopologyEvent):
            ledger.add(offset, record.message)
        else:
            ledger.skip(offset)
    return ledger


def edit(logs: Logs, rng: Random, serial: int) -> None:
    """A person writes an event on top of a head that may be old by now."""
    log = logs[topics.LEDGER]
    ledger = folded(log[: len(log) - (rng.randrange(3) if rng.random() < 0.3 else 0)])
    if ledger.head is None:
        return
    if rng.random() < 0.1:
        log.append(Record(topics.LEDGER, rng.choice(log).value))  # a client that sends twice
        return
    event = _event(ledger, ledger.head, rng, serial)
    if rng.random() < 0.1:
        event = rng.choice([replace(event, result="wrong"), replace(event, reason="another"), _resigned(replace(event, rules=2))])
    log.append(Record(topics.LEDGER, canonical(event_value(event))))


def _event(ledger: Ledger, head: Accepted, rng: Random, serial: int) -> TopologyEvent:
    parent, branch, kind = head.event.id, "main", rng.choice(_KINDS)
    if rng.random() < 0.2:
        branch, kind = "other", "branched" if rng.random() < 0.6 else kind
        parent = rng.choice(ledger.main).event.id if kind == "branched" else parent
    document = said.topology(
        rng.randrange(1, 4),
        idle_w=serial / 4,
        group=rng.choice(["H", "H", "H2"]),
        extra_groups=rng.randrange(2),
        carbon_path=rng.choice([None, "C:\\elsewhere\\c.parquet", "nobody-sent.parquet"]),
    )
    topology = read_topology(document)
    actor = "simulator" if rng.random() < 0.05 else "person"  # a name is only what somebody says
    event = make_event(parent=parent, kind=kind, actor=actor, reason="", cause=f"person {serial}", topology=topology, branch=branch)
    if rng.random() < 0.1:
        event = _resigned(replace(event, topology={"clusters": []}))
    return event


_KINDS: tuple[EventKind, ...] = ("edited", "edited", "reverted", "calibrated", "baselined")


def _resigned(event: TopologyEvent) -> TopologyEvent:
    event = replace(event, result=digest(event.topology))
    return replace(event, id=event_id(event))


def rubbish(logs: Logs, rng: Random) -> None:
    """Somebody's program writes to a topic of the twin."""
    topic = rng.choice(topics.TWIN_TOPICS)
    headers = rng.choice([{}, {"opendt_ledger": "x", "opendt_pin": "-1"}])
    logs[topic].append(Record(topic, rng.choice([b"", b"{", b'{"clusters":[]}', b'{"message_type":"window-result"}', b"7"]), headers))
