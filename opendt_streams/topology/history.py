"""The ledger as people ask about it: every event with its verdict, what it changed, and from when the windows used it.

Pure: whoever calls has read sim.topology and sim.calibration.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from opendt_streams.errors import BadInput
from opendt_streams.model import times
from opendt_streams.model.event import MAIN, TopologyEvent
from opendt_streams.model.topology import Topology
from opendt_streams.model.topology_json import read_topology
from opendt_streams.topology.ledger import Accepted, Ledger, Verdict
from opendt_streams.topology.words import changes

REPEATED = "repeated: the first record of this id stands"


@dataclass(frozen=True, slots=True)
class Written:
    """A record of sim.topology: its offset, when it was recorded (header ce_time), and the event; None where it holds none."""

    offset: int
    recorded: str | None
    event: TopologyEvent | None


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
    """The whole ledger of one datacenter, in the order of the log."""

    def __init__(self, records: Iterable[Written], pins: Pins) -> None:
        self.ledger, self.pins = Ledger(), pins
        self.entries = [self._entry(record, record.event) for record in records if record.event is not None]

    def now(self) -> InForce:
        """The newest accepted event of main.

        Raises:
            BadInput: there is none.
        """
        return self._in_force(self.ledger.head)

    def at(self, time_ms: int) -> InForce:
        """What the window at this event time used: the head of main at the pin of its hour (PROTOCOL 5.4).

        Raises:
            BadInput: no window was simulated there.
        """
        first = self.pins.first_window_ms
        if first is None or time_ms < first:
            known = "nothing is simulated yet" if first is None else f"the first window starts at {times.iso(first)}"
            raise BadInput(f"there was no window at {times.iso(time_ms)}; {known}", where="--effective")
        instant = times.floor(time_ms, self.pins.publish_every_ms)
        if instant <= first:
            return self._in_force(self.ledger.main[0] if self.ledger.main else None)
        if instant not in self.pins.offsets:
            newest = max(self.pins.offsets, default=first)
            raise BadInput(
                f"what windows at {times.iso(time_ms)} use is not decided",
                expected=f"a time before {times.iso(times.floor(newest, self.pins.publish_every_ms) + self.pins.publish_every_ms)}",
                where="--effective",
            )
        return self._in_force(self.ledger.head_at(self.pins.offsets[instant]))

    def _in_force(self, accepted: Accepted | None) -> InForce:
        if accepted is None:
            raise BadInput("the ledger holds no topology", expected="an accepted baseline on sim.topology")
        return InForce(next(e for e in self.entries if e.offset == accepted.offset), accepted.topology)

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
