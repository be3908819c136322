"""One interval's readings of one meter: which are believed, what faults began, and how the meter stands at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from opendt_streams.calibration.telemetry import Meter
from opendt_streams.model import times

GAP: Final = 20
"""Readings in a row that may be missing, at the meter's own pace."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A sample with what the parameters in force draw under its load (None where there is no row for it) and what hosts can draw at all."""

    time_ms: int
    power_w: float
    expected_w: float | None
    least_w: float = 0.0
    most_w: float = 0.0


@dataclass(frozen=True, slots=True)
class Pace:
    """When the meter was read last, and the shortest time that ever was between two readings."""

    time_ms: int
    every_ms: int | None = None

    def silent_from(self) -> int | None:
        """The time from which on its silence is a gap."""
        return self.time_ms + (GAP + 1) * self.every_ms if self.every_ms is not None else None


@dataclass(frozen=True, slots=True)
class Watched:
    """`believed` per reading. `hold` is the index of the reading at which the present value was taken on, None if that was before the
    interval; `undone` says that what was learnt since then, in an earlier interval, must be undone. `faults` are (time, text) of what
    became certain in the interval; `frozen` says that it still is at its end, and `complaint` why, or what was wrong last."""

    meter: Meter
    pace: Pace | None
    believed: tuple[bool, ...]
    hold: int | None
    undone: bool
    faults: tuple[tuple[int, str], ...]
    complaint: str | None
    frozen: bool
    lag: int = 0
    lag_since_ms: int = 0


def watch(
    meter: Meter, pace: Pace | None, readings: Sequence[Reading | None], after_ms: int, until_ms: int, *, fitted: bool = True
) -> Watched:
    """Follow the meter through the interval (after, until]. None is no reading; one at or before the newest known is passed over.

    Until parameters have been `fitted` to the meter, power that leaves the load behind says more about the datasheet than about it.
    """
    meter, believed, faults = replace(meter), [False] * len(readings), list[tuple[int, str]]()
    hold: int | None = None
    undone, complaint = False, None
    for i, r in enumerate(readings):
        if r is None or (pace is not None and r.time_ms <= pace.time_ms):
            continue
        faults += gap(pace, after_ms, r.time_ms)
        pace = _next(pace, r.time_ms)
        was_stuck, was_certain = meter.stuck, meter.certain
        meter.read(r.time_ms, r.power_w, r.expected_w, r.least_w, r.most_w)
        if not fitted:
            meter.ratios = 0
        if meter.held == 1:
            hold = i
        believed[i] = meter.complaint is None and r.expected_w is not None
        if meter.stuck and not was_stuck:  # what was learnt since it took on this value is no longer believed
            undone = undone or hold is None
            first = 0 if hold is None else hold + 1
            believed[first:i] = [False] * (i - first)
        if meter.certain and not was_certain and meter.complaint is not None:
            faults.append((r.time_ms, meter.complaint))
        complaint = meter.complaint or complaint
    faults += gap(pace, after_ms, until_ms)
    frozen = meter.certain
    if missing := gap(pace, 0, until_ms):
        frozen, complaint = True, missing[0][1]
    elif frozen:
        complaint = meter.complaint
    return Watched(meter, pace, tuple(believed), hold, undone, tuple(faults), complaint, frozen)


def gap(pace: Pace | None, after_ms: int, until_ms: int) -> list[tuple[int, str]]:
    """(time, text) if the meter's silence became a gap in (after, until]."""
    since = pace.silent_from() if pace is not None else None
    if pace is None or since is None or not after_ms < since <= until_ms:
        return []
    return [(since, f"no readings since {times.iso(pace.time_ms)}")]


def _next(pace: Pace | None, time_ms: int) -> Pace:
    if pace is None:
        return Pace(time_ms)
    passed = time_ms - pace.time_ms
    return replace(pace, time_ms=time_ms, every_ms=min(passed, pace.every_ms or passed))
