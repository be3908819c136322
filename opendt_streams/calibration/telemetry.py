"""Which readings of a meter can be believed: a filter must not learn from a meter that hangs or says nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from opendt_streams.model import times

LONGEST_HOLD: Final = 20
"""Samples for which a healthy meter may repeat a value (SURF's longest is 16: field guide 1.1)."""

MARGIN: Final = 2.0
"""How far beyond what parameters within their bounds can explain a reading is still believed."""


@dataclass(frozen=True, slots=True)
class Meter:
    """What the meter showed last, since when, and in how many samples."""

    power_w: float
    since_ms: int
    held: int

    def next(self, time_ms: int, power_w: float) -> Meter:
        if power_w == self.power_w:
            return Meter(power_w, self.since_ms, self.held + 1)
        return Meter(power_w, time_ms, 1)

    @property
    def stuck(self) -> bool:
        return self.held > LONGEST_HOLD

    @property
    def complaint(self) -> str | None:
        """Why the present reading is not to be learnt from, if so."""
        if not self.power_w > 0:
            return f"meter at {self.power_w:g} W since {times.iso(self.since_ms)}"
        return f"meter stuck since {times.iso(self.since_ms)}" if self.stuck else None


def readings(meter: Meter | None, time_ms: list[int], power_w: list[float]) -> list[Meter]:
    """The meter after each sample. One that is not a number shows nothing: as 0 W."""
    shown: list[Meter] = []
    for t, raw in zip(time_ms, power_w, strict=True):
        power = raw if math.isfinite(raw) else 0.0
        meter = Meter(power, t, 1) if meter is None else meter.next(t, power)
        shown.append(meter)
    return shown


def implausible(power_w: float, least_w: float, most_w: float) -> str | None:
    """Why a reading cannot be of these hosts (a unit error, another site's meter), if so. The bounds are of the parameters."""
    if MARGIN * power_w >= least_w and power_w <= MARGIN * most_w:
        return None
    return f"power of {power_w:g} W where the hosts can draw {least_w:.0f} to {most_w:.0f} W"
