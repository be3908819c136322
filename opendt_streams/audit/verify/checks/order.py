"""Whether what must follow one after the other does: windows, publication instants, a producer's messages; and what is said twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from opendt_streams.audit.finding import Finding, place
from opendt_streams.model import times
from opendt_streams.model.canonical import sha256_hex
from opendt_streams.model.event import MAIN
from opendt_streams.windows.grid import Grid
from opendt_streams.wire import topics
from opendt_streams.wire.headers import SEQUENCE, writer_of
from opendt_streams.wire.messages import AlarmRecorded, DecisionRecorded, Message, ResultRecorded
from opendt_streams.wire.record import Record

_REPLAYS: Final = "dc-mock"


class Order:
    """Takes sim.results before sim.calibration: where instants begin depends on the first window."""

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._seen: dict[tuple[str, str], tuple[int, str]] = {}  # (topic, id) -> (offset, sha256) of the first record
        self._first_window_ms: int | None = None
        self._next_window_ms: int | None = None
        self._next_instant_ms: int | None = None
        self._sequence: dict[str, int] = {}

    def take(self, record: Record, message: Message | None) -> Iterator[Finding]:
        identity = _identity(message)
        if identity is not None:
            first, digest = self._seen.setdefault((record.topic, identity), (record.offset, sha256_hex(record.value or b"")))
            if first != record.offset:
                if digest != sha256_hex(record.value or b""):
                    what = f"offset {first} says something else about {identity}: one of the two was not written by the twin"
                    yield _finding(record, "value", what)
                return
        match message:
            case ResultRecorded(result) if result.branch == MAIN:
                yield from self._window(record, result.window_start_ms, result.window_end_ms)
            case DecisionRecorded(decision):
                yield from self._instant(record, decision.instant_ms)
            case _ if record.topic in topics.DATACENTER_TOPICS and writer_of(record.headers) == _REPLAYS:
                yield from self._sent(record)

    def _window(self, record: Record, start_ms: int, end_ms: int) -> Iterator[Finding]:
        if self._first_window_ms is None:
            self._first_window_ms = start_ms
        elif start_ms != self._next_window_ms:
            yield _finding(
                record, "window_start_ms", f"the window begins at {_iso(start_ms)}; the one before it ends at {_iso(self._next_window_ms)}"
            )
        if end_ms - start_ms != self._grid.window_ms or start_ms % self._grid.window_ms:
            what = f"the window is from {_iso(start_ms)} to {_iso(end_ms)}; windows are {self._grid.window_ms // times.SECOND} s long"
            yield _finding(record, "window_end_ms", what)
        self._next_window_ms = start_ms + self._grid.window_ms

    def _instant(self, record: Record, instant_ms: int) -> Iterator[Finding]:
        expected = self._next_instant_ms
        if expected is None and self._first_window_ms is not None and record.offset == 0:
            expected = self._grid.first_instant(self._first_window_ms)
        if expected is not None and instant_ms != expected:
            yield _finding(record, "instant_ms", f"{_iso(instant_ms)} is decided; the next instant is {_iso(expected)}")
        self._next_instant_ms = instant_ms + self._grid.publish_every_ms

    def _sent(self, record: Record) -> Iterator[Finding]:
        text = record.headers.get(SEQUENCE, "")
        if not (text.isascii() and text.isdigit() and len(text) <= len(str(2**63))):
            yield _finding(record, SEQUENCE, f"the header {SEQUENCE} is {text!r}; expected a number")
            return
        number, expected = int(text), self._sequence.get(record.topic, -1) + 1
        if number > expected and (expected or record.offset == 0):
            what = f"this is message {number} of its producer; the one before it was {expected - 1}: messages are missing"
            yield _finding(record, SEQUENCE, what)
        self._sequence[record.topic] = max(number, expected - 1)


def _identity(message: Message | None) -> str | None:
    match message:
        case ResultRecorded(result):
            return result.id
        case DecisionRecorded(decision):
            return decision.id
        case AlarmRecorded(alarm):
            return alarm.id
        case _:
            return None


def _iso(time_ms: int | None) -> str:
    return "?" if time_ms is None else times.iso(time_ms)


def _finding(record: Record, field: str, what: str) -> Finding:
    return Finding(place(record.topic, record.partition, record.offset), what, "tampering", field)
