"""One message per way of breaking a topic's contract, and what its dead letter must say."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from opendt_streams.model import times
from opendt_streams.wire import topics
from tests.integration.streams.harness import START_MS

_TIME: Final = times.iso(START_MS + times.HOUR)
_NAIVE: Final = _TIME.removesuffix("Z")


@dataclass(frozen=True, slots=True)
class Bad:
    """`value` None is a tombstone; `reason`: a regular expression that the dead letter's reason must match."""

    topic: str
    value: bytes | None
    reason: str


def task(identity: int = 900_001, **fields: Any) -> bytes:
    """A task of two fragments, with some fields said otherwise."""
    body: dict[str, Any] = {
        "id": identity,
        "submission_time": _TIME,
        "duration": 60_000,
        "cpu_count": 4,
        "cpu_capacity": 8400.0,
        "mem_capacity": 1000,
        "fragments": {"duration_ms": [30_000, 30_000], "cpu_usage_mhz": [4200.0, 0.0]},
    }
    return _json(message_type="task", timestamp=_TIME, task=body | fields)


def topology(**fields: Any) -> dict[str, Any]:
    """One cluster of one host group, its host entry with some fields said otherwise."""
    host: dict[str, Any] = {
        "name": "H",
        "count": 4,
        "cpu": {"coreCount": 16, "coreSpeed": 2100},
        "memory": {"memorySize": 100_000},
        "cpuPowerModel": {"modelType": "linear", "power": 400.0, "idlePower": 100.0, "maxPower": 200.0},
    }
    return {"clusters": [{"name": "C", "hosts": [host | fields]}]}


def snapshot(**fields: Any) -> bytes:
    return _json(message_type="topology-snapshot", timestamp=_TIME, topology=topology(**fields))


def _power_model(**fields: Any) -> dict[str, Any]:
    return {"modelType": "linear", "power": 400.0, "idlePower": 100.0, "maxPower": 200.0} | fields


def _json(**document: Any) -> bytes:
    return json.dumps(document).encode()


def _everywhere(topic: str) -> list[Bad]:
    return [
        Bad(topic, b'{"message_type": "task", "task"', "not JSON"),
        Bad(topic, b"\xff\xfe\x00", "not JSON"),
        Bad(topic, b"[1, 2]", "list at the top"),
        Bad(topic, b"", "empty message"),
        Bad(topic, None, "tombstone"),
    ]


BAD_MESSAGES: Final = [
    *(bad for topic in (*topics.DATACENTER_TOPICS, *topics.TWIN_TOPICS) for bad in _everywhere(topic)),
    Bad(topics.WORKLOAD, task(cpu_count="many"), "cpu_count"),
    Bad(topics.WORKLOAD, task(mem_capacity=1.5), "mem_capacity"),
    Bad(topics.WORKLOAD, task(fragments={"duration_ms": [1000], "cpu_usage_mhz": [float("nan")]}), "NaN|not JSON|finite"),
    Bad(topics.WORKLOAD, task(cpu_capacity=float("inf")), "Infinity|not JSON|finite"),
    Bad(topics.WORKLOAD, task(cpu_capacity=1.5).replace(b"1.5", b"1e999"), "cpu_capacity|not JSON|finite"),
    Bad(topics.WORKLOAD, task(submission_time=_NAIVE), "no time zone"),
    Bad(topics.WORKLOAD, task(duration=-1), "duration"),
    Bad(topics.WORKLOAD, task(fragments={"duration_ms": [-30_000], "cpu_usage_mhz": [1.0]}), "duration_ms"),
    Bad(topics.WORKLOAD, task(fragments={"duration_ms": [1000, 1000], "cpu_usage_mhz": [1.0]}), "unequal length"),
    Bad(topics.WORKLOAD, task(fragments=[{"task_id": 1, "duration": -5, "cpu_count": 1, "cpu_usage": 1.0}]), "duration"),
    Bad(topics.WORKLOAD, _json(message_type="heartbeat", timestamp=_NAIVE), "no time zone"),
    Bad(topics.WORKLOAD, _json(message_type="heartbeat", timestamp="2099-01-01T00:00:00Z"), "7 days ahead"),
    Bad(topics.WORKLOAD, _json(message_type="holiday", timestamp=_TIME), "unknown message type 'holiday'"),
    Bad(topics.POWER, _json(message_type="power", timestamp=_TIME, power_draw="much"), "power_draw"),
    Bad(topics.POWER, _json(message_type="power", timestamp=_TIME, power_draw=float("nan")), "NaN|not JSON|finite"),
    Bad(topics.POWER, _json(message_type="power", timestamp=_TIME, power_draw=-5.0), "power_draw"),
    Bad(topics.POWER, _json(message_type="power", timestamp=_NAIVE, power_draw=5.0), "no time zone"),
    Bad(topics.POWER, _json(message_type="power", samples={"timestamp_ms": [START_MS], "power_w": [1.0, 2.0]}), "unequal length"),
    Bad(topics.POWER, _json(message_type="brownout"), "unknown message type 'brownout'"),
    Bad(topics.PHYSICAL, snapshot(count=0), "count"),
    Bad(topics.PHYSICAL, snapshot(cpuPowerModel=_power_model(idlePower=300.0)), "idle"),
    Bad(topics.PHYSICAL, snapshot(cpuPowerModel=_power_model(modelType="perpetuum")), "perpetuum"),
    Bad(topics.PHYSICAL, _json(message_type="blueprint", topology={}), "unknown message type 'blueprint'"),
    Bad(topics.LEDGER, json.dumps(topology()).encode(), "bare topology.*REST"),
    Bad(topics.RESULTS, _json(message_type="guess"), "unknown message type 'guess'"),
    Bad(topics.CALIBRATION, _json(message_type="guess"), "unknown message type 'guess'"),
]
