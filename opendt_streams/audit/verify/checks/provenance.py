"""Whether records come from where their headers say: which `started` record, which offsets read, which id (PROTOCOL 2.1, 2.2, 3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from opendt_streams.audit.finding import Finding, place
from opendt_streams.model import times
from opendt_streams.wire import headers as h
from opendt_streams.wire import topics
from opendt_streams.wire.messages import (
    AlarmRecorded,
    CalibrationEnded,
    DecisionRecorded,
    Message,
    ResultRecorded,
    ResultsEnded,
)
from opendt_streams.wire.record import Record
from opendt_streams.wire.system import read_started
from opendt_streams.wire.twin import END_ID

_MACHINES: Final = ("simulator", "calibrator")  # who says of all records what was read and with which configuration


class Provenance:
    """Takes the records of sys.config first, then those of the topics that the twin writes.

    `ends`: by topic the offset after its last record. `beyond` counts records that name inputs after these: a copy of a live run ends its
    topics one after the other, so there it means nothing.
    """

    def __init__(self, datacenter: str, ends: Mapping[str, int]) -> None:
        self._datacenter, self._ends = datacenter, ends
        self._started: dict[str, str] = {}  # id -> service
        self.beyond: list[Finding] = []

    def take(self, record: Record, message: Message | None) -> Iterator[Finding]:
        """What is wrong with one record; `message` is what it decodes to, None on the sys topics."""
        writer = h.writer_of(record.headers)
        if record.topic == topics.CONFIG:
            yield from self._take_started(record)
        elif writer in _MACHINES:
            yield from self._configured(record, writer)
            yield from self._read(record)
            if record.key is None or record.key.decode(errors="replace") != self._datacenter:
                yield _finding(record, "key", f"the key is {record.key!r}; {h.OURS}{writer} writes {self._datacenter!r}")
        identity = self.identity(message)
        if identity is None:
            return
        where, expected = identity
        named = record.headers.get(h.ID)
        if where != expected:
            yield _finding(record, "id", f"the id is {where}; what the record says belongs to {expected}")
        elif named != expected and (named is not None or writer is not None):
            yield _finding(record, h.ID, f"the header {h.ID} is {named}; the id is {expected}")

    def identity(self, message: Message | None) -> tuple[str, str] | None:
        """(the id that a record of the twin has, the one that belongs to what it says); None for what has no such id."""
        dc = self._datacenter
        match message:
            case ResultRecorded(result):
                return result.id, f"{dc}|{result.branch}|{times.iso(result.window_start_ms)}"
            case DecisionRecorded(decision):
                return decision.id, f"{dc}|{times.iso(decision.instant_ms)}"
            case AlarmRecorded(alarm):
                return alarm.id, f"{dc}|{alarm.kind}|{times.iso(alarm.time_ms)}"
            case ResultsEnded() | CalibrationEnded():
                return f"{dc}|{END_ID}", f"{dc}|{END_ID}"
            case _:
                return None

    def _take_started(self, record: Record) -> Iterator[Finding]:
        started = read_started(record.value)
        if started is None:
            if h.writer_of(record.headers) is not None:
                yield _finding(record, "value", "this is no `started` record")
            return
        self._started[started.id] = started.service
        for name in (h.ID, h.CONFIG):
            if record.headers.get(name) != started.id:
                yield _finding(record, name, f"the header {name} is {record.headers.get(name)}; the record's id is {started.id}")
        if h.writer_of(record.headers) != started.service:
            what = f"the header {h.SOURCE} is {record.headers.get(h.SOURCE)}; {started.service} started"
            yield _finding(record, h.SOURCE, what)

    def _configured(self, record: Record, writer: str) -> Iterator[Finding]:
        named = record.headers.get(h.CONFIG)
        if named is None or self._started.get(named) is None:
            yield _finding(record, h.CONFIG, f"the header {h.CONFIG} is {named}; there is no such `started` record on {topics.CONFIG}")
        elif self._started[named] != writer:
            what = f"the header {h.CONFIG} names the start of {self._started[named]}; {h.OURS}{writer} wrote the record"
            yield _finding(record, h.CONFIG, what)

    def _read(self, record: Record) -> Iterator[Finding]:
        if record.topic == topics.DEAD_LETTER:
            return
        inputs = h.read_inputs(record.headers)
        if inputs is None:
            yield _finding(record, h.INPUTS, f"the header {h.INPUTS} is {record.headers.get(h.INPUTS)!r}; expected offsets by topic")
            return
        for topic, offset in inputs.items():
            end = self._ends.get(topic)
            if end is None or offset < 0:
                yield _finding(record, h.INPUTS, f"the header {h.INPUTS} names offset {offset} of {topic}; there is none")
            elif offset > end:
                what = f"its writer had read {topic} up to offset {offset}; that topic ends before {end}: records are missing there"
                self.beyond.append(_finding(record, h.INPUTS, what))


def _finding(record: Record, field: str, what: str) -> Finding:
    return Finding(place(record.topic, record.partition, record.offset), what, "tampering", field)
