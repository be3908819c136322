"""Following the topics: one own reader per topic and partition, no group, nothing committed. A broker that goes away is waited for."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from typing import Final

import structlog
from aiokafka.errors import KafkaError

from opendt_streams.errors import OpenDTError
from opendt_streams.projection.datacenter import Datacenter
from opendt_streams.projection.projection import FOLLOWED, Projection
from opendt_streams.streams.deployment import Deployment
from opendt_streams.streams.log import LogReader
from opendt_streams.wire.record import Record

_AGAIN_S: Final = 1.0
_BREATH: Final = 200  # records, after which requests get their turn

log = structlog.get_logger()
Watch = Callable[[Record, Datacenter | None], None]


class Follower:
    """Reads what is there, topic after topic, then goes on as records come. `ready` when it has once had everything."""

    def __init__(self, deployment: Deployment, projection: Projection, watch: Watch) -> None:
        self._deployment, self._projection, self._watch = deployment, projection, watch
        self._next: dict[tuple[str, int], int] = defaultdict(int)
        self.ready = asyncio.Event()
        self.connected = False

    async def run(self) -> None:
        """Does not return."""
        while True:
            try:
                await self._catch_up()
                self.connected = True
                self.ready.set()
                await self._follow()
            except (KafkaError, OSError, OpenDTError) as error:
                self.connected = False
                log.warning("the topics cannot be read; trying again", reason=str(error))
                await asyncio.sleep(_AGAIN_S)

    async def _catch_up(self) -> None:
        async with self._reader() as reader:
            for partition in range(self._deployment.settings.kafka.partitions):
                for topic in FOLLOWED:
                    start = max(self._next[topic, partition], await reader.start(topic, partition))
                    await self._take_all(reader.read(topic, partition, start))

    async def _follow(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for partition in range(self._deployment.settings.kafka.partitions):
                for topic in FOLLOWED:
                    tasks.create_task(self._follow_one(topic, partition))

    async def _follow_one(self, topic: str, partition: int) -> None:
        async with self._reader() as reader:
            start = max(self._next[topic, partition], await reader.start(topic, partition))
            await self._take_all(reader.follow(topic, partition, start))

    async def _take_all(self, records: AsyncIterator[Record]) -> None:
        async for record in records:
            self._next[record.topic, record.partition] = record.offset + 1
            self._watch(record, self._projection.take(record))
            if record.offset % _BREATH == 0:
                await asyncio.sleep(0)

    def _reader(self) -> LogReader:
        return LogReader(self._deployment.url, self._deployment.settings.kafka)
