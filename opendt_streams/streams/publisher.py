"""Sending what a machine says: canonical bytes, CloudEvents headers, and knowing what the broker has acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

from aiokafka import AIOKafkaProducer

from opendt_streams.broker import bootstrap_servers
from opendt_streams.model import times
from opendt_streams.model.canonical import JSON, canonical
from opendt_streams.settings import KafkaSettings
from opendt_streams.twin.outputs import DeadLetter, Publish
from opendt_streams.wire import headers as h
from opendt_streams.wire import topics
from opendt_streams.wire.system import dead_letter_value

_MOST_UNACKNOWLEDGED: Final = 200
_LINGER_MS: Final = 2  # a decision takes three hops, each waits this long: small, since the twin's own messages are few


class Publisher:
    """A producer whose records carry who wrote them and with which configuration. Order per partition is kept over retries."""

    def __init__(self, url: str, kafka: KafkaSettings, *, source: str, now_ms: Callable[[], int], config_digest: str = "") -> None:
        self._kafka, self._source, self._now_ms, self.config_digest = kafka, source, now_ms, config_digest
        self._unacknowledged: set[asyncio.Future[Any]] = set()
        self._failed: BaseException | None = None
        self._url = url
        self._producer: Any = None

    async def start(self) -> None:
        self._producer = AIOKafkaProducer(
            bootstrap_servers=bootstrap_servers(self._url),
            acks="all",
            enable_idempotence=True,
            linger_ms=_LINGER_MS,
            max_request_size=topics.MAX_RECORD_BYTES,
            request_timeout_ms=60_000,
        )
        await self._producer.start()

    async def stop(self) -> None:
        await self._producer.stop()

    async def publish(self, output: Publish, datacenter: str, partition: int) -> None:
        """Send a machine's record. A decision goes out only after everything before it is acknowledged (PROTOCOL 7.2)."""
        if output.topic == topics.CALIBRATION:
            await self.acknowledged()
        await self.send(output.topic, output.id, output.kind, output.value, datacenter, partition, output.headers)

    async def dead_letter(self, letter: DeadLetter, raw: bytes | None, datacenter: str, partition: int) -> None:
        value = dead_letter_value(letter.topic, partition, letter.offset, letter.reason, raw)
        await self.send(topics.DEAD_LETTER, str(value["id"]), "dead-letter", value, datacenter, partition, {})

    async def send(
        self,
        topic: str,
        identity: str,
        kind: str,
        value: Mapping[str, JSON],
        datacenter: str,
        partition: int,
        headers: Mapping[str, str],
    ) -> None:
        await self.send_bytes(topic, canonical(value), identity, kind, datacenter, partition, headers)

    async def send_bytes(
        self, topic: str, value: bytes, identity: str, kind: str, datacenter: str, partition: int, headers: Mapping[str, str]
    ) -> None:
        """Enqueue a record; waits only when much is under way."""
        if len(self._unacknowledged) >= _MOST_UNACKNOWLEDGED:
            await self.acknowledged()
        event = h.cloud_event(event_id=identity, event_type=kind, source=self._source, time=times.iso(self._now_ms()))
        config = {h.CONFIG: self.config_digest} if self.config_digest else {}
        future = await self._producer.send(
            self._kafka.topic(topic),
            value,
            key=datacenter.encode(),
            partition=partition,
            headers=h.to_kafka({**event, **config, **headers}),
        )
        self._unacknowledged.add(future)
        future.add_done_callback(self._settled)

    async def acknowledged(self) -> None:
        """Return when the broker has everything that was sent so far; raise if it refused anything."""
        while self._unacknowledged:
            await asyncio.wait(self._unacknowledged)
        if self._failed is not None:
            raise self._failed

    def _settled(self, future: asyncio.Future[Any]) -> None:
        self._unacknowledged.discard(future)
        if not future.cancelled() and (error := future.exception()) is not None:
            self._failed = self._failed or error
