"""Writing people's events to the ledger: fold the log, make the event on its head, write it, and read back which verdict it got.

There is no lock and no coordinator: the order of the log arbitrates, and the writer learns its verdict as every other reader does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from aiokafka.errors import KafkaError

from opendt_streams.errors import BrokerUnavailable
from opendt_streams.model.event import MAIN, TopologyEvent
from opendt_streams.streams.clock import now_ms
from opendt_streams.streams.deployment import Deployment
from opendt_streams.streams.log import LogReader
from opendt_streams.streams.publisher import Publisher
from opendt_streams.topology.change import Events, Stale, Wish, events_of, newer_than
from opendt_streams.topology.ledger import Accepted, Ledger, Verdict
from opendt_streams.topology.patching import patch_between, whole
from opendt_streams.topology.words import changes
from opendt_streams.wire import headers as h
from opendt_streams.wire import topics
from opendt_streams.wire.messages import CalibrationEnded, DecisionRecorded
from opendt_streams.wire.twin import event_value


@dataclass(frozen=True, slots=True)
class Newer:
    """An event that came after what a writer had seen: `recorded` is when (ISO 8601), `changes` what, in words."""

    accepted: Accepted
    recorded: str | None
    changes: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """For machines."""
        event = self.accepted.event
        return {
            "event": event.id,
            "offset": self.accepted.offset,
            "kind": event.kind,
            "actor": event.actor,
            "recorded": self.recorded,
            "reason": event.reason,
            "changes": list(self.changes),
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a wish.

    `event` and `offset` are None where nothing was written, because the stated parent was stale already. `changes` and `patch` say what
    the event changes in its parent. `since` are the events that came first, oldest first, if it is not accepted.
    """

    event: TopologyEvent | None
    offset: int | None
    verdict: Verdict
    parent: str
    head: Accepted
    changes: tuple[str, ...] = ()
    patch: Sequence[dict[str, Any]] = ()
    since: tuple[Newer, ...] = ()

    @property
    def accepted(self) -> bool:
        return self.verdict is Verdict.ACCEPTED

    def document(self, branch: str) -> dict[str, Any]:
        """For machines."""
        return {
            "event": None if self.event is None else self.event.id,
            "offset": self.offset,
            "accepted": self.accepted,
            "verdict": str(self.verdict),
            "branch": branch,
            "changes": list(self.changes),
            "patch": list(self.patch),
            "parent": self.parent,
            "head": self.head.event.id,
            "since": [newer.document() for newer in self.since],
        }


@dataclass(frozen=True, slots=True)
class Effect:
    """From which event time on windows use an event: `effective_ms` once a decision pins it, until then not before `earliest_ms`.

    `complete`: the run is over, and no decision will come.
    """

    effective_ms: int | None
    earliest_ms: int | None
    complete: bool


class LedgerWriter:
    """A writer for one datacenter's ledger; one wish at a time.

    async with LedgerWriter(deployment, source="opendt/cli") as writer:
        answer = await writer.write(Wish(...))
    """

    def __init__(self, deployment: Deployment, *, source: str) -> None:
        self._deployment = deployment
        self._reader = LogReader(deployment.url, deployment.settings.kafka)
        self._publisher = Publisher(deployment.url, deployment.settings.kafka, source=source, now_ms=now_ms)
        self._open = AsyncExitStack()
        self._turn = asyncio.Lock()
        self._recorded: dict[int, str | None] = {}  # offset of an event -> when it was recorded
        self._offsets: dict[str, int] = {}  # event -> offset of its first record
        self._pins: dict[int, int] = {}  # instant -> ledger offset that its first decision pins
        self._next_calibration, self._complete = 0, False
        self.ledger = Ledger()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._reader)
            await self._publisher.start()
            stack.push_async_callback(self._publisher.stop)
            self._open = stack.pop_all()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._open.aclose()

    async def write(self, wish: Wish) -> Answer:
        """Fulfil the wish on the ledger as it is now, and say what became of it.

        Raises:
            BadInput: nobody can fulfil it; nothing was written.
            BrokerUnavailable: the broker did not take it, or it is not known whether it did.
        """
        async with self._turn:
            await self.read()
            try:
                events = events_of(self.ledger, wish)
            except Stale as stale:
                return Answer(
                    None, None, Verdict.STALE, stale.parent.event.id, stale.since[-1], since=self._told(stale.parent, stale.since)
                )
            return await self.submit(events)

    async def submit(self, events: Events) -> Answer:
        """Write events that `events_of` made of this ledger, unless they are there, and say what became of the last one."""
        for event in events:
            if event.id not in self.ledger.verdicts:
                await self._send(event)
        try:
            await self._publisher.acknowledged()
        except KafkaError as error:
            raise BrokerUnavailable(
                f"the broker did not say whether it has the event: {error}",
                where=self._deployment.url,
                hint="Look at `opendt topology log` before you try again.",
            ) from None
        while events[-1].id not in self.ledger.verdicts:  # it is acknowledged, so it comes
            await self.read()
        return self._answer(events)

    async def read(self) -> None:
        """Fold the log to its end as it is now."""
        async for record in self._reader.read(topics.LEDGER, self._deployment.partition, self.ledger.offset):
            message = record.message()
            if self._deployment.datacenter_of(record.key) == self._deployment.datacenter and isinstance(message, TopologyEvent):
                self._offsets.setdefault(message.id, record.offset)
                self._recorded[record.offset] = record.headers.get(h.RECORDED)
                self.ledger.add(record.offset, message)
            else:
                self.ledger.skip(record.offset)

    async def effect(self, answer: Answer) -> Effect:
        """From when on windows use an accepted event of main, as far as it is decided."""
        async with self._turn:  # the reader reads for one at a time
            await self._read_decisions()
        if answer.offset is None or answer.event is None or not answer.accepted or answer.event.branch != MAIN:
            return Effect(None, None, self._complete)
        effective_ms = min((instant for instant, pin in self._pins.items() if pin > answer.offset), default=None)
        if effective_ms is not None or self._complete or not self._pins:
            return Effect(effective_ms, effective_ms, self._complete)
        return Effect(None, max(self._pins) + self._deployment.settings.grid.publish_every_ms, self._complete)

    async def _read_decisions(self) -> None:
        deployment = self._deployment
        async for record in self._reader.read(topics.CALIBRATION, deployment.partition, self._next_calibration):
            self._next_calibration = record.offset + 1
            if deployment.datacenter_of(record.key) == deployment.datacenter:
                message = record.message()
                if isinstance(message, DecisionRecorded):
                    self._pins.setdefault(message.decision.instant_ms, message.pin)
                self._complete = self._complete or isinstance(message, CalibrationEnded)

    async def _send(self, event: TopologyEvent) -> None:
        provenance = {h.INPUTS: h.json_header({topics.LEDGER: self.ledger.offset}), h.LEDGER: str(self.ledger.offset)}
        datacenter, partition = self._deployment.datacenter, self._deployment.partition
        await self._publisher.send(topics.LEDGER, event.id, "topology-event", event_value(event), datacenter, partition, provenance)

    def _answer(self, events: Events) -> Answer:
        event, ledger = events[-1], self.ledger
        verdict, head = ledger.verdicts[event.id], ledger.heads[event.branch]
        assert event.parent is not None  # people change topologies, they do not begin ledgers
        base = ledger.accepted(events[0].parent or "")  # of an event on a branch that it makes: what the branch starts from
        assert base is not None
        made = whole(event.topology)
        newer = () if verdict is Verdict.ACCEPTED else newer_than(ledger, event.branch, base.event.id)
        return Answer(
            event,
            self._offsets[event.id],
            verdict,
            event.parent,
            head,
            tuple(changes(base.topology, made)),
            patch_between(base.topology, made),
            self._told(base, newer),
        )

    def _told(self, parent: Accepted, newer: Sequence[Accepted]) -> tuple[Newer, ...]:
        told, before = [], parent
        for accepted in newer:
            told.append(Newer(accepted, self._recorded.get(accepted.offset), tuple(changes(before.topology, accepted.topology))))
            before = accepted
        return tuple(told)
