"""Reading topics without a consumer group: ranges, single offsets, and following to the end. Nothing is ever committed here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from types import TracebackType
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from opendt_streams.broker import bootstrap_servers
from opendt_streams.errors import HistoryGone
from opendt_streams.settings import KafkaSettings
from opendt_streams.wire.record import Record
from opendt_streams.wire.topics import MAX_RECORD_BYTES

_POLL_MS: Final = 200
_LONGEST_FETCH_MS: Final = 20  # at the end of a topic the broker holds a fetch this long, and the next topic's waits behind it
_FETCH_BYTES: Final = 2 * MAX_RECORD_BYTES


class LogReader:
    """A reader over the topics of one deployment.

    async with LogReader(url, kafka) as log:
        async for record in log.read("sim.results", 0): ...
    """

    def __init__(self, url: str, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self._consumer: Any = AIOKafkaConsumer(
            bootstrap_servers=bootstrap_servers(url),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none",
            fetch_max_bytes=_FETCH_BYTES,
            max_partition_fetch_bytes=_FETCH_BYTES,
            fetch_max_wait_ms=_LONGEST_FETCH_MS,
        )

    async def __aenter__(self) -> LogReader:
        await self._consumer.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._consumer.stop()

    async def end(self, topic: str, partition: int = 0) -> int:
        """The offset that the next record will have."""
        tp = self._tp(topic, partition)
        return int((await self._consumer.end_offsets([tp]))[tp])

    async def start(self, topic: str, partition: int = 0) -> int:
        """The offset of the oldest record that is still there."""
        tp = self._tp(topic, partition)
        return int((await self._consumer.beginning_offsets([tp]))[tp])

    async def read(self, topic: str, partition: int = 0, start: int = 0, stop: int | None = None) -> AsyncIterator[Record]:
        """Records with start <= offset < stop (default: the end as it is now), in order.

        Raises:
            HistoryGone: the topic no longer holds `start`.
        """
        stop = await self.end(topic, partition) if stop is None else stop
        if start >= stop:
            return
        await self._seek(topic, partition, start)
        tp = self._tp(topic, partition)
        while await self._consumer.position(tp) < stop:
            for raw in (await self._consumer.getmany(tp, timeout_ms=_POLL_MS)).get(tp, ()):
                if raw.offset >= stop:
                    return
                yield self._record(topic, raw)

    async def read_offsets(self, topic: str, partition: int, offsets: Sequence[int]) -> dict[int, Record]:
        """The records at these ascending offsets. Neighbours are read in one go; far ones are sought.

        Raises:
            HistoryGone: one of them is not there any more.
        """
        found: dict[int, Record] = {}
        for first, last in _runs(offsets):
            async for record in self.read(topic, partition, first, last + 1):
                found[record.offset] = record
        missing = [o for o in offsets if o not in found]
        if missing:
            raise HistoryGone(f"{topic} no longer holds offset {missing[0]}, which the stored state refers to")
        return {o: found[o] for o in offsets}

    async def follow(self, topic: str, partition: int = 0, start: int = 0) -> AsyncIterator[Record]:
        """Records from `start` on, for ever."""
        await self._seek(topic, partition, start)
        tp = self._tp(topic, partition)
        while True:
            for raw in (await self._consumer.getmany(tp, timeout_ms=_POLL_MS)).get(tp, ()):
                yield self._record(topic, raw)

    async def _seek(self, topic: str, partition: int, start: int) -> None:
        tp = self._tp(topic, partition)
        oldest = await self.start(topic, partition)
        if start < oldest:
            raise HistoryGone(
                f"{topic} begins at offset {oldest} now, offset {start} is gone", hint="Retention has eaten what the state still needs."
            )
        self._consumer.assign([tp])
        self._consumer.seek(tp, start)

    def _tp(self, topic: str, partition: int) -> TopicPartition:
        return TopicPartition(self._kafka.topic(topic), partition)

    @staticmethod
    def _record(topic: str, raw: Any) -> Record:
        return Record(topic, raw.partition, raw.offset, raw.key, raw.value, tuple(raw.headers), raw.timestamp)


def _runs(offsets: Iterable[int], largest_gap: int = 50) -> list[tuple[int, int]]:
    """(first, last) of stretches in which no gap is larger than what a seek would cost."""
    runs: list[tuple[int, int]] = []
    for offset in offsets:
        if runs and offset - runs[-1][1] <= largest_gap:
            runs[-1] = (runs[-1][0], offset)
        else:
            runs.append((offset, offset))
    return runs
