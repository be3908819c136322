"""Whether a meter's clock runs with the load's: readings that fit the load of another minute far better than that of their own do not.

Within windows of some minutes, readings are compared with what the parameters in force draw, shifted by every lag: the pattern alone,
for a level that is off says nothing about clocks. A clock is off where the same lag explains the readings of two windows; it is right
again where none explains them that much better than the lag. Steady load, which any lag explains, says neither. Where one of the last
windows of an interval is explained very well, its readings are in doubt: not learnt from, and no reason to complain yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from opendt_streams.calibration.features import Flags
from opendt_streams.calibration.pairing import newest_rows
from opendt_streams.model import times
from opendt_streams.model.task import Float64, Int64

WINDOW, STRIDE = 40, 10  # samples
LARGEST_ROWS: Final = 60
SMALLEST_ROWS: Final = 4
"""Lags that are looked for, in rows: 2 to 30 min at 30 s. A meter that shows the mean of the last minute is not off."""
FAR_OFF: Final = 0.01
"""Scatter of the ratio of readings to load from which on it is worth looking, and no less than twice the usual one."""
USUAL: Final = 2.0
EXPLAINED: Final = 0.4
"""Share of the scatter that a lag must leave at most to be the reason for it."""
ALONE: Final = 0.2
"""Share from which on one window is enough for doubt, where its scatter is large."""
NEWEST: Final = 3  # windows whose doubts are still open at the end of an interval
LONGEST_MS: Final = 8 * times.HOUR
"""After so long the readings are taken as they are."""
_MOST: Final = 1e9
_FEWEST: Final = 20  # pairs that a lag must be judged by


@dataclass(frozen=True, slots=True)
class Synchrony:
    """`off` per sample, `lag` [rows] at the end of the interval, 0 for none, and since when [ms] the clock has been off; `doubted_ms` is
    since when it may be, if that is still open."""

    off: Flags
    lag: int
    since_ms: int
    doubted_ms: int | None = None

    @property
    def complaint(self) -> str | None:
        if self.lag:
            return f"meter's clock is off since {times.iso(self.since_ms)}"
        return f"meter's clock may be off since {times.iso(self.doubted_ms)}" if self.doubted_ms is not None else None


def compare(
    time_ms: Int64,
    power_w: Float64,
    believed: Flags,
    row_ms: Int64,
    row_w: Float64,
    usual: float,
    row_every_ms: int,
    lag: int,
    since_ms: int,
) -> Synchrony:
    """Follow the clock through an interval that begins with it off by `lag` rows since `since_ms` (0: with it right)."""
    off = np.full(len(time_ms), lag != 0)
    chosen = np.flatnonzero(believed)
    if len(chosen) < WINDOW or not len(row_ms):
        return Synchrony(off, lag, since_ms)
    t, m = time_ms[chosen], power_w[chosen]
    lags = [0, *(n for n in range(-LARGEST_ROWS, LARGEST_ROWS + 1) if abs(n) >= SMALLEST_ROWS)]
    if lag != 0 and int(t[-1]) - since_ms > LONGEST_MS:
        lag = 0
        off[:] = False
    own = _ratios(t, m, row_ms, row_w, 0, row_every_ms)
    limit, ratios = max(FAR_OFF, USUAL * usual), None
    suspect: tuple[int, int] | None = None  # the lag that explained an earlier window, and where that began
    doubted: int | None = None  # where one began that was explained very well
    for end in range(WINDOW, len(t) + 1, STRIDE):
        part = slice(end - WINDOW, end)
        here = float(_spread(own[None, part])[0])
        if lag == 0 and suspect is None and not here > limit:
            continue
        if ratios is None:
            ratios = np.array([_ratios(t, m, row_ms, row_w, n, row_every_ms) for n in lags])
        spreads = _spread(ratios[:, part])
        unshifted = _spread(np.where(np.isfinite(ratios[:, part]), own[part], np.nan))  # of the same readings
        better = np.where(np.isfinite(spreads), spreads / np.clip(unshifted, limit, _MOST), np.inf)
        if lag != 0:
            if here <= min(limit, EXPLAINED * float(spreads[lags.index(lag)])):
                lag, suspect = 0, None
                off[chosen[part.start] :] = False
            continue
        best = int(np.argmin(better))
        if here > limit and better[best] < EXPLAINED:
            again = suspect is not None and abs(suspect[0] - lags[best]) <= 1
            begun = suspect[1] if suspect is not None and again else part.start
            if again:
                near = np.flatnonzero(np.abs(np.array(lags) - lags[best]) <= 1)
                lag, since_ms = lags[near[int(np.argmin(_spread(ratios[near, begun : end + WINDOW])))]], int(t[begun])
                off[chosen[begun] :] = True
            elif here > 2 * limit and better[best] < ALONE:
                doubted = begun
            suspect = lags[best], begun
        elif suspect is not None and here <= EXPLAINED * float(spreads[lags.index(suspect[0])]):
            suspect = doubted = None
    if lag == 0 and doubted is not None and doubted >= len(t) - WINDOW - NEWEST * STRIDE:
        off[chosen[doubted] :] = True
        return Synchrony(off, lag, since_ms, int(t[doubted]))
    return Synchrony(off, lag, since_ms)


def _ratios(time_ms: Int64, power_w: Float64, row_ms: Int64, row_w: Float64, lag: int, row_every_ms: int) -> Float64:
    """Each reading over the load `lag` rows before it; NaN where the interval has none."""
    rows = newest_rows(row_ms, time_ms - lag * row_every_ms, row_every_ms)
    there = (rows >= 0) & (row_w[rows] > 0)
    return np.where(there, power_w / np.where(there, row_w[rows], 1.0), np.nan)


def _spread(ratios: Float64) -> Float64:
    """How far the ratios of each line are from their median, in the median, relative; infinite where there are too few."""
    count = np.isfinite(ratios).sum(axis=1)
    lines, middle = np.arange(len(ratios)), np.minimum(count // 2, ratios.shape[1] - 1)
    level = np.sort(ratios, axis=1)[lines, middle]  # what is missing is sorted to the end
    apart = np.sort(np.abs(ratios - level[:, None]), axis=1)[lines, middle] / np.where(level > 0, level, 1.0)
    return np.where(count >= _FEWEST, apart, np.inf)
