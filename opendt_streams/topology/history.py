"""The ledger as people ask about it: every event with its verdict, what it changed, and from when the windows used it.

Pure: whoever calls has read sim.topology and sim.calibration.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import overload

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


@dataclass(slots=True)
class Pins:
    """When the ledger took effect: what the decisions pin, on the grid of publication instants.

    `offsets`: instant -> ledger offset below which the windows from there on see the ledger (of the first decision of each instant), to
    which more may be added; `first_window_ms`: start of the first window, None while none was simulated.
    """

    offsets: Mapping[int, int]
    publish_every_ms: int
    first_window_ms: int | None
    _instants: list[int] = field(default_factory=list, repr=False, compare=False)
    _highest: list[int] = field(default_factory=list, repr=False, compare=False)  # pin up to each of the instants

    def effective_ms(self, offset: int, *, root: bool) -> int | None:
        """The first event time whose windows could use the event at `offset`; None while no decision pins it (PROTOCOL 5.4)."""
        if root:
            return self.first_window_ms
        if len(self._instants) != len(self.offsets):
            self._instants = sorted(self.offsets)
            self._highest = list(accumulate((self.offsets[instant] for instant in self._instants), max))
        at = bisect_right(self._highest, offset)
        return self._instants[at] if at < len(self._instants) else None


class History:
    """The ledger of one datacenter in the order of the log: all of it, or as it was `as_of` a moment that people named so.

    It grows with `add`, and with what is added to its pins: an event is folded once, whatever comes after it.
    """

    def __init__(self, records: Iterable[Written], pins: Pins, as_of: str | None = None) -> None:
        self.ledger, self.pins = Ledger(), pins
        self._as_of = "" if as_of is None else f" as of {as_of}"
        self._told: list[_Told] = []
        self._until: int | None = None  # only what stands before this offset
        for record in records:
            self.add(record)

    def add(self, record: Written) -> None:
        """The next record of the log."""
        if record.event is None:
            self.ledger.skip(record.offset)
        else:
            self._told.append(self._tell(record, record.event))

    def as_of(self, offset: int, pins: Pins, said: str) -> History:
        """The same as it was before an offset was written, with what decisions had pinned by then; nothing is folded again."""
        view = copy(self)
        view.pins, view._as_of, view._until = pins, f" as of {said}", offset
        return view

    @property
    def entries(self) -> Sequence[Entry]:
        """Every event, accepted or not."""
        stop = len(self._told) if self._until is None else bisect_left(self._told, self._until, key=lambda t: t.entry.offset)
        return _Entries(self._told, stop, self.pins)

    def now(self, branch: str = MAIN) -> InForce:
        """The newest accepted event of a branch.

        Raises:
            BadInput: there is none.
        """
        accepted = self._head(branch)
        if accepted is None and branch != MAIN:
            known = ", ".join(dict.fromkeys(e.event.branch for e in self.entries if e.accepted)) or "an accepted baseline on main"
            raise BadInput(f"no branch {branch}{self._as_of}", expected=known)
        return self._in_force(accepted)

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
            root = next(iter(self.ledger.main), None)
            return self._in_force(root if root is not None and root.offset < self._end else None)
        pin = self.pins.offsets.get(instant)
        if pin is None or pin > self._end:
            newest = max((i for i, offset in self.pins.offsets.items() if offset <= self._end), default=first)
            raise BadInput(
                f"what windows at {times.iso(time_ms)} use is not decided{self._as_of}",
                expected=f"a time before {times.iso(times.next_multiple(newest, self.pins.publish_every_ms))}",
                where="--effective",
            )
        return self._in_force(self.ledger.head_at(pin))

    @property
    def _end(self) -> int:
        return self.ledger.offset if self._until is None else min(self._until, self.ledger.offset)

    def _head(self, branch: str) -> Accepted | None:
        if branch == MAIN:
            return self.ledger.head_at(self._end)
        newest = next((e for e in reversed(self.entries) if e.accepted and e.event.branch == branch), None)
        return None if newest is None else self.ledger.accepted(newest.event.id)

    def _in_force(self, accepted: Accepted | None) -> InForce:
        if accepted is None:
            raise BadInput(f"the ledger holds no topology{self._as_of}", expected="an accepted baseline on sim.topology")
        entries = self.entries
        return InForce(entries[bisect_left(entries, accepted.offset, key=lambda e: e.offset)], accepted.topology)

    def _tell(self, record: Written, event: TopologyEvent) -> _Told:
        judged = self.ledger.add(record.offset, event)
        if judged is None:
            return _Told(Entry(record.offset, record.recorded, event, False, REPEATED, (), None), takes_effect=False)
        accepted = judged.verdict is Verdict.ACCEPTED
        verdict = f"{judged.verdict}; {judged.detail}" if judged.detail else str(judged.verdict)
        entry = Entry(record.offset, record.recorded, event, accepted, verdict, self._changes(event), None)
        return _Told(entry, takes_effect=accepted and event.branch == MAIN)

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


@dataclass(frozen=True, slots=True)
class _Told:
    """An event without its time of effect, which decisions tell later."""

    entry: Entry
    takes_effect: bool


class _Entries(Sequence[Entry]):
    """Events up to one, with the times of effect that the pins say."""

    def __init__(self, told: list[_Told], stop: int, pins: Pins) -> None:
        self._told, self._stop, self._pins = told, stop, pins

    def __len__(self) -> int:
        return self._stop

    @overload
    def __getitem__(self, index: int) -> Entry: ...
    @overload
    def __getitem__(self, index: slice) -> list[Entry]: ...
    def __getitem__(self, index: int | slice) -> Entry | list[Entry]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self._stop))]
        told = self._told[range(self._stop)[index]]
        if not told.takes_effect:
            return told.entry
        effective_ms = self._pins.effective_ms(told.entry.offset, root=told.entry.event.parent is None)
        return replace(told.entry, effective_ms=effective_ms)
