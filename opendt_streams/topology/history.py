"""The ledger as people ask about it: every event with its verdict, what it changed, and from when the windows used it.

Pure: whoever calls has read sim.topology and sim.calibration.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from opendt_streams.errors import BadInput
from opendt_streams.model import times
from opendt_streams.model.event import MAIN, TopologyEvent
from opendt_streams.model.topology import Topology
from opendt_streams.model.topology_json import read_topology
from opendt_streams.topology.ledger import Accepted, Ledger, Verdict
from opendt_streams.topology.words import changes
from opendt_streams.wire.headers import RECORDED
from opendt_streams.wire.record import Record

REPEATED = "repeated: the first record of this id stands"


@dataclass(frozen=True, slots=True)
class Written:
    """A record of sim.topology: its offset, when its writer wrote it (header ce_time), the event (None where it holds none), and the
    timestamp that the log has for it.
    """

    offset: int
    recorded: str | None
    event: TopologyEvent | None
    timestamp_ms: int = 0

    @classmethod
    def of(cls, record: Record) -> Written:
        message = record.message()
        event = message if isinstance(message, TopologyEvent) else None
        return cls(record.offset, record.headers.get(RECORDED), event, record.timestamp_ms)


@dataclass(frozen=True, slots=True)
class Entry:
    """An event as the log tells its story.

    `verdict` is in words; `effective_ms` is the first event time whose windows could use it, None while no decision pins it.
    """

    offset: int
    recorded: str | None
    event: TopologyEvent
    accepted: bool
    verdict: str
    changes: tuple[str, ...]
    effective_ms: int | None


@dataclass(frozen=True, slots=True)
class InForce:
    """What windows use: an accepted event as the log tells it, and its topology."""

    entry: Entry
    topology: Topology


@dataclass(frozen=True, slots=True)
class Pins:
    """When the ledger took effect: what the decisions pin, on the grid of publication instants.

    `offsets`: instant -> ledger offset below which the windows from there on see the ledger (of the first decision of each instant);
    `first_window_ms`: start of the first window, None while none was simulated.
    """

    offsets: Mapping[int, int]
    publish_every_ms: int
    first_window_ms: int | None

    def effective_ms(self, offset: int, *, root: bool) -> int | None:
        """The first event time whose windows could use the event at `offset`; None while no decision pins it (PROTOCOL 5.4)."""
        if root:
            return self.first_window_ms
        return min((instant for instant, pin in self.offsets.items() if pin > offset), default=None)


class History:
    """The ledger of one datacenter in the order of the log: all of it, or as it was `as_of` a moment that people named so."""

    def __init__(self, records: Iterable[Written], pins: Pins, as_of: str | None = None) -> None:
        self.ledger, self.pins = Ledger(), pins
        self._as_of = "" if as_of is None else f" as of {as_of}"
        self.entries: list[Entry] = []
        for record in records:
            if record.event is None:
                self.ledger.skip(record.offset)
            else:
                self.entries.append(self._entry(record, record.event))

    def now(self, branch: str = MAIN) -> InForce:
        """The newest accepted event of a branch.

        Raises:
            BadInput: there is none.
        """
        if branch != MAIN and branch not in self.ledger.heads:
            raise BadInput(f"no branch {branch}{self._as_of}", expected=", ".join(self.ledger.heads) or "an accepted baseline on main")
        return self._in_force(self.ledger.heads.get(branch))

    def at(self, time_ms: int) -> InForce:
        """What the window at this event time used: the head of main at the pin of its hour (PROTOCOL 5.4).

        Raises:
            BadInput: no window was simulated there, or which topology it uses is not decided.
        """
        first = self.pins.first_window_ms
        if first is None or time_ms < first:
            known = f"nothing is simulated yet{self._as_of}" if first is None else f"the first window starts at {times.iso(first)}"
            raise BadInput(f"there was no window at {times.iso(time_ms)}; {known}", where="--effective")
        instant = times.floor(time_ms, self.pins.publish_every_ms)
        if instant <= first:
            return self._in_force(self.ledger.main[0] if self.ledger.main else None)
        pin = self.pins.offsets.get(instant)
        if pin is None or pin > self.ledger.offset:
            newest = max((i for i, offset in self.pins.offsets.items() if offset <= self.ledger.offset), default=first)
            raise BadInput(
                f"what windows at {times.iso(time_ms)} use is not decided{self._as_of}",
                expected=f"a time before {times.iso(times.next_multiple(newest, self.pins.publish_every_ms))}",
                where="--effective",
            )
        return self._in_force(self.ledger.head_at(pin))

    def _in_force(self, accepted: Accepted | None) -> InForce:
        if accepted is None:
            raise BadInput(f"the ledger holds no topology{self._as_of}", expected="an accepted baseline on sim.topology")
        at = bisect_left(self.entries, accepted.offset, key=lambda e: e.offset)
        return InForce(self.entries[at], accepted.topology)

    def _entry(self, record: Written, event: TopologyEvent) -> Entry:
        judged = self.ledger.add(record.offset, event)
        if judged is None:
            return Entry(record.offset, record.recorded, event, False, REPEATED, (), None)
        accepted = judged.verdict is Verdict.ACCEPTED
        verdict = f"{judged.verdict}; {judged.detail}" if judged.detail else str(judged.verdict)
        effective_ms = None
        if accepted and event.branch == MAIN:
            effective_ms = self.pins.effective_ms(record.offset, root=event.parent is None)
        return Entry(record.offset, record.recorded, event, accepted, verdict, self._changes(event), effective_ms)

    def _changes(self, event: TopologyEvent) -> tuple[str, ...]:
        """Against its parent, whether or not the event was accepted; nothing where either is no topology."""
        parent = self.ledger.accepted(event.parent or "")
        if parent is None and event.parent is not None:
            return ()
        try:
            topology = read_topology(event.topology, "opendc")
        except BadInput:
            return ()
        return tuple(changes(parent.topology if parent else None, topology))
