"""Where and when the records of the ledger were written, and what of a log had been recorded at a moment."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import Final

from opendt_streams.errors import BadInput
from opendt_streams.model import times

EVENT_ID: Final = re.compile(r"[0-9a-f]{8,64}", re.ASCII)  # an event's id, or its beginning
_OFFSET: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
PLACES: Final = "an ISO time, an offset of sim.topology, or an event's id or its first 8 characters or more"


class Timeline:
    """When the records of a topic were recorded, in the order of the log.

    At a time of recording a topic is known up to its first record with a later timestamp. Whatever clocks did, a later time knows no less.
    """

    def __init__(self) -> None:
        self.timestamp_ms, self.newest_ms = array("q"), array("q")  # newest_ms: the newest of all up to here

    def __len__(self) -> int:
        return len(self.timestamp_ms)

    def note(self, timestamp_ms: int) -> None:
        self.timestamp_ms.append(timestamp_ms)
        self.newest_ms.append(max(timestamp_ms, self.newest_ms[-1]) if self.newest_ms else timestamp_ms)

    def rows_by(self, time_ms: int) -> int:
        """How many records had been recorded."""
        return bisect_right(self.newest_ms, time_ms)


@dataclass(frozen=True, slots=True)
class Moment:
    """What had been recorded: so many records of the ledger, and of every other topic those that its timeline has by `time_ms`."""

    rows: int
    time_ms: int


class LogIndex(Timeline):
    """The records of sim.topology with their offsets and the ids of their events, "" where one holds none."""

    def __init__(self) -> None:
        super().__init__()
        self.offsets = array("q")
        self.ids: list[str] = []
        self._sorted: list[str] = []  # ids in order, made when somebody asks for one

    def append(self, offset: int, timestamp_ms: int, event_id: str) -> None:
        self.note(timestamp_ms)
        self.offsets.append(offset)
        self.ids.append(event_id)

    @property
    def end(self) -> int:
        """The offset after the last record."""
        return self.offsets[-1] + 1 if self.offsets else 0

    def reached(self, rows: int) -> int:
        """The offset after the last of so many records."""
        return self.offsets[rows - 1] + 1 if rows else 0

    def row_of_offset(self, asked: str, where: str) -> int:
        """Row of the newest record at or before an offset that lies in the log."""
        offset, first = int(asked), self.offsets[0] if self.offsets else 0
        if not first <= offset < self.end:
            raise BadInput(
                f"the ledger has no offset {asked}", expected=f"{first} to {self.end - 1}" if self.offsets else None, where=where
            )
        return bisect_right(self.offsets, offset) - 1

    def row_of_id(self, beginning: str, where: str) -> int:
        """Row of the first record of the one event whose id begins so."""
        if len(self._sorted) != len(self.ids):
            self._sorted = sorted(self.ids)
        at = bisect_left(self._sorted, beginning)
        found = set(takewhile(lambda event_id: event_id.startswith(beginning), islice(self._sorted, at, None)))
        if len(found) != 1:
            what = f"{len(found)} events begin with {beginning}" if found else f"the ledger holds no event {beginning}"
            raise BadInput(what, expected=PLACES, where=where, hint="`opendt topology log` shows them.")
        return self.ids.index(found.pop())

    def is_offset(self, asked: str) -> bool:
        """Digits are an offset if the log reaches so far or they are too few for an id."""
        return _OFFSET.fullmatch(asked) is not None and (int(asked) < self.end or EVENT_ID.fullmatch(asked) is None)

    def row(self, asked: str, where: str) -> int | None:
        """The row that an offset or (the beginning of) an id names; None where `asked` is neither.

        Raises:
            BadInput: there is no such record, or not only one.
        """
        if self.is_offset(asked):
            return self.row_of_offset(asked, where)
        return self.row_of_id(asked, where) if EVENT_ID.fullmatch(asked) else None

    def moment(self, asked: str, where: str = "--believed") -> Moment:
        """The moment right after a record of the ledger, or a time of recording.

        Raises:
            BadInput: there is no such record, not only one, or no moment is named at all.
        """
        row = self.row(asked, where)
        if row is not None:
            return Moment(row + 1, self.timestamp_ms[row])
        time_ms = read_time(asked, where)
        return Moment(self.rows_by(time_ms), time_ms)


def read_time(asked: str, where: str, expected: str = PLACES) -> int:
    """An ISO time. A naive one, and text that is none, is refused."""
    try:
        return times.parse(asked)
    except BadInput as error:
        raise BadInput(error.what, expected=error.expected if "time zone" in error.what else expected, where=where) from None
