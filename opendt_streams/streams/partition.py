"""The machines of one partition: restored after an assignment, then fed each message of each topic exactly once, in order.

What makes at-least-once delivery once in effect (PROTOCOL 7):

1. `restore` builds each machine from its stored state, which names the next offset of every topic.
2. Everything from there to the end of each topic is read by an own reader, whatever the consumer group has committed.
3. `deliver` then takes what Faust brings: what is behind is skipped, what is further ahead than the next is read up to first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from opendt_streams.streams.in_thread import in_thread
from opendt_streams.streams.log import LogReader
from opendt_streams.streams.publisher import Publisher
from opendt_streams.streams.saying import Saying
from opendt_streams.twin.machine import Machine
from opendt_streams.twin.outputs import DeadLetter, Output, Publish
from opendt_streams.wire.record import Record

M = TypeVar("M", bound=Machine)


class Lifecycle(Protocol[M]):
    """What differs between services: where a machine's state is stored, and what follows an input."""

    @property
    def reads(self) -> tuple[str, ...]: ...

    @property
    def long_steps(self) -> bool:
        """Whether a step may take long enough to be done beside the event loop (PROTOCOL 7.4)."""

    async def restore_all(self, partition: int, log: LogReader) -> dict[str, M]:
        """All machines of the partition for which something is stored, by datacenter."""

    def create(self, datacenter: str) -> M:
        """A machine for a datacenter that nothing is known of."""

    def datacenter_of(self, key: bytes | None) -> str:
        """Whose message this is."""

    async def stepped(self, machines: dict[str, M], machine: M, partition: int, outputs: list[Output], in_event: bool) -> None:
        """After an input of one of the partition's machines: what is to be stored.

        Faust tables can be written only while it handles an event (`in_event`).
        """


class Partition(Generic[M]):
    def __init__(self, number: int, lifecycle: Lifecycle[M], open_log: Callable[[], LogReader], publisher: Publisher) -> None:
        self.number, self._lifecycle, self._open_log, self._publisher = number, lifecycle, open_log, publisher
        self.machines: dict[str, M] = {}
        self.positions: dict[str, int] = {}  # next offset per topic; empty until restored
        self._one_at_a_time = asyncio.Lock()
        self._saying = Saying()

    async def ensure_restored(self) -> None:
        async with self._one_at_a_time:
            await self._restore()

    async def deliver(self, record: Record) -> None:
        """A message that Faust brings. Returns when it is in the state and its outputs are on their way."""
        async with self._one_at_a_time:
            await self._restore()
            position = self.positions[record.topic]
            if record.offset > position:
                await self._read_up_to(record.topic, position, record.offset)
            if record.offset >= position:
                await self._dispatch(record, in_event=True)

    async def run(self, datacenter: str, act: Callable[[M], list[Output]]) -> None:
        """Let a machine act on something that is no message (a timer), between two messages."""
        async with self._one_at_a_time:
            machine = self.machines[datacenter]
            await self._send(machine, act(machine), None)

    async def _restore(self) -> None:
        if self.positions:
            return
        async with self._open_log() as log:
            self.machines = await self._lifecycle.restore_all(self.number, log)
            reads = self._lifecycle.reads
            starts = {t: min((m.next[t] for m in self.machines.values()), default=0) for t in reads}
            ends = {t: await log.end(t, self.number) for t in reads}
            for topic in reads:
                async for record in log.read(topic, self.number, starts[topic], ends[topic]):
                    await self._dispatch(record, in_event=False)
            self.positions = {t: max(starts[t], ends[t]) for t in reads}

    async def _read_up_to(self, topic: str, start: int, stop: int) -> None:
        async with self._open_log() as log:
            async for record in log.read(topic, self.number, start, stop):
                await self._dispatch(record, in_event=True)

    async def _dispatch(self, record: Record, *, in_event: bool) -> None:
        datacenter = self._lifecycle.datacenter_of(record.key)
        machine = self.machines.get(datacenter)
        if machine is None:
            machine = self.machines[datacenter] = self._lifecycle.create(datacenter)
        outputs = await self._step(machine, record)
        await self._send(machine, outputs, record)
        await self._lifecycle.stepped(self.machines, machine, self.number, outputs, in_event)
        if self.positions:
            self.positions[record.topic] = record.offset + 1

    async def _step(self, machine: M, record: Record) -> list[Output]:
        message = record.message()
        if not self._lifecycle.long_steps:
            return machine.step(record.topic, record.offset, message)
        return await in_thread(lambda: machine.step(record.topic, record.offset, message))

    async def _send(self, machine: M, outputs: list[Output], record: Record | None) -> None:
        for output in outputs:
            self._saying.say(output, machine.datacenter)
            if isinstance(output, Publish):
                await self._publisher.publish(output, machine.datacenter, self.number)
            elif isinstance(output, DeadLetter):
                raw = await self._raw(output, record)
                await self._publisher.dead_letter(output, raw, machine.datacenter, self.number)

    async def _raw(self, letter: DeadLetter, record: Record | None) -> bytes | None:
        """The bytes of the refused message: usually those at hand, else (a task that waited for the first heartbeat) read again."""
        if record is not None and (record.topic, record.offset) == (letter.topic, letter.offset):
            return record.value
        async with self._open_log() as log:
            return (await log.read_offsets(letter.topic, self.number, [letter.offset]))[letter.offset].value
