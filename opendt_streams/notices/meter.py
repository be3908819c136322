"""One meter: what is tallied of its readings, slot by slot (a slot is a window), and what follows from that."""

from __future__ import annotations

import math
from array import array
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from opendt_streams.model import times
from opendt_streams.model.plausible import LEVEL, ODD_ABOVE, ODD_BELOW, SENTINELS, Draw, is_possible, lag_between, unit_of
from opendt_streams.model.power import WHOLE_DATACENTER, Meter
from opendt_streams.model.task import Float64
from opendt_streams.notices.notice import Notice, many

FEWEST = 12
"""Slots that a meter's level is judged by."""
LONGEST_LAG_MS = 12 * times.HOUR
_NEWEST = 2_016  # slots that a clock is judged by


_NOTHING = Draw(0.0, 0.0)


@dataclass(slots=True)
class Odd:
    """Readings of one sort: how many, the first, and between which watts."""

    count: int = 0
    first_ms: int = 0
    first_w: float = 0.0
    least_w: float = math.inf
    most_w: float = -math.inf
    can: Draw = _NOTHING

    def add(self, time_ms: int, power_w: float, can: Draw) -> None:
        if not self.count or time_ms < self.first_ms:
            self.first_ms, self.first_w, self.can = time_ms, power_w, can
        self.count += 1
        self.least_w, self.most_w = min(self.least_w, power_w), max(self.most_w, power_w)

    def joined(self, other: Odd) -> Odd:
        first = self if not other.count or (self.count and self.first_ms <= other.first_ms) else other
        least, most = min(self.least_w, other.least_w), max(self.most_w, other.most_w)
        return Odd(self.count + other.count, first.first_ms, first.first_w, least, most, first.can)


@dataclass(slots=True)
class Tally:
    """Of one meter. `sum_w` and `samples` are per slot, of the readings that are possible."""

    meter: Meter
    newest_ms: int | None = None
    first_ms: int = 0
    count: int = 0
    shortest_ms: int | None = None
    sum_w: array[float] = field(default_factory=lambda: array("d"))
    samples: array[int] = field(default_factory=lambda: array("q"))
    impossible: Odd = field(default_factory=Odd)
    odd: Odd = field(default_factory=Odd)
    zero: Odd = field(default_factory=Odd)
    outside: int = 0  # before the first window
    waiting: deque[tuple[int, float]] = field(default_factory=deque)  # of slots whose window is not known yet

    def note(self, time_ms: int, power_w: float) -> bool:
        """Whether a reading is newer than all of this meter before it: else it is late or repeated, and tallied elsewhere."""
        if self.newest_ms is not None:
            if time_ms <= self.newest_ms:
                return False
            step = time_ms - self.newest_ms
            self.shortest_ms = step if self.shortest_ms is None else min(step, self.shortest_ms)
        else:
            self.first_ms = time_ms
        self.newest_ms, self.count = time_ms, self.count + 1
        return True

    def judge(self, slot: int, time_ms: int, power_w: float, can: Draw) -> None:
        """A reading of a slot whose topology is known."""
        if not is_possible(power_w, can.most_w):
            self.impossible.add(time_ms, power_w, can)
            return
        if len(self.sum_w) <= slot:
            self.sum_w.extend([0.0] * (slot + 1 - len(self.sum_w)))
            self.samples.extend([0] * (slot + 1 - len(self.samples)))
        self.sum_w[slot] += power_w
        self.samples[slot] += 1
        if power_w == 0:
            self.zero.add(time_ms, power_w, can)
        elif can.most_w > 0 and not ODD_BELOW * can.idle_w <= power_w <= ODD_ABOVE * can.most_w:
            self.odd.add(time_ms, power_w, can)

    @property
    def of(self) -> str:
        return f"meter {self.meter.name}" if self.meter != WHOLE_DATACENTER else "meter of the datacenter"

    def means(self, slots: int) -> Float64:
        """Measured power per slot [W]; NaN where there is none."""
        count, total = np.zeros(slots), np.zeros(slots)
        n = min(slots, len(self.sum_w))
        count[:n], total[:n] = self.samples[:n], self.sum_w[:n]
        found = np.full(slots, np.nan)
        found[count > 0] = total[count > 0] / count[count > 0]
        return found


def level(tally: Tally, expected_w: Float64, measured_w: Float64) -> Notice | None:
    """A meter many times off in the mean. Both per slot."""
    both = np.isfinite(expected_w) & np.isfinite(measured_w) & (expected_w > 0)
    if int(both.sum()) < FEWEST:
        return None
    simulated, shown = float(expected_w[both].mean()), float(measured_w[both].mean())
    ratio = shown / simulated
    if 1 / LEVEL <= ratio <= LEVEL:
        return None
    unit = unit_of(ratio)
    guess = f"it seems to be in {unit}, not in W" if unit else "another unit, another site, or hosts that the topology does not have"
    return Notice(
        "meter-level",
        f"The {tally.of} is not believed: it shows {shown:,.4g} W in the mean where the simulated hosts draw {simulated:,.4g} W, "
        f"{ratio:,.3g} times as much: {guess}. Scores against it mean nothing.",
        "Send watts; compare the meter with the hosts that the topology has." if unit else "Compare the meter with the topology's hosts.",
        int(both.sum()),
        tally.first_ms,
        tally.meter.name,
    )


def clock(tally: Tally, demand: Float64, measured_w: Float64, slot_ms: int) -> Notice | None:
    """A meter whose curve is that of another time."""
    newest = slice(-_NEWEST, None)
    lag = lag_between(demand[newest], measured_w[newest], LONGEST_LAG_MS // slot_ms)
    if lag is None:
        return None
    minutes = abs(lag) * slot_ms / times.MINUTE
    how = "late" if lag > 0 else "early"
    return Notice(
        "meter-clock",
        f"The {tally.of} seems to be {minutes:.0f} min {how}: its curve is that of the load of another time.",
        "Look at the meter's clock, at its time zone, and at consumption_offset_ms in workload.yaml.",
        1,
        tally.first_ms,
        tally.meter.name,
    )


def odd_readings(tally: Tally, provisional: Tally, *, believed: bool) -> Iterator[Notice]:
    """Single readings that cannot be, or are hard to believe. `provisional` are those whose window is still to come."""
    cannot = tally.impossible.joined(provisional.impossible)
    if cannot.count:
        sentinel = f", a number that devices show when they know nothing ({cannot.first_w:,.10g})" if cannot.first_w in SENTINELS else ""
        yield Notice(
            "reading-impossible",
            f"{cannot.count:,} of {many(tally.count, 'reading')} of the {tally.of} cannot be: {_between(cannot)}, where its "
            f"hosts draw at most {cannot.can.most_w:,.0f} W{sentinel}. They are left out of scores, measured energy and calibration.",
            "Look at the meter, and at the unit (W) of what it sends.",
            cannot.count,
            cannot.first_ms,
            tally.meter.name,
        )
    odd = tally.odd.joined(provisional.odd)
    if odd.count and believed:
        yield Notice(
            "reading-odd",
            f"{odd.count:,} of {many(tally.count, 'reading')} of the {tally.of} are hard to believe: {_between(odd)}, where "
            f"its hosts draw {odd.can.idle_w:,.0f} (idle) to {odd.can.most_w:,.0f} W. They count in scores.",
            "Look at the meter at that time.",
            odd.count,
            odd.first_ms,
            tally.meter.name,
        )
    zero = tally.zero.joined(provisional.zero)
    if zero.count:
        yield Notice(
            "reading-zero",
            f"{zero.count:,} of {many(tally.count, 'reading')} of the {tally.of} are 0 W: no score counts them.",
            "Look at the meter, or at the hosts, at that time.",
            zero.count,
            zero.first_ms,
            tally.meter.name,
        )


def _between(odd: Odd) -> str:
    watts = f"{odd.least_w:,.10g} W" if odd.least_w == odd.most_w else f"{odd.least_w:,.10g} to {odd.most_w:,.10g} W"
    return f"{watts}, first at {times.iso(odd.first_ms)}"
