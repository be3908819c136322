"""Which readings of a meter can be believed: a filter must not learn from a meter that hangs, jumps or says nothing.

One meter's samples go through `Meter.read` one by one, each with what the parameters in force draw under that load. A reading is not
believed where it is no number above 0, where the hosts cannot draw it, where it has left the load behind from one sample to the next,
or where the meter repeats itself although a healthy one would not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

from opendt_streams.model import times

LONGEST_HOLD: Final = 20
"""Samples for which a healthy meter may repeat a value (SURF's longest is 16: field guide 1.1)."""
LOAD_MOVED: Final = 0.005
"""Relative change of expected power beyond which a meter that holds its value for longer is stuck, whatever its habits."""
HABIT: Final = 0.9
"""Share of repeated readings from which on a meter at steady load may hold a value for ever: a quiet meter of an idle datacenter."""
_HABIT_MEMORY, _LEAST_CHANGES, _MOST_CHANGES = 200, 20, 1000

MARGIN: Final = 2.0
"""How far beyond what parameters within their bounds can explain a reading is still believed."""
UNIT: Final = 100.0
"""A reading so many times off is in another unit."""

JUMP: Final = 1.35
"""Factor by which power may change from one sample to the next without the load. Well above a step of 20 % of idle power, which is true."""
STEADY: Final = 0.1
"""Relative change of expected power up to which the load counts as unchanged."""
BACK: Final = 1.2
"""Factor within which power is again where it was before the jump."""
LONGEST_JUMP_MS: Final = 8 * times.HOUR
"""What has been another level for so long is the truth: hardware was added behind the meter, or its transformer changed."""
_RATIO_MEMORY, _LEAST_RATIOS = 10, 20

CERTAIN: Final = 5
"""Samples in a row that must be wrong before it is a fault, and not a spike."""


@dataclass(slots=True)
class Meter:
    """What the meter showed last, since when, in how many samples, and all that is needed to judge the next reading.

    `least`, `most`: range of expected power during the hold; `changes`, `repeats`: how often it showed another value, and the share of
    readings that repeated the one before; `expected`, `ratio`, `ratios`: of believed readings, the newest expected power, how many
    times that the meter shows, and of how many that is the mean; `jumped_ms`: since when it has been elsewhere; `wrong`, `wrong_ms`: how
    many readings in a row were not believed, and since when.
    """

    power_w: float = 0.0
    since_ms: int = 0
    held: int = 0
    least: float = 0.0
    most: float = 0.0
    changes: int = 0
    repeats: float = 0.0
    expected: float = 0.0
    ratio: float = 0.0
    ratios: int = 0
    jumped_ms: int | None = None
    wrong: int = 0
    wrong_ms: int = 0
    complaint: str | None = None

    @property
    def stuck(self) -> bool:
        if self.held <= LONGEST_HOLD:
            return False
        return self.most - self.least > LOAD_MOVED * self.least or (self.changes >= _LEAST_CHANGES and self.repeats < HABIT)

    @property
    def certain(self) -> bool:
        """Whether the present complaint is a fault of the meter, and not a spike."""
        return self.complaint is not None and (self.wrong >= CERTAIN or self.stuck)

    def read(self, time_ms: int, power_w: float, expected_w: float | None, least_w: float = 0.0, most_w: float = math.inf) -> None:
        """The next reading. `expected_w` is by the parameters in force, None where there is no row to compare with; hosts can draw from
        `least_w` to `most_w`. A reading that is not a number shows nothing: as 0 W."""
        before_w, power_w = self.power_w, power_w if math.isfinite(power_w) else 0.0
        self._hold(time_ms, power_w, expected_w)
        if not power_w > 0:
            self._blame(time_ms, f"meter at {power_w:g} W")
        elif expected_w is not None and not (MARGIN * power_w >= least_w and power_w <= MARGIN * most_w):
            self._blame(time_ms, _implausible(power_w, least_w, most_w))
        elif self.stuck:
            self._blame(self.since_ms, "meter stuck")
        elif expected_w is None or not expected_w > 0:
            self._believe()
        else:
            self._judge(time_ms, power_w, expected_w, before_w)

    def by(self, factor: float) -> Meter:
        """The same meter where other parameters come into force, which draw `factor` times as much."""
        ratio = self.ratio / factor
        return replace(self, expected=self.expected * factor, ratio=ratio, least=self.least * factor, most=self.most * factor)

    def _hold(self, time_ms: int, power_w: float, expected_w: float | None) -> None:
        if self.held == 0 or power_w != self.power_w:
            if 0 < self.held <= LONGEST_HOLD:
                self.repeats -= self.repeats / _HABIT_MEMORY
            self.changes = min(self.changes + (self.held > 0), _MOST_CHANGES)
            self.power_w, self.since_ms, self.held = power_w, time_ms, 1
            self.least = self.most = expected_w or 0.0
            return
        if self.held < LONGEST_HOLD:
            self.repeats += (1 - self.repeats) / _HABIT_MEMORY
        self.held += 1
        if expected_w is not None:
            self.least = min(self.least, expected_w) if self.most > 0 else expected_w
            self.most = max(self.most, expected_w)

    def _blame(self, since_ms: int, complaint: str) -> None:
        self.wrong_ms = self.wrong_ms if self.wrong else since_ms
        self.wrong += 1
        self.complaint = f"{complaint} since {times.iso(self.wrong_ms)}"

    def _believe(self) -> None:
        self.wrong, self.complaint = 0, None

    def _judge(self, time_ms: int, power_w: float, expected_w: float, before_w: float) -> None:
        """A reading that could be true, against the load."""
        now, was_expected, self.expected = power_w / expected_w, self.expected, expected_w
        if self.jumped_ms is not None:
            apart, was = _apart(now, self.ratio), before_w / was_expected if before_w > 0 else now
            jumped_back = apart < _apart(was, self.ratio) and _apart(now, was) > BACK
            if not (apart <= BACK or jumped_back or time_ms - self.jumped_ms > LONGEST_JUMP_MS):
                self._blame(self.jumped_ms, f"meter at {apart:.1f} times another level than the load explains")
                return
            self.ratio, self.ratios, self.jumped_ms = now, 1, None
        elif not abs(expected_w - was_expected) <= STEADY * was_expected:  # at another load the parameters may be another factor off
            self.ratio, self.ratios = now, 1
        elif (
            self.ratios >= _LEAST_RATIOS
            and not self.wrong
            and _apart(now, self.ratio) > JUMP
            and before_w > 0
            and _apart(power_w, before_w) > BACK
        ):
            self.jumped_ms = time_ms
            self._blame(time_ms, f"power jumped to {power_w:g} W while the load did not")
            return
        else:
            self.ratio = now if self.ratios == 0 else self.ratio + (now - self.ratio) / min(self.ratios + 1, _RATIO_MEMORY)
            self.ratios = min(self.ratios + 1, _LEAST_RATIOS)
        self._believe()


def _apart(a: float, b: float) -> float:
    """The factor between two positive numbers, at least 1."""
    return max(a / b, b / a)


def _implausible(power_w: float, least_w: float, most_w: float) -> str:
    unit = power_w > UNIT * most_w or UNIT * power_w < least_w
    return f"{'another unit: ' if unit else ''}power of {power_w:g} W where the hosts can draw {least_w:.0f} to {most_w:.0f} W"
