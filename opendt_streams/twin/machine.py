"""What both machines share: inputs in order and once, outputs with their provenance, the ledger, and writing an event exactly once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import ClassVar

from opendt_streams.model.canonical import JSON
from opendt_streams.model.event import TopologyEvent
from opendt_streams.topology.ledger import Accepted, Ledger, Verdict
from opendt_streams.twin.outputs import DeadLetter, Output, Publish
from opendt_streams.wire import headers as h
from opendt_streams.wire import topics
from opendt_streams.wire.messages import Message
from opendt_streams.wire.twin import event_value


class Machine(ABC):
    """A state machine over several topics. Its attributes are its whole state; `next` is the next offset of every input topic."""

    reads: ClassVar[tuple[str, ...]]
    name: ClassVar[str]

    def __init__(self, datacenter: str) -> None:
        self.datacenter = datacenter
        self.next: dict[str, int] = dict.fromkeys(self.reads, 0)
        self.ledger = Ledger()
        self.done = False
        self._inflight: dict[str, str] = {}  # cause -> id of the event of ours that awaits its verdict
        self._outputs: list[Output] = []

    def step(self, topic: str, offset: int, message: Message) -> list[Output]:
        """One input; an offset that the state includes already changes nothing."""
        self._outputs = []
        if offset >= self.next[topic]:
            self.next[topic] = offset + 1
            self._take(topic, offset, message)
            self._go()
        return self._outputs

    @abstractmethod
    def _take(self, topic: str, offset: int, message: Message) -> None:
        """Note the input in the state."""

    @abstractmethod
    def _go(self) -> None:
        """Do whatever the state now allows."""

    def _fold(self, offset: int, message: Message) -> None:
        if isinstance(message, TopologyEvent):
            self.ledger.add(offset, message)
        else:
            self.ledger.skip(offset)

    def _publish(self, topic: str, record_id: str, kind: str, value: Mapping[str, JSON], **more: str) -> None:
        provenance = {h.INPUTS: h.json_header(dict(self.next)), h.LEDGER: str(self.ledger.offset)}
        self._outputs.append(Publish(topic, record_id, kind, value, provenance | more))

    def _dead_letter(self, topic: str, offset: int, reason: str) -> None:
        self._outputs.append(DeadLetter(topic, offset, reason))

    def _secure(self, cause: str, make: Callable[[Accepted | None], TopologyEvent]) -> Accepted | None:
        """The one accepted event of `cause`, or None while its verdict is awaited (PROTOCOL 5.3 and 6.5).

        1. If the fold holds an accepted event with this cause, whoever wrote it, that is it.
        2. Else, if none of ours is under way or ours came too late, write one on top of the newest head.
        """
        if (done := self.ledger.by_cause.get(cause)) is not None:
            return done
        mine = self._inflight.get(cause)
        if mine is None or self.ledger.verdicts.get(mine) is Verdict.STALE:
            event = make(self.ledger.head)
            self._inflight[cause] = event.id
            self._publish(topics.LEDGER, event.id, "topology-event", event_value(event))
        return None
