"""Ledgers as Kafka holds them: records with headers and timestamps, and random ones in which people do everything that people do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from random import Random
from typing import Any

from opendt_streams.model import times
from opendt_streams.model.canonical import canonical
from opendt_streams.model.event import MAIN, TopologyEvent
from opendt_streams.topology.ledger import Ledger
from opendt_streams.wire import headers as h
from opendt_streams.wire import topics
from opendt_streams.wire.record import Record
from opendt_streams.wire.twin import event_value
from tests.unit.topology.ledgers import ROOT, event, signed, topology

CLOCK_MS = times.parse("2026-03-01T12:00:00Z")
BRANCHES = (MAIN, "what-if/a", "what-if/b")


def record(offset: int, value: bytes, headers: dict[str, str] | None = None, at_ms: int | None = None) -> Record:
    timestamp_ms = CLOCK_MS + offset * times.SECOND if at_ms is None else at_ms
    return Record(topics.LEDGER, 0, offset, b"dc", value, tuple(h.to_kafka(headers or {})), timestamp_ms)


def written(offset: int, one: TopologyEvent, source: str | None = "simulator", at_ms: int | None = None) -> Record:
    """As a service writes it; without a source as somebody with a producer of his own."""
    if source is None:
        return record(offset, canonical(event_value(one)), at_ms=at_ms)
    time = times.iso(CLOCK_MS + offset * times.SECOND)
    headers = h.cloud_event(event_id=one.id, event_type="topology-event", source=f"opendt/{source}", time=time)
    return record(offset, canonical(event_value(one)), headers | {h.LEDGER: str(offset)}, at_ms)


def log_of(events: Iterable[TopologyEvent]) -> list[Record]:
    return [written(offset, one) for offset, one in enumerate(events)]


def some_log(rng: Random, length: int = 30) -> list[Record]:
    """Accepted, stale, forged, invalid and repeated events, on several branches, and records that are no events."""
    ledger, log, events = Ledger(), [written(0, ROOT)], [ROOT]
    ledger.add(0, ROOT)
    for offset in range(1, length):
        if rng.random() < 0.08:
            log.append(record(offset, rng.choice([b"", b"garbage", b"[]", b'{"clusters":[]}'])))
            continue
        one = _some_event(rng, ledger, events)
        log.append(_some_record(rng, offset, one))
        ledger.add(offset, one)
        events.append(one)
    return log


def _some_event(rng: Random, ledger: Ledger, events: list[TopologyEvent]) -> TopologyEvent:
    branch = rng.choice(BRANCHES)
    head = ledger.heads.get(branch)
    parent = rng.choice(events) if rng.random() < 0.15 or head is None else head.event
    kind: Any = "branched" if head is None else rng.choice(["calibrated", "calibrated", "edited", "reverted", "baselined", "branched"])
    idle_w = rng.choice([50.0, 50.5, 1e-5, 30.123456, 100])
    name = rng.choice(["H", "H", "Ä", 'quoted "H"'])
    made = event(kind, parent, topology(rng.choice([2, 2, 3]), idle_w, name, rng.choice([1, 2])), branch=branch, cause=f"c{len(events)}")
    match rng.randrange(14):
        case 0:
            return rng.choice(events)
        case 1:
            return replace(made, reason="another")
        case 2:
            return replace(made, result="0" * 64)
        case 3:
            return signed(replace(made, rules=rng.choice([0, 2])))
        case 4:
            return signed(replace(made, topology=rng.choice([{"clusters": []}, {}, {**made.topology, "more": 1}])))
        case 5:
            return signed(replace(made, topology=in_units(made.topology)))
        case _:
            return made


def in_units(document: Any) -> Any:
    """The same hardware as people write it: a quantity with its unit, and a default left out."""
    cluster = document["clusters"][0]
    host = {**cluster["hosts"][0], "cpu": {"coreCount": 4, "coreSpeed": "1 GHz"}}
    del host["cpuPowerModel"]
    return {"clusters": [{**cluster, "hosts": [host, *cluster["hosts"][1:]]}]}


def _some_record(rng: Random, offset: int, one: TopologyEvent) -> Record:
    """In canonical form mostly; else as other libraries write JSON."""
    made = written(offset, one, rng.choice(["simulator", "api", None]), CLOCK_MS + rng.randrange(60_000))
    value = made.value or b""
    match rng.randrange(8):
        case 0:
            return replace(made, value=value.replace(b":50,", b":50.0,"))
        case 1:
            return replace(made, value=value.replace(b",", b", "))
        case 2:
            return replace(made, value=value[:-1] + b',"more":1}')
        case _:
            return made
