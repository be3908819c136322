"""A run folder with a Kafka log of its own, as `opendt run` leaves it, made of the records of a run over a shared broker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from aiokafka import AIOKafkaProducer

from opendt_streams.broker import bootstrap_servers, declare, embedded_broker
from opendt_streams.settings import effective_document, load
from opendt_streams.streams.deployment import CONFIG_FILE, Deployment
from tests.integration.streams.harness import DATACENTER, Logs


async def make_run(folder: Path, logs: Logs, settings: dict[str, Any]) -> Path:
    """The folder; its Kafka has stopped in peace."""
    folder.mkdir()
    document = effective_document(load(None, {"datacenter": DATACENTER, **settings}).settings)
    (folder / CONFIG_FILE).write_text(yaml.safe_dump(document), encoding="utf-8")
    with embedded_broker(folder, quiet=True) as broker:
        deployment = Deployment(folder, load(folder / CONFIG_FILE).settings, broker.url)
        await declare(broker.url, deployment.topic_settings(), 1)
        await append(broker.url, [record for log in logs.values() for record in log])
    return folder


async def append(url: str, records: list[Any]) -> None:
    """Records as they were, but for their offsets."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap_servers(url), max_request_size=2**24)
    await producer.start()
    try:
        for r in records:
            sent = await producer.send(r.topic, r.value, key=r.key, partition=0, timestamp_ms=r.timestamp_ms, headers=list(r.raw_headers))
        await sent
    finally:
        await producer.stop()
