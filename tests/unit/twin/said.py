"""What producers write: bytes of messages, in our own form and in OpenDT's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from opendt_streams.model import times
from opendt_streams.model.canonical import sha256_hex

T0: Final = times.parse("2022-10-06T22:00:00Z")
S: Final = times.SECOND

END: Final = b'{"message_type":"end"}'


def encode(**document: Any) -> bytes:
    return json.dumps(document).encode()


def heartbeat(time_ms: int, snapshot: bytes | None = None, *, opendt: bool = False) -> bytes:
    body: dict[str, Any] = {"message_type": "heartbeat", "timestamp": times.iso(time_ms)}
    if snapshot is not None:
        body["snapshot"] = sha256_hex(snapshot)
    return encode(**body, task=None) if opendt else encode(**body)


def task(
    identity: int,
    time_ms: int,
    lasts_ms: int = 1000,
    *,
    cpu_count: int = 1,
    mem_capacity: int = 0,
    empty: bool = False,
    opendt: bool = False,
) -> bytes:
    halves = [] if empty else [lasts_ms // 2, lasts_ms - lasts_ms // 2]
    fragments: Any = {"duration_ms": halves, "cpu_usage_mhz": [100.0] * len(halves)}
    if opendt:
        fragments = [{"task_id": identity, "duration": d, "cpu_count": cpu_count, "cpu_usage": 100.0} for d in halves]
    body: dict[str, Any] = {"id": f"task-{identity}" if opendt else identity, "submission_time": times.iso(time_ms), "duration": lasts_ms}
    body |= {"cpu_count": cpu_count, "cpu_capacity": 100.0, "mem_capacity": mem_capacity, "fragments": fragments}
    return encode(message_type="task", timestamp=times.iso(time_ms), task=body)


def power(samples: Sequence[tuple[int, float]], cluster: str | None = None, *, opendt: bool = False) -> bytes:
    if opendt and len(samples) == 1:
        return encode(power_draw=samples[0][1], energy_usage=0.0, timestamp=times.iso(samples[0][0]))
    columns = {"timestamp_ms": [t for t, _ in samples], "power_w": [w for _, w in samples]}
    return encode(message_type="power", samples=columns, **({"meter": {"cluster": cluster}} if cluster else {}))


def topology(
    hosts: int, *, idle_w: float = 50.0, group: str = "H", extra_groups: int = 0, carbon_path: str | None = None
) -> dict[str, Any]:
    def entry(name: str, count: int) -> dict[str, Any]:
        cpu = {"coreCount": 4, "coreSpeed": 1000}
        model: dict[str, Any] = {"modelType": "linear", "power": 300.0, "idlePower": idle_w, "maxPower": idle_w + 100}
        return {"name": name, "count": count, "cpu": cpu, "memory": {"memorySize": 1024}, "cpuPowerModel": model}

    cluster: dict[str, Any] = {"name": "C", "hosts": [entry(group, hosts), *(entry(f"X{i}", 1) for i in range(extra_groups))]}
    if carbon_path is not None:
        cluster["powerSource"] = {"carbonTracePath": carbon_path}
    return {"clusters": [cluster]}


def snapshot(time_ms: int, document: dict[str, Any], carbon: dict[str, Any] | None = None) -> bytes:
    body: dict[str, Any] = {"message_type": "topology-snapshot", "timestamp": times.iso(time_ms), "topology": document}
    return encode(**body, **({"carbon": carbon} if carbon else {}))
