"""One datacenter as its topics tell it so far. Fed record by record, in the order of each topic; the first record of an id stands."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from opendt_streams.model.event import MAIN
from opendt_streams.model.result import WindowResult
from opendt_streams.projection.columns import Columns
from opendt_streams.projection.hourly import Hourly
from opendt_streams.projection.power import Measured, Simulated
from opendt_streams.topology.history import History, Pins, Written
from opendt_streams.topology.log_index import LogIndex
from opendt_streams.twinlog.score import RunFacts
from opendt_streams.windows.grid import Grid
from opendt_streams.wire import topics
from opendt_streams.wire.messages import (
    AlarmRecorded,
    CalibrationEnded,
    DecisionRecorded,
    Heartbeat,
    Message,
    PowerBatch,
    ResultRecorded,
    ResultsEnded,
)
from opendt_streams.wire.record import Record
from opendt_streams.wire.system import UNPROCESSED, read_unprocessed

_LONGEST_HEARTBEAT = 1_000  # bytes: what is longer on dc.workload is a task, which the API does not look into


@dataclass(frozen=True, slots=True)
class Told:
    """A record with what it says, when and where it was recorded."""

    offset: int
    recorded_ms: int
    message: DecisionRecorded | AlarmRecorded


@dataclass(slots=True)
class Progress:
    """How far everything has come, in event time; `recorded_ms` is wall time."""

    first_window_ms: int | None = None
    newest_end_ms: int | None = None
    newest_recorded_ms: int | None = None
    data_recorded_ms: int | None = None  # of the newest window that is not in the drain
    workload_ms: int | None = None
    windows: int = 0
    drained: int = 0
    failed: int = 0
    results_ended: bool = False
    calibration_ended: bool = False

    @property
    def complete(self) -> bool:
        return self.results_ended and self.calibration_ended


class Datacenter:
    def __init__(self, name: str, grid: Grid) -> None:
        self.name, self.grid = name, grid
        self.simulated, self.measured, self.tasks = Simulated(), Measured(), Columns("tasks_running", "tasks_queued", "tasks_completed")
        self.intervals = Columns("half_width")  # of the 90 % interval, from an instant on
        self.windows = Columns("recorded_ms", "failed", "late_tasks", "duplicate_tasks")  # by the window's end
        self.heard = Columns("watermark_ms")  # how far dc.workload had come, by the wall time at which that was recorded
        self.hourly = Hourly()
        self.decisions: list[Told] = []
        self.alarms: dict[str, Told] = {}
        self.progress, self.facts = Progress(), RunFacts(grid)
        self.index = LogIndex()
        self._pins: dict[int, int] = {}
        self._pinned: list[tuple[int, int]] = []  # (recorded, instant), in the order of the log
        self._history = History((), self._pins_of(self._pins))

    def take(self, record: Record) -> None:
        """The next record of any topic; offsets within a topic ascend."""
        if record.topic == topics.WORKLOAD:
            self._take_workload(record)
            return
        self.hear(record, record.message())

    def hear(self, record: Record, message: Message) -> None:
        """The same for whoever has decoded the record already; not for dc.workload."""
        self.facts.take(record.topic, record.offset, message)
        if record.topic == topics.LEDGER:
            self._take_event(record)
            return
        match message:
            case ResultRecorded(result) if result.branch == MAIN:
                self._take_result(result, record.timestamp_ms)
            case ResultsEnded():
                self.progress.results_ended = True
            case DecisionRecorded(decision):
                if decision.instant_ms not in self._pins:
                    self._pins[decision.instant_ms] = message.pin
                    self._pinned.append((record.timestamp_ms, decision.instant_ms))
                    self.decisions.append(Told(record.offset, record.timestamp_ms, message))
                    self.hourly.take(decision)
                    if decision.interval_half_width is not None:
                        self.intervals.insert(decision.instant_ms, [decision.interval_half_width])
            case AlarmRecorded(alarm):
                if alarm.id not in self.alarms:
                    self.alarms[alarm.id] = Told(record.offset, record.timestamp_ms, message)
                    self.hourly.alarm_ms.append(alarm.time_ms)
            case CalibrationEnded():
                self.progress.calibration_ended = True
            case PowerBatch(samples):
                self.measured.take(samples)
            case _:
                pass

    def span_ms(self) -> tuple[int, int]:
        """(after, until]: where anything is simulated or measured; an empty span where nothing is."""
        rows = [columns.time_ms for columns in (self.simulated.of[None], *self.measured.all()) if len(columns)]
        if not rows:
            return 0, 0
        return min(int(time_ms[0]) for time_ms in rows) - 1, max(int(time_ms[-1]) for time_ms in rows)

    def history(self) -> History:
        """The ledger as it is now. It goes on as records come."""
        self._history.pins.first_window_ms = self.progress.first_window_ms
        return self._history

    def history_as_of(self, believed: str) -> History:
        """The ledger, and what decisions pinned, as the log was at a time of recording, an offset of the ledger or an event's id.

        Raises:
            BadInput: there is no such moment.
        """
        then = self.index.moment(believed, "believed")
        known = {instant: self._pins[instant] for recorded_ms, instant in self._pinned if recorded_ms <= then.time_ms}
        return self._history.as_of(self.index.reached(then.rows), self._pins_of(known), believed)

    def _pins_of(self, pins: dict[int, int]) -> Pins:
        return Pins(pins, self.grid.publish_every_ms, self.progress.first_window_ms)

    def _take_workload(self, record: Record) -> None:
        if record.value is not None and len(record.value) <= _LONGEST_HEARTBEAT and b"heartbeat" in record.value:
            message = record.message()
            if isinstance(message, Heartbeat):
                self.progress.workload_ms = max(message.time_ms, self.progress.workload_ms or message.time_ms)
                self.heard.append([record.timestamp_ms], [self.progress.workload_ms])

    def _take_event(self, record: Record) -> None:
        written = Written.of(record)
        self._history.add(written)
        self.index.append(record.offset, record.timestamp_ms, written.event.id if written.event else "")

    def _take_result(self, result: WindowResult, recorded_ms: int) -> None:
        progress = self.progress
        if progress.newest_end_ms is not None and result.window_start_ms != progress.newest_end_ms:
            return  # a repetition
        if progress.first_window_ms is None:
            progress.first_window_ms = result.window_start_ms
        progress.newest_end_ms, progress.newest_recorded_ms = result.window_end_ms, recorded_ms
        progress.data_recorded_ms = progress.data_recorded_ms if result.drain else recorded_ms
        progress.windows += 1
        progress.drained += result.drain
        progress.failed += result.error is not None
        self.simulated.take(result)
        told = recorded_ms, result.error is not None, result.tasks.late, result.tasks.duplicate
        self.windows.append([result.window_end_ms], *([value] for value in told))
        self.tasks.append([result.window_end_ms], [result.tasks.running], [result.tasks.queued], [result.tasks.completed])


@dataclass(slots=True)
class DeadLetter:
    """A record of sys.dead-letter as it is."""

    offset: int
    recorded_ms: int
    document: dict[str, object] = field(default_factory=dict)


def dead_letters(records: Iterable[Record]) -> dict[str, DeadLetter]:
    """By id, the first record of each."""
    found: dict[str, DeadLetter] = {}
    for record in records:
        letter = read_unprocessed(record.value)
        if letter is not None:
            found.setdefault(letter.id, DeadLetter(record.offset, record.timestamp_ms, UNPROCESSED.dump_python(letter)))
    return found
