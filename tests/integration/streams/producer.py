"""Somebody else's Kafka client: a plain producer that knows nothing of this project."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka import AIOKafkaProducer

from opendt_streams.broker import bootstrap_servers
from tests.integration.streams.harness import Twin

_NO_LIMIT_OF_ITS_OWN: Final = 64 * 2**20


class Producer:
    """Sends to the topics of a twin, each in order."""

    def __init__(self, twin: Twin, kafka: Any) -> None:
        self._twin, self._kafka = twin, kafka
        self._under_way: list[asyncio.Future[Any]] = []

    async def send(self, topic: str, value: bytes | None, key: bytes | None = None, headers: dict[str, str] | None = None) -> None:
        pairs = [(name, text.encode()) for name, text in (headers or {}).items()]
        name = self._twin.deployment.topic(topic)
        self._under_way.append(await self._kafka.send(name, value, key=key, headers=pairs, partition=0))

    async def arrived(self) -> list[int]:
        """The offsets of what was sent since the last call. Raises what the broker refused it with."""
        sent, self._under_way = self._under_way, []
        return [metadata.offset for metadata in await asyncio.gather(*sent)]


@asynccontextmanager
async def producer(twin: Twin) -> AsyncIterator[Producer]:
    kafka = AIOKafkaProducer(
        bootstrap_servers=bootstrap_servers(twin.deployment.url), acks="all", linger_ms=10, max_request_size=_NO_LIMIT_OF_ITS_OWN
    )
    await kafka.start()
    try:
        yield Producer(twin, kafka)
    finally:
        await kafka.stop()
