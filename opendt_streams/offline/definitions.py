"""The other definition of accuracy in the field (field guide section 1, definition B): means of five minutes, and the share of good hours.

Beside the official rule of calibration.metrics, never mixed with it: OpenDT's published figures are of this kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from opendt_streams.calibration.metrics import CLOSE_PERCENT, mape_percent, relative_errors, scorable
from opendt_streams.model import times
from opendt_streams.model.task import Float64, Int64

BIN_MS: Final = 5 * times.MINUTE
HOUR_BINS: Final = times.HOUR // BIN_MS


@dataclass(frozen=True, slots=True)
class MeansScore:
    """MAPE of the means of 5 min, and the share of bins at which the MAPE of the hour until then is at most 10 %."""

    mape_percent: float | None
    good_hours_percent: float | None


def means_score(sample_ms: Int64, measured_w: Float64, predicted_w: Float64, after_ms: int) -> MeansScore:
    """Samples are in order of time; those until `after_ms`, and those without a prediction, count nowhere."""
    keep = (sample_ms > after_ms) & scorable(predicted_w, measured_w)
    if not keep.any():
        return MeansScore(None, None)
    bins, index = np.unique((sample_ms[keep] - 1) // BIN_MS, return_inverse=True)
    count = np.bincount(index, minlength=len(bins))
    p, m = (np.bincount(index, weights=w[keep], minlength=len(bins)) / count for w in (predicted_w, measured_w))
    errors = relative_errors(p, m)
    hours = np.convolve(errors, np.ones(HOUR_BINS) / HOUR_BINS, mode="valid") if len(errors) >= HOUR_BINS else np.empty(0)
    good = round(100 * float((hours <= CLOSE_PERCENT / 100).mean()), 6) if len(hours) else None
    return MeansScore(mape_percent(p, m), good)
