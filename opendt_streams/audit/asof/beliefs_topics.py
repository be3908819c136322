"""What the topics besides the ledger said up to any time of recording: decisions, results, meters, and how far the workload had come.

Read once, asked often: columns and bisection. A `rows` argument is a count of records, from the topic's timeline.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import Final

import numpy as np

from opendt_streams.calibration.pairing import datacenter_power
from opendt_streams.model.decision import Score
from opendt_streams.model.event import MAIN
from opendt_streams.model.power import WHOLE_DATACENTER, PowerSample
from opendt_streams.model.rounding import significant_sum
from opendt_streams.model.topology import Topology
from opendt_streams.topology.log_index import Timeline
from opendt_streams.twin.telemetry import Telemetry
from opendt_streams.windows.watermark import Watermark
from opendt_streams.wire.messages import DecisionRecorded, End, Heartbeat, Invalid, Message, PowerBatch, ResultRecorded, TaskSubmitted

SCORES: Final = ("mape_percent", "share_under_10_percent", "bias_percent", "persistence_mape_percent")
_NEVER: Final = -(2**63)


@dataclass(frozen=True, slots=True)
class Decided:
    """What of a decision people ask for."""

    row: int
    instant_ms: int
    pin: int
    outcome: str
    reason: str
    topology_event: str | None
    score_in_force: Score | None
    interval_half_width: float | None


class Decisions:
    """sim.calibration: of every instant the first decision."""

    def __init__(self) -> None:
        self.timeline = Timeline()
        self.decided: list[Decided] = []  # in order of time, which is that of the log
        self.pins: dict[int, tuple[int, int]] = {}  # instant -> (row, pin)
        self._rows, self._instants = array("q"), array("q")
        self._sums = {name: (array("d"), array("q")) for name in SCORES}  # of score x samples, and of samples, up to each decision

    def take(self, timestamp_ms: int, message: Message) -> None:
        self.timeline.note(timestamp_ms)
        if not isinstance(message, DecisionRecorded):
            return
        decision, row = message.decision, len(self.timeline) - 1
        self.pins.setdefault(decision.instant_ms, (row, message.pin))
        if self._instants and decision.instant_ms <= self._instants[-1]:
            return
        score, half_width = decision.score_in_force, decision.interval_half_width
        found = Decided(
            row, decision.instant_ms, message.pin, decision.outcome, decision.reason, decision.topology_event, score, half_width
        )
        self.decided.append(found)
        self._rows.append(row)
        self._instants.append(decision.instant_ms)
        for name, (totals, samples) in self._sums.items():
            value = None if score is None else getattr(score, name)
            weight = score.samples if score is not None and value is not None else 0
            totals.append((totals[-1] if totals else 0.0) + (value or 0.0) * weight)
            samples.append((samples[-1] if samples else 0) + weight)

    def pin(self, instant_ms: int, rows: int) -> int | None:
        """What the decision of an instant pins, if it was known."""
        row, pin = self.pins.get(instant_ms, (rows, 0))
        return pin if row < rows else None

    def count(self, rows: int, until_ms: int | None = None) -> int:
        """How many decisions were known, of instants up to `until_ms`."""
        known = bisect_left(self._rows, rows)
        return known if until_ms is None else min(known, bisect_right(self._instants, until_ms))

    def means(self, count: int) -> tuple[int, dict[str, float | None]]:
        """(samples, mean of every score weighted by samples) over the first so many decisions."""
        if not count:
            return 0, dict.fromkeys(SCORES)
        means = {name: totals[count - 1] / n if (n := samples[count - 1]) else None for name, (totals, samples) in self._sums.items()}
        return self._sums[SCORES[0]][1][count - 1], means


@dataclass(frozen=True, slots=True)
class Simulated:
    """A window's result without its rows; sums over the window."""

    start_ms: int
    end_ms: int
    topology_event: str
    drain: bool
    energy_j: float | None
    carbon_g: float | None
    error: str | None


class Results:
    """sim.results: of every window the first result, in order."""

    def __init__(self) -> None:
        self.timeline = Timeline()
        self.windows: list[Simulated] = []
        self._records, self._starts, self._row_ends = array("q"), array("q"), array("q")  # by window
        self._row_ms, self._row_w = array("q"), array("d")

    def take(self, timestamp_ms: int, message: Message) -> None:
        self.timeline.note(timestamp_ms)
        if not isinstance(message, ResultRecorded) or message.result.branch != MAIN:
            return
        result = message.result
        if self.windows and result.window_start_ms != self.windows[-1].end_ms:
            return
        total = result.total
        energy_j = significant_sum(total.energy_j) if total else None
        carbon_g = significant_sum(total.carbon_g) if total and total.carbon_g is not None else None
        where = (result.window_start_ms, result.window_end_ms, result.topology_event, result.drain)
        if total is not None:
            self._row_ms.extend(result.row_ms)
            self._row_w.extend(total.power_w)
        self.windows.append(Simulated(*where, energy_j, carbon_g, result.error))
        self._records.append(len(self.timeline) - 1)
        self._starts.append(result.window_start_ms)
        self._row_ends.append(len(self._row_ms))

    @property
    def first_ms(self) -> int | None:
        """Start of the first window of all."""
        return self.windows[0].start_ms if self.windows else None

    def count(self, rows: int) -> int:
        """How many windows were simulated."""
        return bisect_left(self._records, rows)

    def window(self, start_ms: int, count: int) -> Simulated | None:
        """The window that starts then, if it is one of the first so many."""
        at = bisect_left(self._starts, start_ms, hi=count)
        return self.windows[at] if at < count and self._starts[at] == start_ms else None

    def power(self, time_ms: int, count: int, max_age_ms: int) -> tuple[int, float] | None:
        """(time, W) of the newest row at or before a time; one that is `max_age_ms` older is none (PROTOCOL 4.5)."""
        at = bisect_right(self._row_ms, time_ms, hi=self._row_ends[count - 1] if count else 0) - 1
        return (self._row_ms[at], self._row_w[at]) if at >= 0 and time_ms - self._row_ms[at] < max_age_ms else None


class Meters:
    """dc.power: the samples that count, and how far its watermark had come."""

    def __init__(self, max_jump_ms: int) -> None:
        self.timeline, self.marks = Timeline(), array("q")
        self._telemetry = Telemetry(max_jump_ms)
        self._samples: list[tuple[int, int, PowerSample]] = []  # (time, row, sample), until they are asked for
        self._time_ms = self._row = self._whole = np.empty(0, dtype=np.int64)

    def take(self, timestamp_ms: int, offset: int, message: Message) -> None:
        row = len(self.timeline)
        self.timeline.note(timestamp_ms)
        if self._telemetry.put(offset, message) is None and isinstance(message, PowerBatch):
            self._samples += [(sample.time_ms, row, sample) for sample in message.samples]
        self._telemetry.entries.clear()
        self.marks.append(_NEVER if (mark := self._telemetry.read.time_ms) is None else mark)

    def sort(self) -> None:
        """Call it once, after the last record."""
        self._samples.sort(key=lambda s: (s[0], s[1]))  # of a time the first stands
        self._time_ms = np.array([t for t, _, _ in self._samples], dtype=np.int64)
        self._row = np.array([row for _, row, _ in self._samples], dtype=np.int64)
        self._whole = np.array([s.meter == WHOLE_DATACENTER for _, _, s in self._samples], dtype=bool)

    def watermark_ms(self, rows: int) -> int | None:
        return _mark(self.marks, rows)

    def power(self, time_ms: int, rows: int, topology: Topology | None) -> tuple[int, float] | None:
        """(time, W) of the datacenter's newest measurement at or before a time. Without a topology only a meter of everything tells."""
        upto = int(np.searchsorted(self._time_ms, time_ms, side="right"))
        known = self._row[:upto] < rows
        whole = np.flatnonzero(known & self._whole[:upto])
        if len(whole):
            newest_ms = int(self._time_ms[whole[-1]])
            first = whole[np.searchsorted(self._time_ms[whole], newest_ms)]
            return newest_ms, self._samples[first][2].power_w
        at = np.flatnonzero(known)
        while topology is not None and len(at):
            first_at = np.searchsorted(self._time_ms[at], self._time_ms[at[-1]])
            together = {s.meter: s for _, _, s in (self._samples[i] for i in reversed(at[first_at:].tolist()))}
            times_ms, watts = datacenter_power(list(together.values()), topology)
            if len(times_ms):
                return int(times_ms[0]), float(watts[0])
            at = at[:first_at]
        return None


class Workload:
    """dc.workload: how far its watermark had come (PROTOCOL 4.2)."""

    def __init__(self, max_jump_ms: int) -> None:
        self.timeline, self.marks = Timeline(), array("q")
        self._watermark = Watermark(max_jump_ms)

    def take(self, timestamp_ms: int, message: Message) -> None:
        self.timeline.note(timestamp_ms)
        mark = self._watermark
        match message:
            case Invalid():
                mark.forget_refusal()
            case End():
                mark.ended = True
            case Heartbeat(time_ms) if not mark.ended and not mark.refuses(time_ms):
                mark.advance(time_ms)
            case TaskSubmitted(task) if not mark.ended and mark.time_ms is not None:
                mark.refuses(task.submission_ms)  # it is remembered for the message after it
            case _:
                pass
        self.marks.append(_NEVER if mark.time_ms is None else mark.time_ms)

    def watermark_ms(self, rows: int) -> int | None:
        return _mark(self.marks, rows)


def _mark(marks: array[int], rows: int) -> int | None:
    return marks[rows - 1] if rows and marks[rows - 1] != _NEVER else None
