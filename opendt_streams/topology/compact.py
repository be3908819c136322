"""The fold of a long ledger: every record with its verdict, in little memory, and what was known of it at any moment.

The verdicts are those of `ledger.Ledger`, by the same rules; a property test holds the two equal. What an event says is read from its bytes
when somebody asks.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import Final

from opendt_streams.model.event import MAIN, TopologyEvent
from opendt_streams.topology.judging import Verdict, judge
from opendt_streams.topology.log_index import LogIndex
from opendt_streams.topology.reading import Reader, Reading
from opendt_streams.wire import topics
from opendt_streams.wire.decode import decode
from opendt_streams.wire.headers import RECORDED
from opendt_streams.wire.messages import Invalid
from opendt_streams.wire.record import Record
from opendt_streams.wire.versions import TYPE

_VERDICTS: Final = tuple(Verdict)
ACCEPTED: Final = _VERDICTS.index(Verdict.ACCEPTED)
REPEATED: Final = len(_VERDICTS)  # the first record of its id stands
NO_EVENT: Final = REPEATED + 1


class CompactLedger:
    """Rows are the records in the order of the log; a `rows` argument is a count of them: a prefix of the log."""

    def __init__(self) -> None:
        self.log = LogIndex()
        self.values: list[bytes] = []
        self.types: dict[int, str] = {}  # header ce_type of rows where it is not the one that is written now
        self.recorded: list[str | None] = []  # when its writer says it was written
        self.verdicts = bytearray()
        self.details: dict[int, str] = {}
        self.first: dict[str, int] = {}  # id -> row of its first record
        self.branches: dict[str, array[int]] = {MAIN: array("q")}  # rows of accepted events
        self.reader = Reader()
        self._heads: dict[str, str] = {}  # branch -> id of its newest accepted event
        self._hardware: dict[str, int | None] = {}  # branch -> number of that event's hardware

    def __len__(self) -> int:
        return len(self.values)

    def add(self, record: Record) -> Verdict | None:
        """Fold the next record; its verdict, if it has one."""
        return self.fold(record, self.reader.read(record))

    def fold(self, record: Record, reading: Reading | Invalid) -> Verdict | None:
        """The same with a record that was read already."""
        row = len(self.values)
        self.values.append(record.value or b"")
        if isinstance(reading, Invalid):
            self.log.append(record.offset, record.timestamp_ms, "")
            self.recorded.append(None)
            self.verdicts.append(NO_EVENT)
            return None
        self.log.append(record.offset, record.timestamp_ms, reading.id)
        self.recorded.append(reading.headers.get(RECORDED))
        if TYPE in reading.headers:
            self.types[row] = reading.headers[TYPE]
        if self.first.setdefault(reading.id, row) != row:
            self.verdicts.append(REPEATED)
            return None
        return self._judged(row, reading)

    def _judged(self, row: int, reading: Reading) -> Verdict:
        reading.parent_hardware = self._hardware.get(reading.branch)  # calibrations go on top of their branch's head
        parent_accepted = reading.parent is not None and self.is_accepted(reading.parent)
        verdict, detail = judge(reading, self._heads.get(reading.branch), parent_accepted=parent_accepted)
        self.verdicts.append(_VERDICTS.index(verdict))
        if detail is not None:
            self.details[row] = detail
        if verdict is Verdict.ACCEPTED:
            self.branches.setdefault(reading.branch, array("q")).append(row)
            self.set_head(reading.branch, reading.id, reading.hardware)
        return verdict

    def set_head(self, branch: str, event_id: str, hardware: int | None) -> None:
        """What the next event of a branch is judged against."""
        self._heads[branch], self._hardware[branch] = event_id, hardware

    # -- what it says --------------------------------------------------------------------------------------------------------

    def heads(self) -> dict[str, str]:
        """The newest accepted event of every branch, by id."""
        return self._heads

    def is_accepted(self, event_id: str) -> bool:
        row = self.first.get(event_id)
        return row is not None and self.verdicts[row] == ACCEPTED

    def head(self, rows: int, branch: str = MAIN) -> int | None:
        """Row of the newest accepted event of a branch in a prefix."""
        accepted = self.branches.get(branch, ())
        found = bisect_left(accepted, rows)
        return accepted[found - 1] if found else None

    def head_at(self, pin: int, rows: int) -> int | None:
        """The same below ledger offset `pin`; None also where the prefix does not reach the pin."""
        return self.head(bisect_left(self.log.offsets, pin)) if pin <= self.log.reached(rows) else None

    def event(self, row: int) -> TopologyEvent:
        """The event of a row, which holds one."""
        message = decode(topics.LEDGER, self.values[row], {TYPE: self.types[row]} if row in self.types else {})
        assert isinstance(message, TopologyEvent)
        return message

    def verdict(self, row: int) -> str:
        """In words."""
        code = self.verdicts[row]
        if code >= REPEATED:
            return "repeated: the first record of this id stands" if code == REPEATED else "no event"
        return f"{_VERDICTS[code]}; {self.details[row]}" if row in self.details else str(_VERDICTS[code])
