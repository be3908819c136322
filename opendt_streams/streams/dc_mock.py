"""dc-mock: replays a workload directory onto the dc topics, in place of a real datacenter.

One clock, one merged stream (`workload.replay` says what is due when), at any speed at most `max_ahead` before the results. Without state:
after a restart it counts what it finds on the topics and goes on from there.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Final

import structlog

from opendt_streams.broker import declare
from opendt_streams.errors import BadConfiguration, BadInput
from opendt_streams.model import times
from opendt_streams.model.canonical import sha256_hex
from opendt_streams.streams.deployment import Deployment
from opendt_streams.streams.log import LogReader
from opendt_streams.streams.publisher import Publisher
from opendt_streams.streams.worker import make_publisher
from opendt_streams.wire import encode, topics
from opendt_streams.wire import headers as h
from opendt_streams.wire.messages import Message, ResultRecorded, ResultsEnded
from opendt_streams.workload.reader import Workload, read_workload
from opendt_streams.workload.replay import EndItem, HeartbeatItem, Item, PowerItem, ReplaySettings, SnapshotItem, TaskItem, replay

SERVICE: Final = "dc-mock"
_TAIL: Final = 200
_KINDS: Final[dict[type[Item], str]] = {
    SnapshotItem: "topology-snapshot",
    TaskItem: "task",
    PowerItem: "power",
    HeartbeatItem: "heartbeat",
    EndItem: "end",
}

log = structlog.get_logger()


class DcMock:
    def __init__(self, deployment: Deployment, workload: Workload, publisher: Publisher) -> None:
        self._deployment, self._workload, self._publisher = deployment, workload, publisher
        settings = deployment.settings.workload
        self._plan = ReplaySettings(settings.heartbeat, settings.power_batch, settings.until)
        self._first_ms = next(replay(workload, self._plan)).time_ms
        self._snapshot = encode.snapshot_message(self._first_ms, workload.topology, workload.carbon, workload.unmodelled)
        self._snapshot_digest = sha256_hex(self._snapshot)

    async def run(self) -> None:
        """Send everything that is not on the topics yet."""
        sent = await self._sent()
        begun: tuple[int, float] | None = None  # event time and wall time of the first message of this life
        async with Ahead(self._deployment, self._first_ms) as ahead:
            for item in replay(self._workload, self._plan, sent):
                if not isinstance(item, EndItem):
                    await ahead.wait_until(item.time_ms, self._publisher)
                begun = begun or (item.time_ms, time.monotonic())
                await self._wait_for_clock(item.time_ms, *begun)
                await self._send(item, sent[item.topic])
                sent[item.topic] += 1
        await self._publisher.acknowledged()
        log.info("everything is sent", service=SERVICE, messages=sum(sent.values()))

    async def _sent(self) -> dict[str, int]:
        """How many messages of ours each topic holds; others' (a silence, a person's) do not count."""
        async with LogReader(self._deployment.url, self._deployment.settings.kafka) as reader:
            return {topic: await self._sent_on(reader, topic) for topic in topics.DATACENTER_TOPICS}

    async def _sent_on(self, reader: LogReader, topic: str) -> int:
        deployment = self._deployment
        partition, key = deployment.partition, deployment.datacenter.encode()
        end, start = await reader.end(topic, partition), await reader.start(topic, partition)
        tail = _TAIL
        while end > start:
            begin = max(start, end - tail)
            read = reader.read(topic, partition, begin, end)
            ours = [int(r.headers[h.SEQUENCE]) async for r in read if h.SEQUENCE in r.headers and r.key == key]
            if ours or begin == start:
                return max(ours, default=-1) + 1
            tail *= 4
        return 0

    async def _wait_for_clock(self, time_ms: int, first_ms: int, started: float) -> None:
        """At a finite speed a message is due at its share of the simulated time since the first one."""
        speed = self._deployment.settings.workload.speed
        if speed is not None and (early := started + (time_ms - first_ms) / times.SECOND / speed - time.monotonic()) > 0:
            await asyncio.sleep(early)

    async def _send(self, item: Item, sequence: int) -> None:
        value = self._value(item)
        kind = _KINDS[type(item)]
        datacenter, partition = self._deployment.datacenter, self._deployment.partition
        identity = f"{datacenter}|{item.topic}|{sequence}"
        await self._publisher.send_bytes(item.topic, value, identity, kind, datacenter, partition, {h.SEQUENCE: str(sequence)})
        if isinstance(item, SnapshotItem):
            await self._publisher.acknowledged()  # before any heartbeat names it (PROTOCOL 5.3)

    def _value(self, item: Item) -> bytes:
        match item:
            case SnapshotItem():
                return self._snapshot
            case TaskItem(index=index):
                return self._task(index)
            case PowerItem(start=start, stop=stop):
                power = self._workload.power
                assert power is not None  # only then are there such items
                meters = [power.meters[i] for i in power.meter[start:stop].tolist()]
                return encode.power_message(power.time_ms[start:stop], power.power_w[start:stop], meters)
            case HeartbeatItem(topic=topics.WORKLOAD, time_ms=time_ms):
                return encode.heartbeat_message(time_ms, self._snapshot_digest)
            case HeartbeatItem(time_ms=time_ms):
                return encode.heartbeat_message(time_ms)
            case EndItem():
                return encode.end_message()

    def _task(self, index: int) -> bytes:
        task = self._workload.tasks.task(index)
        message = encode.task_message(task)
        if len(message) > topics.MAX_VALUE_BYTES:
            raise BadInput(
                f"task {task.id} makes a message of {len(message)} bytes, more than the {topics.MAX_VALUE_BYTES} that a topic takes",
                hint="Split the task, or merge fragments of equal demand.",
            )
        return message


class Ahead:
    """How far the results are, and waiting until a message is at most `max_ahead` before them (PROTOCOL 7.5)."""

    def __init__(self, deployment: Deployment, first_ms: int) -> None:
        self._deployment = deployment
        self._max_ahead_ms = deployment.settings.workload.max_ahead
        self._limit_ms: float = first_ms + self._max_ahead_ms
        self._moved = asyncio.Event()
        self._following: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Ahead:
        self._following = asyncio.get_running_loop().create_task(self._follow())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._following is not None
        self._following.cancel()
        await asyncio.gather(self._following, return_exceptions=True)

    async def wait_until(self, time_ms: int, publisher: Publisher) -> None:
        """Return when a message of this time may be sent."""
        assert self._following is not None
        if time_ms > self._limit_ms:
            await publisher.acknowledged()  # nothing of ours may be what the results wait for
        while time_ms > self._limit_ms:
            self._moved.clear()  # at once after looking: what moves from here on wakes us
            moved = asyncio.get_running_loop().create_task(self._moved.wait())
            await asyncio.wait({moved, self._following}, return_when=asyncio.FIRST_COMPLETED)
            moved.cancel()
            if self._following.done():
                self._following.result()

    async def _follow(self) -> None:
        async with LogReader(self._deployment.url, self._deployment.settings.kafka) as reader:
            async for record in reader.follow(topics.RESULTS, self._deployment.partition):
                if self._deployment.datacenter_of(record.key) == self._deployment.datacenter:
                    limit_ms = _done_ms(record.message()) + self._max_ahead_ms
                    if limit_ms > self._limit_ms:
                        self._limit_ms = limit_ms
                        self._moved.set()


def _done_ms(said: Message) -> float:
    """The event time up to which everything is simulated, by one message of sim.results."""
    match said:
        case ResultRecorded(result):
            return result.window_end_ms
        case ResultsEnded():
            return float("inf")
        case _:
            return float("-inf")  # what is no result says nothing; the calibrator makes it a dead letter


async def run(deployment: Deployment) -> None:
    """Replay the configured workload to its end.

    Raises:
        BadInput: the workload directory is not one; nothing was sent.
    """
    directory = deployment.settings.workload.directory
    if directory is None:
        raise BadConfiguration("no workload to replay", where="workload.directory", hint="Give --workload DIR.")
    workload = read_workload(Path(directory))
    await declare(deployment.url, deployment.topic_settings(), deployment.settings.kafka.partitions)
    publisher = make_publisher(SERVICE, deployment)
    await publisher.start()
    try:
        await DcMock(deployment, workload, publisher).run()
    finally:
        await publisher.stop()
