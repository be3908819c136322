"""Ledger events, alarms and warnings as Graphite events: what Grafana draws on a curve and lists in a table."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final
from weakref import WeakKeyDictionary

from opendt_streams.errors import BadInput
from opendt_streams.model import times
from opendt_streams.notices.notice import OF_ALARMS
from opendt_streams.projection.datacenter import Datacenter
from opendt_streams.topology.history import Entry
from opendt_streams.wire.messages import AlarmRecorded

MOST: Final = 1_000
WARNING: Final = "warning"
_SHORT_ID: Final = 8


@dataclass(frozen=True, slots=True)
class Annotation:
    """`what` is its title."""

    time_ms: int
    what: str
    tags: tuple[str, ...]
    text: str

    def document(self) -> dict[str, Any]:
        return {"when": self.time_ms // times.SECOND, "what": self.what, "tags": list(self.tags), "data": self.text}


_TIMELINES: Final[WeakKeyDictionary[Datacenter, tuple[tuple[object, ...], list[Annotation]]]] = WeakKeyDictionary()
"""Of each datacenter, for how many events, decisions and alarms, and for which warnings."""


def told_between(sites: Iterable[Datacenter], after_ms: int, until_ms: int, tags: frozenset[str]) -> list[Annotation]:
    """Those in [after, until] that have all the tags, in order of time; the newest, if they are too many. Warnings are told to those who
    ask for them (`WARNING`)."""
    notes = (note for site in sites for note in _between(_timeline(site), after_ms, until_ms) if tags <= set(note.tags))
    found = [note for note in notes if WARNING in tags or WARNING not in note.tags]
    return sorted(found, key=lambda note: note.time_ms)[-MOST:]


def _between(notes: list[Annotation], after_ms: int, until_ms: int) -> list[Annotation]:
    return notes[bisect_left(notes, after_ms, key=_time) : bisect_right(notes, until_ms, key=_time)]


def _timeline(site: Datacenter) -> list[Annotation]:
    """All of a datacenter, in order of time: made anew only after the ledger, the alarms or the warnings have changed."""
    entries = site.history().entries
    counts = len(entries), len(site.decisions), len(site.alarms), site.warnings
    known = _TIMELINES.get(site)
    if known is None or known[0] != counts:
        known = _TIMELINES[site] = (counts, sorted([*_of_ledger(site.name, entries), *_of_alarms(site), *_of_warnings(site)], key=_time))
    return known[1]


def _of_ledger(datacenter: str, entries: Iterable[Entry]) -> Iterator[Annotation]:
    """An event is where windows began to use it; one that they never used, when it was recorded."""
    for entry in entries:
        time_ms = entry.effective_ms if entry.effective_ms is not None else _recorded_ms(entry)
        if time_ms is None:
            continue
        event = entry.event
        verdict = "accepted" if entry.accepted else "rejected"
        tags = ("ledger", event.kind, verdict, event.actor, event.branch, datacenter)
        lines = [event.reason, *entry.changes, f"{entry.verdict}, {event.id[:_SHORT_ID]}, offset {entry.offset}"]
        yield Annotation(time_ms, f"{event.kind} by {event.actor}", tags, "\n".join(line for line in lines if line))


def _of_alarms(site: Datacenter) -> Iterator[Annotation]:
    for told in site.alarms.values():
        if isinstance(told.message, AlarmRecorded):
            alarm = told.message.alarm
            yield Annotation(alarm.time_ms, f"alarm: {alarm.kind}", ("alarm", alarm.kind, site.name), alarm.text)


def _of_warnings(site: Datacenter) -> Iterator[Annotation]:
    """Where they first occurred. What alarms say already is not said twice."""
    for notice in site.warnings:
        if notice.time_ms is not None and notice.kind not in OF_ALARMS:
            text = f"{notice.text}\n{notice.action}"
            yield Annotation(notice.time_ms, f"warning: {notice.kind}", (WARNING, notice.kind, site.name), text)


def _recorded_ms(entry: Entry) -> int | None:
    try:
        return times.parse(entry.recorded)
    except BadInput:
        return None


def _time(note: Annotation) -> int:
    return note.time_ms
