"""A datacenter of somebody else: feeds the dc topics of an external run with what a test wants to have said."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer

from opendt_streams.broker.address import bootstrap_servers
from opendt_streams.model import times
from tests.e2e.command import Running

T0 = times.parse("2024-03-04T00:00:00Z")
HOST: dict[str, Any] = {
    "name": "H",
    "count": 4,
    "cpu": {"coreCount": 16, "coreSpeed": 2100},
    "memory": {"memorySize": 100_000},
    "cpuPowerModel": {"modelType": "linear", "power": 400.0, "idlePower": 100.0, "maxPower": 200.0},
}
TOPOLOGY: dict[str, Any] = {"clusters": [{"name": "C", "hosts": [HOST]}]}


def message(kind: str, time_ms: int | None = None, **more: Any) -> bytes:
    stamped = {} if time_ms is None else {"timestamp": times.iso(time_ms)}
    return json.dumps({"message_type": kind, **stamped, **more}).encode()


def feed(run: Running, said: Mapping[str, Sequence[bytes]]) -> None:
    """Send it all, topic by topic in the order given, once the run's topics are there."""
    services = run.run_dir / "services.json"
    run.until(lambda: services.exists() and "recorder" in run.pids(), "its services")
    url = _broker(run.run_dir)
    asyncio.run(_send(bootstrap_servers(url), said))


def _broker(run_dir: Path) -> str:
    return str(json.loads((run_dir / "broker.json").read_text())["url"])


async def _send(servers: list[str], said: Mapping[str, Sequence[bytes]]) -> None:
    async with AIOKafkaProducer(bootstrap_servers=servers) as producer:
        for topic, values in said.items():
            for value in values:
                await producer.send_and_wait(topic, value, key=b"dc")
