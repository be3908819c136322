"""dc.power for the recorder: which samples an interval has is settled by that topic alone, however far the others were read.

An interval (P, P + publish_every] closes with the first message that brings the watermark to the row after its end: then every sample
that pairs with its last row is there (PROTOCOL 4.5). The calibrator's note of silence closes it too, if it came first (6.4). Samples of
a closed interval are late: they are on the topic, but not in the twinning log.
"""

from __future__ import annotations

import math
from collections import deque
from copy import copy
from dataclasses import dataclass, field

from opendt_streams.model import times
from opendt_streams.model.power import PowerSample
from opendt_streams.twin.telemetry import Telemetry
from opendt_streams.windows.grid import Grid
from opendt_streams.wire.messages import Message, PowerBatch, ResumePoint, Silence


@dataclass(slots=True)
class Readings:
    """`samples` of an interval in order of time and meter; `ahead` are those after its end and before the next row."""

    samples: list[PowerSample] = field(default_factory=list)
    ahead: list[PowerSample] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Mark:
    """Where reading may be taken up again: an offset, and how it stood before the message there."""

    offset: int = 0
    watermark_ms: int | None = None
    refused_ms: int | None = None
    closed_ms: int | None = None


class MeterLog:
    def __init__(self, grid: Grid, start: Mark | None = None) -> None:
        self._grid = grid
        self._said = Telemetry(grid.max_jump_ms)  # knows which messages count
        self._open: dict[tuple[int, str, str], PowerSample] = {}
        self._closed: dict[int, Readings] = {}  # by the end of the interval
        self._needed: deque[tuple[Mark, float]] = deque()  # messages with samples: where, and the end of the newest interval they touch
        start = start or Mark()
        self._next, self._closed_ms = start.offset, start.closed_ms
        self._said.restart(ResumePoint(start.offset, start.offset, start.watermark_ms, start.refused_ms, results=0))

    @property
    def ended(self) -> bool:
        return self._said.read.ended

    def closed(self, end_ms: int) -> bool:
        """Whether the interval that ends then has all the samples that it will ever have."""
        return self.ended or (self._closed_ms is not None and self._closed_ms >= end_ms)

    def put(self, offset: int, message: Message) -> None:
        before, already_ended = self._here(), self.ended
        self._next = offset + 1
        if self._said.put(offset, message) is not None:
            return  # a dead letter, which the calibrator writes
        self._said.entries.clear()
        touched = -math.inf
        if isinstance(message, PowerBatch):
            touched = max((self._end_of(s.time_ms) for s in message.samples if self._keep(s)), default=touched)
        elif isinstance(message, Silence):
            self._silence(message.instant_ms)
        if self.ended:
            touched = touched if already_ended else math.inf
            self._close(None)
        elif self._said.read.time_ms is not None:
            self._close(times.floor(self._said.read.time_ms - self._grid.sample_interval_ms, self._grid.publish_every_ms))
        if touched > -math.inf:
            self._needed.append((before, touched))

    def readings(self, after_ms: int | None, until_ms: int) -> Readings:
        """Of the closed intervals that end in (after, until], with the samples after the last."""
        ends = [end for end in self.ends() if (after_ms is None or end > after_ms) and end <= until_ms]
        ahead = self._closed[until_ms].ahead if until_ms in self._closed else []
        return Readings([s for end in ends for s in self._closed[end].samples], ahead)

    def ends(self) -> list[int]:
        """Ends of the closed intervals that hold samples, ascending."""
        return sorted(end for end, readings in self._closed.items() if readings.samples)

    def as_if_ended(self) -> MeterLog:
        """A copy in which every interval is closed."""
        twin = copy(self)
        twin._needed = self._needed.copy()
        twin._closed = {end: Readings([*r.samples], [*r.ahead]) for end, r in self._closed.items()}
        twin._close(None)
        return twin

    def forget(self, until_ms: int) -> None:
        """The intervals until then are written."""
        for end in [end for end in self._closed if end <= until_ms]:
            del self._closed[end]
        while self._needed and self._needed[0][1] <= until_ms:
            self._needed.popleft()

    def resume(self) -> Mark:
        """From where to read to have everything again that was not forgotten."""
        return self._needed[0][0] if self._needed else self._here()

    def _here(self) -> Mark:
        return Mark(self._next, self._said.read.time_ms, self._said.read.refused_ms, self._closed_ms)

    def _keep(self, sample: PowerSample) -> bool:
        """Hold a sample unless it is late or repeated."""
        key = (sample.time_ms, sample.meter.cluster or "", sample.meter.host_group or "")
        late = self._closed_ms is not None and sample.time_ms <= self._closed_ms
        if late or key in self._open:
            return False
        self._open[key] = sample
        return True

    def _silence(self, instant_ms: int) -> None:
        """Counts as reaching its instant, unless that was reached before or lies further ahead than any message may (PROTOCOL 4.2)."""
        known = [t for t in (self._said.read.time_ms, self._closed_ms) if t is not None]
        too_far = bool(known) and instant_ms > max(known) + self._grid.max_jump_ms
        if self._grid.is_instant(instant_ms) and not too_far and not self._said.read.reached(instant_ms):
            self._close(instant_ms)

    def _close(self, until_ms: int | None) -> None:
        """Settle the samples of all intervals that end until then (None: of all)."""
        if until_ms is not None and self._closed_ms is not None and until_ms <= self._closed_ms:
            return
        for _, sample in sorted(self._open.items()):
            end = self._end_of(sample.time_ms)
            if until_ms is None or end <= until_ms:
                self._closed.setdefault(end, Readings()).samples.append(sample)
            before = end - self._grid.publish_every_ms
            settles = (until_ms is None or before <= until_ms) and (self._closed_ms is None or before > self._closed_ms)
            if settles and sample.time_ms < before + self._grid.sample_interval_ms:
                self._closed.setdefault(before, Readings()).ahead.append(sample)
        if until_ms is None:
            self._open = {}
        else:
            self._open = {key: s for key, s in self._open.items() if s.time_ms > until_ms}
            self._closed_ms = until_ms

    def _end_of(self, time_ms: int) -> int:
        """The end of the interval (P, P + publish_every] that holds the time."""
        return times.next_multiple(time_ms - 1, self._grid.publish_every_ms)
