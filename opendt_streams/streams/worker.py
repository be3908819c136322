"""What the Faust workers share: partitions come and go, every message is delivered or the process ends.

An exception that leaves a Faust agent is swallowed and its event acknowledged, so nothing may leave: the worker exits instead, its
supervisor starts it again, and the new one goes on from stored state. Crash-only: the way down after an error is that of a `kill -9`.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Mapping
from typing import Any, Generic, TypeVar

import structlog

from opendt_streams.errors import OpenDTError
from opendt_streams.streams.app import App
from opendt_streams.streams.clock import now_ms
from opendt_streams.streams.deployment import Deployment
from opendt_streams.streams.log import LogReader
from opendt_streams.streams.partition import Lifecycle, Partition
from opendt_streams.streams.publisher import Publisher
from opendt_streams.streams.started import announce
from opendt_streams.twin.machine import Machine
from opendt_streams.wire.headers import OURS
from opendt_streams.wire.record import Record

M = TypeVar("M", bound=Machine)
log = structlog.get_logger()

SOFTWARE_ERROR = 70  # of sysexits.h: an error that is ours


class Worker(Generic[M]):
    """Partitions of one Faust application, and the machines in them."""

    def __init__(self, service: str, app: App, lifecycle: Lifecycle[M]) -> None:
        self.service, self.app, self._lifecycle = service, app, lifecycle
        self.deployment: Deployment = app.deployment
        self.publisher = make_publisher(service, self.deployment)
        self.partitions: dict[int, Partition[M]] = {}
        self._ready = asyncio.Event()
        self._restoring: set[asyncio.Task[None]] = set()
        app.on_partitions_assigned.connect(self._assigned)
        app.on_rebalance_complete.connect(self._recovered)
        app.task(self._start)

    def open_log(self) -> LogReader:
        return LogReader(self.deployment.url, self.deployment.settings.kafka)

    async def deliver(self, topic: str, stream: Any) -> None:
        """Deliver every message of an agent's stream; does not return."""
        async for record in self._records(topic, stream):
            await self.or_exit(self._partition(record.partition).deliver(record))

    async def _records(self, topic: str, stream: Any) -> AsyncIterator[Record]:
        await self._ready.wait()
        async for event in stream.events():
            message = event.message
            yield Record(
                topic,
                message.partition,
                message.offset,
                message.key,
                message.value,
                _pairs(message.headers),
                int((message.timestamp or 0) * 1000),
            )

    def _partition(self, number: int) -> Partition[M]:
        if number not in self.partitions:
            self.partitions[number] = Partition(number, self._lifecycle, self.open_log, self.publisher)
        return self.partitions[number]

    async def _start(self) -> None:
        """Before the first message: be able to send, and have said with which configuration."""
        await self.or_exit(self._prepare())

    async def _prepare(self) -> None:
        await self.publisher.start()
        async with self.open_log() as reader:
            await announce(self.service, self.deployment, self.publisher, reader)
        self._ready.set()

    async def _assigned(self, _app: App, assigned: set[Any], **_: Any) -> None:
        """What is in memory may be stale: a partition that leaves and comes back was somebody else's meanwhile."""
        self.partitions.clear()
        log.info("partitions assigned", service=self.service, partitions=sorted({tp.partition for tp in assigned}))

    async def _recovered(self, app: App, **_: Any) -> None:
        """Tables are there: restore now, for there may be no further message that would make us (all of them are committed)."""
        names = {self.deployment.topic(t) for t in self._lifecycle.reads}
        for number in sorted({tp.partition for tp in app.consumer.assignment() if tp.topic in names}):
            task = asyncio.get_running_loop().create_task(self._restore(number))
            self._restoring.add(task)
            task.add_done_callback(self._restoring.discard)

    async def _restore(self, number: int) -> None:
        await self._ready.wait()
        await self.or_exit(self._partition(number).ensure_restored())

    async def read_to_end(self, partition: Partition[M], topic: str) -> bool:
        """Whether the partition's machines have everything that the topic holds now."""
        if not partition.positions:
            return False
        async with self.open_log() as reader:
            return partition.positions[topic] >= await reader.end(topic, partition.number)

    async def or_exit(self, work: Awaitable[None]) -> None:
        """Do it, or end the process."""
        try:
            await work
        except asyncio.CancelledError:
            raise
        except OpenDTError as error:
            leave(error.exit_code, self.service, str(error))
        except BaseException as error:
            log.exception("crashed", service=self.service)
            leave(SOFTWARE_ERROR, self.service, repr(error))


def _pairs(headers: Any) -> tuple[tuple[str, bytes], ...]:
    """Headers as Faust may have them: pairs, a mapping, or nothing."""
    return tuple(headers.items() if isinstance(headers, Mapping) else headers or ())


def leave(code: int, service: str, reason: str) -> None:
    """End the process at once, without the clean-up that would acknowledge the message at hand."""
    log.error("stopped", service=service, reason=reason)
    sys.stderr.flush()
    os._exit(code)


def make_publisher(service: str, deployment: Deployment) -> Publisher:
    return Publisher(deployment.url, deployment.settings.kafka, source=OURS + service, now_ms=now_ms)
