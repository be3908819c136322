"""Driving one of the live twin's own machines over the evidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Final

from opendt_streams.audit.evidence import Evidence
from opendt_streams.model.canonical import canonical
from opendt_streams.twin.machine import Machine
from opendt_streams.twin.outputs import Publish
from opendt_streams.wire import topics
from opendt_streams.wire.record import Record
from opendt_streams.wire.twin import read_value

# Of what is read in one go, the ledger and its pins come first, and snapshots before the heartbeats that may mean "the newest read".
ORDER: Final = (topics.LEDGER, topics.CALIBRATION, topics.PHYSICAL, topics.WORKLOAD, topics.RESULTS, topics.POWER)


@dataclass(slots=True)
class _Topic:
    records: Iterator[Record]
    ahead: Record | None = None


@dataclass(slots=True)
class Driver:
    """A machine and how far each of its topics was read. What it says is kept in `said` until somebody takes it."""

    machine: Machine
    evidence: Evidence
    said: dict[tuple[str, str], bytes] = field(default_factory=dict)  # (topic, id) -> canonical value, in the order of saying
    _topics: dict[str, _Topic] = field(default_factory=dict)

    def feed(self, until: Mapping[str, int] | None) -> None:
        """Give the machine everything below these offsets that it has not had (None: everything there is)."""
        for topic in (t for t in ORDER if t in self.machine.reads):
            stop = None if until is None else until.get(topic, 0)
            for record in self._records(topic, stop):
                for output in self.machine.step(topic, record.offset, record.message()):
                    if isinstance(output, Publish):
                        self.said.setdefault((output.topic, output.id), canonical(output.value))

    def event_of_cause(self, cause: object) -> bytes | None:
        """What the machine wrote to the ledger for a cause: by its id, a digest of what it says, another event is not found."""
        return next((value for key, value in self.said.items() if key[0] == topics.LEDGER and read_value(value)["cause"] == cause), None)

    def before(self, key: tuple[str, str]) -> list[tuple[str, str]]:
        """What the machine said on the same topic before `key`, and nobody has taken; nothing if it did not say `key`."""
        if key not in self.said:
            return []
        earlier = takewhile(lambda said: said != key, self.said)
        return [said for said in earlier if said[0] == key[0] != topics.LEDGER]

    def _records(self, topic: str, stop: int | None) -> Iterator[Record]:
        source = self._topics.get(topic)
        if source is None:
            source = self._topics[topic] = _Topic(self.evidence.own(topic))
            source.ahead = next(source.records, None)
        while source.ahead is not None and source.ahead.offset < self.machine.next[topic]:  # what a snapshot includes
            source.ahead = next(source.records, None)
        while source.ahead is not None and (stop is None or source.ahead.offset < stop):
            yield source.ahead
            source.ahead = next(source.records, None)
