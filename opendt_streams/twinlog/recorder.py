"""The recorder's state machine: from the twin's topics and the meters to the rows of the twinning log, interval by interval.

Inputs: sim.results, sim.calibration, sim.topology (the ledger), dc.power. Outputs: none; finished parts are handed out by `take_parts`.
An interval is written when nothing that is still to come can change it, so its rows do not depend on how the topics interleave.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from opendt_streams.errors import BadInput
from opendt_streams.model import times
from opendt_streams.model.canonical import JSON
from opendt_streams.model.decision import Alarm
from opendt_streams.model.event import MAIN, TopologyEvent
from opendt_streams.model.result import WindowResult
from opendt_streams.topology.ledger import Judged
from opendt_streams.twin.machine import Machine
from opendt_streams.twinlog.interval import Interval
from opendt_streams.twinlog.meters import Mark, MeterLog
from opendt_streams.twinlog.part import Part
from opendt_streams.windows.grid import Grid
from opendt_streams.wire import topics
from opendt_streams.wire.messages import AlarmRecorded, CalibrationEnded, DecisionRecorded, Message, ResultRecorded, ResultsEnded

FORMAT = 1


@dataclass(frozen=True, slots=True)
class _Result:
    offset: int
    result: WindowResult
    ledger: int  # ledger offset that the simulator had folded


class Recorder(Machine):
    reads: ClassVar = (topics.RESULTS, topics.CALIBRATION, topics.LEDGER, topics.POWER)
    name: ClassVar = "recorder"

    def __init__(self, datacenter: str, grid: Grid) -> None:
        super().__init__(datacenter)
        self.grid, self.meters = grid, MeterLog(grid)
        self.written_ms: int | None = None  # end of the newest interval that was handed out
        self.windows = 0  # how many were handed out
        self.first_window_ms: int | None = None
        self.ledger_from = 0  # events at offsets before are handed out
        self._results: deque[_Result] = deque()
        self._expected_ms: int | None = None  # start of the next window that is not a repetition
        self._decisions: dict[int, tuple[int, DecisionRecorded]] = {}  # by instant: offset and record
        self._decided_ms: int | None = None
        self._alarms: dict[str, tuple[int, Alarm]] = {}
        self._judged: deque[Judged] = deque()
        self._results_end: int | None = None  # offset of `end`
        self._calibration_end: int | None = None
        self._parts: list[Part] = []

    # -- what the shell asks for -----------------------------------------------------------------------------------------

    def take_parts(self) -> list[Part]:
        """The parts that were finished since the last call, in order of time."""
        parts, self._parts = self._parts, []
        return parts

    @property
    def complete(self) -> bool:
        """Everything has ended and was handed out."""
        return self.done and not self._parts

    @property
    def waits_for_power(self) -> bool:
        """The twin has ended, dc.power has not: producers like OpenDT's write no `end`. Once it is read to its end, `flush`."""
        return self._ended and not self.meters.ended

    def flush(self) -> list[Part]:
        """Unfinished parts with everything that is held: for a run that was interrupted, or whose meters never ended. Changes nothing."""
        ahead = copy(self)  # goes on as if everything had ended; what handing out changes in place is copied
        ahead.meters, ahead._parts = self.meters.as_if_ended(), []
        ahead._results, ahead._judged = self._results.copy(), self._judged.copy()
        while held := ahead._held_ends():
            end = min(held)
            ahead._hand_out(end, ahead._bound(end) if len(held) > 1 else ahead.ledger.offset, finished=False)
        return ahead._parts

    def checkpoint(self) -> dict[str, JSON]:
        """From where to go on after a restart. Take and store the finished parts first."""
        assert not self._parts, "parts that were not taken would be lost"
        power = self.meters.resume()
        results = [self.next[topics.RESULTS], *(r.offset for r in self._results), self._results_end]
        decisions = [offset for offset, _ in (*self._decisions.values(), *self._alarms.values())]
        calibration = [self.next[topics.CALIBRATION], *decisions, self._calibration_end]
        return {
            "format": FORMAT,
            "datacenter": self.datacenter,
            "written_until": times.iso(self.written_ms) if self.written_ms is not None else None,
            "windows": self.windows,
            "first_window": times.iso(self.first_window_ms) if self.first_window_ms is not None else None,
            "results": min(offset for offset in results if offset is not None),
            "calibration": min(offset for offset in calibration if offset is not None),
            "ledger": self.ledger_from,
            "power": asdict(power),
        }

    @classmethod
    def restore(cls, datacenter: str, grid: Grid, state: Mapping[str, Any], ledger_records: Iterable[tuple[int, Message]]) -> Recorder:
        """The machine to go on with; `next` says from which offset every topic is read. `ledger_records`: sim.topology from its start.

        Raises:
            BadInput: the checkpoint is of another datacenter, or of a format that this version does not read.
        """
        if (state.get("format"), state.get("datacenter")) != (FORMAT, datacenter):
            found = f"format {state.get('format')} of datacenter {state.get('datacenter')}"
            raise BadInput(f"the recorder's checkpoint is {found}", expected=f"format {FORMAT} of datacenter {datacenter}")
        recorder = cls(datacenter, grid)
        mark = Mark(**state["power"])
        recorder.meters = MeterLog(grid, mark)
        recorder.windows, recorder.ledger_from = state["windows"], state["ledger"]
        if state["written_until"] is not None:
            recorder.written_ms = recorder._expected_ms = recorder._decided_ms = times.parse(state["written_until"])
        if state["windows"]:
            recorder.first_window_ms = times.parse(state["first_window"])
        recorder.next |= {topics.RESULTS: state["results"], topics.CALIBRATION: state["calibration"], topics.POWER: mark.offset}
        for offset, message in ledger_records:
            recorder.step(topics.LEDGER, offset, message)
        return recorder

    # -- inputs ----------------------------------------------------------------------------------------------------------

    def _take(self, topic: str, offset: int, message: Message) -> None:
        if topic == topics.POWER:
            self.meters.put(offset, message)
        elif topic == topics.LEDGER:
            self._take_event(offset, message)
        elif topic == topics.RESULTS and self._results_end is None:
            self._take_result(offset, message)
        elif topic == topics.CALIBRATION and self._calibration_end is None:
            self._take_calibration(offset, message)

    def _take_event(self, offset: int, message: Message) -> None:
        if not isinstance(message, TopologyEvent):
            self.ledger.skip(offset)
        elif (judged := self.ledger.add(offset, message)) is not None and offset >= self.ledger_from:
            self._judged.append(judged)

    def _take_result(self, offset: int, message: Message) -> None:
        if isinstance(message, ResultsEnded):
            self._results_end = offset
        elif isinstance(message, ResultRecorded) and message.result.branch == MAIN:
            result = message.result
            if self._expected_ms is None or result.window_start_ms == self._expected_ms:  # the first of an id
                self._results.append(_Result(offset, result, message.ledger))
                self._expected_ms = result.window_end_ms
                if self.first_window_ms is None:
                    self.first_window_ms = result.window_start_ms

    def _take_calibration(self, offset: int, message: Message) -> None:
        if isinstance(message, CalibrationEnded):
            self._calibration_end = offset
        elif isinstance(message, DecisionRecorded):
            instant = message.decision.instant_ms
            if self.grid.is_instant(instant) and self._unwritten(instant):
                self._decisions.setdefault(instant, (offset, message))
                self._decided_ms = max(instant, self._decided_ms or instant)
        elif isinstance(message, AlarmRecorded):
            alarm = message.alarm  # it precedes the decision of its instant; behind that it is a repetition
            if self._decided_ms is None or alarm.time_ms > self._decided_ms:
                self._alarms.setdefault(alarm.id, (offset, alarm))

    # -- writing ---------------------------------------------------------------------------------------------------------

    def _go(self) -> None:
        while self._results and self._settled(end := self._end_of(self._results[0].result)):
            self._hand_out(end, self._bound(end))
        if self._ended and not self._results and self.meters.ended and not self.done:
            for end in [end for end in self.meters.ends() if self._unwritten(end)]:  # meters that went on after the twin
                self._hand_out(end, self.ledger_from)
            self.done = True

    def _settled(self, end_ms: int) -> bool:
        """Whether nothing that is still to come belongs to the interval."""
        assert self._expected_ms is not None
        results = self._expected_ms >= end_ms or self._results_end is not None
        decided = end_ms in self._decisions or self._ended
        return results and decided and self.meters.closed(end_ms) and self.ledger.offset >= self._bound(end_ms)

    def _hand_out(self, end_ms: int, bound: int, *, finished: bool = True) -> None:
        interval = self._interval(end_ms, bound)
        self._parts += interval.parts(finished=finished)
        self.written_ms = end_ms
        self.windows += len(interval.results)
        for _ in interval.results:
            self._results.popleft()
        while self._judged and self._judged[0].offset < bound:
            self._judged.popleft()
        self.ledger_from = bound
        self._decisions = {instant: d for instant, d in self._decisions.items() if instant > end_ms}
        self._alarms = {key: a for key, a in self._alarms.items() if a[1].time_ms > end_ms}
        self.meters.forget(end_ms)

    def _interval(self, end_ms: int, bound: int) -> Interval:
        decision = self._decisions.get(end_ms)
        return Interval(
            datacenter=self.datacenter,
            start_ms=end_ms - self.grid.publish_every_ms,
            first_run_number=self.windows + 1,
            first_window_ms=self.first_window_ms,
            sample_interval_ms=self.grid.sample_interval_ms,
            results=tuple(r.result for r in self._results if r.result.window_start_ms < end_ms),
            decision=decision[1].decision if decision else None,
            alarms=tuple(alarm for _, alarm in self._alarms.values() if alarm.time_ms <= end_ms),
            judged=tuple(j for j in self._judged if j.offset < bound),
            readings=self.meters.readings(self.written_ms, end_ms),
            ledger=self.ledger,
        )

    def _bound(self, end_ms: int) -> int:
        """The ledger up to which events belong to an interval: its decision's pin, and what the simulator had folded."""
        folded = [r.ledger for r in self._results if r.result.window_start_ms < end_ms]
        pins = [record.pin for instant, (_, record) in self._decisions.items() if instant <= end_ms]
        return max([self.ledger_from, *folded, *pins])

    def _end_of(self, result: WindowResult) -> int:
        """The end of the interval to which a window belongs."""
        return self.grid.instant_of(result.window_start_ms) + self.grid.publish_every_ms

    def _held_ends(self) -> set[int]:
        """Ends of the intervals of which anything is held. What was measured before the first window counts to its interval."""
        windows = {self._end_of(r.result) for r in self._results}
        ends = windows | set(self.meters.ends()) | set(self._decisions)
        from_ms = min(windows, default=None) if self.written_ms is None else None
        return {end for end in ends if self._unwritten(end) and (from_ms is None or end >= from_ms)}

    def _unwritten(self, end_ms: int) -> bool:
        return self.written_ms is None or end_ms > self.written_ms

    @property
    def _ended(self) -> bool:
        return self._results_end is not None and self._calibration_end is not None
