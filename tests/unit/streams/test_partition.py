"""Each message once and in order, whatever Faust brings: without a broker, on a log in memory."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from typing import Any, ClassVar, cast

import pytest

from opendt_streams.errors import HistoryGone
from opendt_streams.streams.log import LogReader
from opendt_streams.streams.partition import Partition
from opendt_streams.streams.publisher import Publisher
from opendt_streams.twin.machine import Machine
from opendt_streams.twin.outputs import DeadLetter, Output, Publish
from opendt_streams.wire import topics
from opendt_streams.wire.messages import Heartbeat, Message
from opendt_streams.wire.record import Record

A, B = topics.WORKLOAD, topics.POWER


class Log:
    """Topics in memory, read as `LogReader` reads them."""

    def __init__(self) -> None:
        self.records: dict[str, list[Record]] = defaultdict(list)
        self.reads: list[tuple[str, int, int]] = []

    def append(self, topic: str, value: bytes, key: str = "dc") -> Record:
        record = Record(topic, 0, len(self.records[topic]), key.encode(), value, (), 0)
        self.records[topic].append(record)
        return record

    def beat(self, topic: str, second: int, key: str = "dc") -> Record:
        return self.append(topic, f'{{"message_type":"heartbeat","timestamp":{second * 1000}}}'.encode(), key)

    async def __aenter__(self) -> Log:
        return self

    async def __aexit__(self, *_: object) -> None:
        return

    async def end(self, topic: str, _: int) -> int:
        return len(self.records[topic])

    async def read(self, topic: str, _: int, start: int, stop: int) -> AsyncIterator[Record]:
        self.reads.append((topic, start, stop))
        for record in self.records[topic][start:stop]:
            yield record

    async def read_offsets(self, topic: str, _: int, offsets: Sequence[int]) -> dict[int, Record]:
        return {o: self.records[topic][o] for o in offsets}


class Echo(Machine):
    """Publishes every time it reads, and refuses what is no heartbeat, one message later."""

    reads: ClassVar = (A, B)
    name: ClassVar = "echo"

    def __init__(self, datacenter: str) -> None:
        super().__init__(datacenter)
        self.taken: list[tuple[str, int]] = []
        self.refused: DeadLetter | None = None

    def _take(self, topic: str, offset: int, message: Message) -> None:
        self.taken.append((topic, offset))
        if self.refused is not None:
            self._outputs.append(self.refused)
            self.refused = None
        if isinstance(message, Heartbeat):
            self._publish(topics.RESULTS, f"{topic}|{offset}", "echo", {"time": message.time_ms})
        else:
            self.refused = DeadLetter(topic, offset, "no heartbeat")

    def _go(self) -> None:
        return


class Sent:
    """Stands in for the producer."""

    def __init__(self) -> None:
        self.published: list[tuple[str, str]] = []
        self.dead: list[tuple[DeadLetter, bytes | None]] = []

    async def publish(self, output: Publish, datacenter: str, _: int) -> None:
        self.published.append((datacenter, output.id))

    async def dead_letter(self, letter: DeadLetter, raw: bytes | None, *_: Any) -> None:
        self.dead.append((letter, raw))


class Lifecycle:
    reads = Echo.reads
    long_steps = False

    def __init__(self) -> None:
        self.stored: dict[str, Echo] = {}
        self.steps: list[bool] = []
        self.restores = 0

    async def restore_all(self, _: int, __: LogReader) -> dict[str, Echo]:
        self.restores += 1
        return dict(self.stored)

    def create(self, datacenter: str) -> Echo:
        return Echo(datacenter)

    def datacenter_of(self, key: bytes | None) -> str:
        return (key or b"dc").decode()

    async def stepped(self, _: dict[str, Echo], __: Echo, ___: int, ____: list[Output], in_event: bool) -> None:
        self.steps.append(in_event)


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def sent() -> Sent:
    return Sent()


@pytest.fixture
def lifecycle() -> Lifecycle:
    return Lifecycle()


@pytest.fixture
def partition(log: Log, sent: Sent, lifecycle: Lifecycle) -> Partition[Echo]:
    return Partition(0, lifecycle, lambda: cast(LogReader, log), cast(Publisher, sent))


async def test_the_first_message_restores_and_everything_on_the_topics_is_read_first(partition: Partition[Echo], log: Log) -> None:
    log.beat(A, 1)
    log.beat(B, 1)
    await partition.deliver(log.beat(A, 2))
    assert set(partition.machines["dc"].taken) == {(A, 0), (A, 1), (B, 0)}


async def test_without_any_message_it_can_be_restored_and_speaks(partition: Partition[Echo], log: Log, sent: Sent) -> None:
    """Faust may have committed everything before a kill: nothing more is delivered, and the twin must go on all the same."""
    log.beat(A, 1)
    await partition.ensure_restored()
    assert sent.published == [("dc", f"{A}|0")]


async def test_what_was_read_before_is_skipped(partition: Partition[Echo], log: Log, sent: Sent) -> None:
    first = log.beat(A, 1)
    for record in (first, log.beat(A, 2), first):
        await partition.deliver(record)
    assert [identity for _, identity in sent.published] == [f"{A}|0", f"{A}|1"]


async def test_a_gap_is_read_before_what_lies_behind_it(partition: Partition[Echo], log: Log) -> None:
    await partition.deliver(log.beat(A, 1))
    log.beat(A, 2)
    log.beat(A, 3)
    await partition.deliver(log.beat(A, 4))
    assert partition.machines["dc"].taken == [(A, 0), (A, 1), (A, 2), (A, 3)]


async def test_a_stored_machine_is_read_on_from_its_next_offsets(partition: Partition[Echo], log: Log, lifecycle: Lifecycle) -> None:
    for second in range(4):
        log.beat(A, second)
    stored = Echo("dc")
    stored.next[A] = 3
    lifecycle.stored["dc"] = stored
    await partition.ensure_restored()
    assert stored.taken == [(A, 3)]
    assert (A, 3, 4) in log.reads


async def test_it_restores_once(partition: Partition[Echo], log: Log, lifecycle: Lifecycle) -> None:
    for second in range(3):
        await partition.deliver(log.beat(A, second))
    await partition.ensure_restored()
    assert lifecycle.restores == 1


async def test_tables_are_written_only_in_events(partition: Partition[Echo], log: Log, lifecycle: Lifecycle) -> None:
    log.beat(A, 1)
    await partition.ensure_restored()
    await partition.deliver(log.beat(A, 2))
    assert lifecycle.steps == [False, True]


async def test_datacenters_of_one_partition_are_kept_apart(partition: Partition[Echo], log: Log, sent: Sent) -> None:
    for second, key in enumerate(("one", "two", "one")):
        await partition.deliver(log.beat(A, second, key))
    assert sent.published == [("one", f"{A}|0"), ("two", f"{A}|1"), ("one", f"{A}|2")]


async def test_a_dead_letter_carries_the_bytes_even_when_it_comes_later(partition: Partition[Echo], log: Log, sent: Sent) -> None:
    await partition.deliver(log.append(A, b"broken"))
    await partition.deliver(log.beat(B, 1))
    assert sent.dead == [(DeadLetter(A, 0, "no heartbeat"), b"broken")]


async def test_what_is_gone_is_never_passed_over(partition: Partition[Echo], log: Log, lifecycle: Lifecycle) -> None:
    async def gone(_: int, __: LogReader) -> dict[str, Echo]:
        raise HistoryGone("dc.workload begins at offset 7 now")

    lifecycle.restore_all = gone  # type: ignore[method-assign]
    with pytest.raises(HistoryGone):
        await partition.deliver(log.beat(A, 1))
    assert partition.positions == {}


async def test_a_long_step_is_made_beside_the_event_loop(partition: Partition[Echo], lifecycle: Lifecycle, log: Log, sent: Sent) -> None:
    lifecycle.long_steps = True
    made_in: list[threading.Thread] = []

    class Slow(Echo):
        def _go(self) -> None:
            made_in.append(threading.current_thread())

    lifecycle.stored["dc"] = Slow("dc")
    await partition.deliver(log.beat(A, 1))
    assert [t is threading.main_thread() for t in made_in] == [False]
    assert sent.published == [("dc", f"{A}|0")]
