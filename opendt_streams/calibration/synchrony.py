"""Whether a meter's clock runs with the load's: readings that fit the load of another minute far better than that of their own do not.

Within windows of some minutes, readings are compared with what the parameters in force draw, shifted by every lag. A clock is off where
the same lag explains the readings of two windows and none does not; it is right again where none does better than that lag.
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
FAR_OFF: Final = 0.02
"""Error from which on it is worth looking, and no less than three times the usual one."""
USUAL: Final = 3.0
EXPLAINED: Final = 0.4
"""Share of the error that a lag must leave at most to be the reason for it."""
_FEWEST: Final = 20  # pairs that a lag must be judged by


@dataclass(frozen=True, slots=True)
class Synchrony:
    """`off` per sample, `lag` [rows] at the end of the interval, 0 for none, and since when [ms] the clock has been off."""

    off: Flags
    lag: int
    since_ms: int

    @property
    def complaint(self) -> str | None:
        return f"meter's clock is off since {times.iso(self.since_ms)}" if self.lag else None


def compare(
    time_ms: Int64, power_w: Float64, believed: Flags, row_ms: Int64, row_w: Float64, usual: float, row_every_ms: int, lag: int, since_ms: int
) -> Synchrony:
    """Follow the clock through an interval that begins with it off by `lag` rows since `since_ms` (0: with it right)."""
    off = np.full(len(time_ms), lag != 0)
    chosen = np.flatnonzero(believed)
    if len(chosen) < WINDOW or not len(row_ms):
        return Synchrony(off, lag, since_ms)
    t, m = time_ms[chosen], power_w[chosen]
    own = _errors(t, m, row_ms, row_w, 0, row_every_ms)
    limit = max(FAR_OFF, USUAL * usual)
    lags = [n for n in range(-LARGEST_ROWS, LARGEST_ROWS + 1) if abs(n) >= SMALLEST_ROWS]
    shifted: Float64 | None = None
    suspect: int | None = None  # the lag that explained the window before
    for end in range(WINDOW, len(t) + 1, STRIDE):
        part = slice(end - WINDOW, end)
        here = float(np.median(np.nan_to_num(own[part])))
        if lag == 0 and here <= limit:
            suspect = None
            continue
        if shifted is None:
            shifted = np.array([_errors(t, m, row_ms, row_w, n, row_every_ms) for n in lags])
        enough = np.isfinite(shifted[:, part]).sum(axis=1) >= _FEWEST
        medians = np.where(enough, np.nanmedian(np.where(enough[:, None], shifted[:, part], 1.0), axis=1), np.inf)
        best = int(np.argmin(medians))
        explains = lag == 0 and medians[best] < EXPLAINED * here
        if explains and suspect is not None and abs(suspect - lags[best]) <= 1:
            lag, since_ms = lags[best], int(t[part.start - STRIDE])
            off[chosen[part.start - STRIDE] :] = True
        elif lag != 0 and here <= limit and here <= medians[lags.index(lag)]:
            lag = 0
            off[chosen[part.start] :] = False
        suspect = lags[best] if explains else None
    return Synchrony(off, lag, since_ms)


def _errors(time_ms: Int64, power_w: Float64, row_ms: Int64, row_w: Float64, lag: int, row_every_ms: int) -> Float64:
    """Relative error of each reading against the load `lag` rows before it; NaN where the interval has none."""
    rows = newest_rows(row_ms, time_ms - lag * row_every_ms, row_every_ms)
    there = (rows >= 0) & (row_w[rows] > 0)
    return np.where(there, np.abs(power_w - row_w[rows]) / power_w, np.nan)
