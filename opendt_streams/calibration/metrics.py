"""What every score means: the one module of definitions, for decisions, reports and tables alike.

m is the measured power, p the predicted one, over the samples that can be scored: both finite and m > 0 (a relative error of
nothing does not exist; nor is anything below a nanowatt or above a petawatt a measurement of a datacenter). Whatever is left out is
left out here, and counted (`OfficialScore.excluded`). All are weighted by sample, but what has energy in its name: that is weighted by
time and by power. Percentages are rounded to 1e-6, so that the last bits of a sum never show.

The official rule is definition A of the field guide made exact (its section 1.1): what an instant P published, from samples t <= P,
is scored on P < t <= next P; the time before the first instant is not scored; persistence holds the last sample t <= P. The other
definition in the field, B, is of the means of five minutes: OpenDT's published figures are of this kind. The two are never mixed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from opendt_streams.model import times
from opendt_streams.model.decision import Score
from opendt_streams.model.rounding import significant_sum
from opendt_streams.model.task import Float64, Int64

Flags: TypeAlias = NDArray[np.bool_]

CLOSE_PERCENT: Final = 10.0
"""The error below which a sample counts as close."""

ASHRAE_HOURLY_CVRMSE_PERCENT: Final = 30.0
ASHRAE_HOURLY_NMBE_PERCENT: Final = 10.0
"""What ASHRAE guideline 14 accepts of a model that is calibrated on hourly data."""

BIN_MS: Final = 5 * times.MINUTE
HOUR_BINS: Final = times.HOUR // BIN_MS

_LEAST_W, _MOST_W = 1e-9, 1e15
_JOULES_PER_KWH: Final = 3_600_000.0


def scorable(predicted_w: Float64, measured_w: Float64) -> Flags:
    """Which samples have a relative error."""
    return np.isfinite(predicted_w) & (measured_w >= _LEAST_W) & (measured_w <= _MOST_W)


def relative_errors(predicted_w: Float64, measured_w: Float64) -> Float64:
    """|p - m| / m of the samples that can be scored, in their order."""
    p, m = _scored(predicted_w, measured_w)
    return np.asarray(np.abs(p - m) / m)


def mape_percent(predicted_w: Float64, measured_w: Float64) -> float | None:
    """Mean of |p - m| / m."""
    errors = relative_errors(predicted_w, measured_w)
    return _percent(errors.mean()) if len(errors) else None


def share_under_percent(predicted_w: Float64, measured_w: Float64, limit_percent: float = CLOSE_PERCENT) -> float | None:
    """Share of samples whose error is below the limit."""
    errors = relative_errors(predicted_w, measured_w)
    return _percent((errors < limit_percent / 100).mean()) if len(errors) else None


def p95_percent(predicted_w: Float64, measured_w: Float64) -> float | None:
    """The error that 95 % of the samples stay below (linear interpolation between order statistics)."""
    errors = relative_errors(predicted_w, measured_w)
    return _percent(np.quantile(errors, 0.95)) if len(errors) else None


def bias_percent(predicted_w: Float64, measured_w: Float64) -> float | None:
    """Normalised mean bias error, NMBE: sum p / sum m - 1."""
    p, m = _scored(predicted_w, measured_w)
    return _percent(p.sum() / m.sum() - 1) if len(m) else None


def cvrmse_percent(predicted_w: Float64, measured_w: Float64) -> float | None:
    """Coefficient of variation of the root mean square error: sqrt(mean (p - m)^2) / mean m."""
    p, m = _scored(predicted_w, measured_w)
    return _percent(np.sqrt(((p - m) ** 2).mean()) / m.mean()) if len(m) else None


def coverage_percent(predicted_w: Float64, measured_w: Float64, half_width: float | Float64) -> float | None:
    """Share of samples within the interval p (1 +- half_width); samples without a half-width (NaN) are left out."""
    widths = np.broadcast_to(half_width, np.shape(measured_w))
    keep = scorable(predicted_w, measured_w) & np.isfinite(widths)
    p, m, h = predicted_w[keep], measured_w[keep], widths[keep]
    return _percent((np.abs(m - p) <= h * np.abs(p)).mean()) if len(m) else None


def energy_kwh(power_w: Float64, duration_ms: Int64) -> float:
    return float((power_w * (duration_ms / times.SECOND)).sum()) / _JOULES_PER_KWH


def skill(mape: float | None, persistence_mape: float | None) -> float | None:
    """1 - MAPE / MAPE of persistence at the same samples: 0 is no better than the last reading, 1 is perfect."""
    return round(1 - mape / persistence_mape, 6) if mape is not None and persistence_mape else None


def times_noise_floor(mape: float | None, floor_percent: float | None) -> float | None:
    """How many times the MAPE that the truth itself has: 1 is all that there is to learn."""
    return round(mape / floor_percent, 6) if mape is not None and floor_percent else None


def score(predicted_w: Float64, measured_w: Float64, held_w: Float64 | float | None = None, corrected_w: Float64 | None = None) -> Score:
    """Everything that a decision says about some samples.

    `held_w` is what persistence predicts, one value per sample (NaN where it has none) or one for all. The skill compares both
    on the samples that have it. `corrected_w` is the prediction with the discrepancy that was published, None where there was none.
    """
    count = int(scorable(predicted_w, measured_w).sum())
    held = np.broadcast_to(np.nan if held_w is None else held_w, np.shape(measured_w)).astype(np.float64)
    both = scorable(predicted_w, measured_w) & np.isfinite(held)
    persistence = mape_percent(held[both], measured_w[both])
    return Score(
        samples=count,
        mape_percent=mape_percent(predicted_w, measured_w),
        share_under_10_percent=share_under_percent(predicted_w, measured_w),
        bias_percent=bias_percent(predicted_w, measured_w),
        cvrmse_percent=cvrmse_percent(predicted_w, measured_w),
        persistence_mape_percent=persistence,
        skill=skill(mape_percent(predicted_w[both], measured_w[both]), persistence),
        corrected_mape_percent=mape_percent(corrected_w, measured_w) if corrected_w is not None else None,
        corrected_skill=skill(mape_percent(corrected_w[both], measured_w[both]), persistence) if corrected_w is not None else None,
    )


def persistence_w(sample_ms: Int64, measured_w: Float64, publish_every_ms: int) -> Float64:
    """What holding the last sample t <= P predicts for P < t <= next P; NaN where there is none. Samples are in order of time."""
    newest = np.searchsorted(sample_ms, _instant_before(sample_ms, publish_every_ms), side="right") - 1
    return np.where(newest >= 0, measured_w[np.maximum(newest, 0)], np.nan)


@dataclass(frozen=True, slots=True)
class MeansScore:
    """Definition B: MAPE of the means of 5 min, and the share of means at which the MAPE of the hour until then is at most 10 %."""

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
    return MeansScore(mape_percent(p, m), _percent((hours <= CLOSE_PERCENT / 100).mean()) if len(hours) else None)


@dataclass(frozen=True, slots=True)
class OfficialScore:
    """A run by the official rule. Energy is of the scored samples, each standing for the time since the sample before it."""

    score: Score
    excluded: int  # after the first instant, but without prediction, or measured as not finite or not above 0
    p95_percent: float | None
    energy_kwh_predicted: float | None  # None, as every figure, where nothing could be scored
    energy_kwh_measured: float | None
    energy_error_percent: float | None  # weighted by time, where `score.bias_percent` is by sample
    energy_weighted_mape_percent: float | None  # sum |p - m| dt / sum m dt, where `score.mape_percent` is by sample
    interval_coverage_percent: float | None  # of the 90 % interval, over the samples that had one


def official_score(
    sample_ms: Int64,
    measured_w: Float64,
    predicted_w: Float64,
    first_instant_ms: int,
    publish_every_ms: int,
    corrected_w: Float64 | None = None,
    half_width: Float64 | None = None,
) -> OfficialScore:
    """Score a run, or any part of it, by the official rule.

    Args:
        sample_ms: times of the samples, ascending; earlier ones than the part to score give persistence its first value.
        measured_w: one per sample.
        predicted_w: one per sample, as published at the time; NaN where there was none.
        first_instant_ms: the first instant P that may have published; samples until then are not scored.
        publish_every_ms: the distance of instants, which are its multiples.
        corrected_w: the predictions with the discrepancies that were published, None where none was.
        half_width: relative, of the interval per sample, NaN where there was none.
    """
    held = persistence_w(sample_ms, measured_w, publish_every_ms)
    since_last_ms = np.diff(sample_ms, prepend=sample_ms[:1]).clip(max=publish_every_ms)  # a longer gap is not measured power
    after = sample_ms > first_instant_ms
    keep = after & scorable(predicted_w, measured_w)
    p, m, durations = predicted_w[keep], measured_w[keep], since_last_ms[keep]
    predicted_kwh, measured_kwh = energy_kwh(p, durations), energy_kwh(m, durations)
    return OfficialScore(
        score=score(p, m, held[keep], corrected_w[keep] if corrected_w is not None else None),
        excluded=int(after.sum() - keep.sum()),
        p95_percent=p95_percent(p, m),
        energy_kwh_predicted=significant_sum([predicted_kwh]) if len(m) else None,
        energy_kwh_measured=significant_sum([measured_kwh]) if len(m) else None,
        energy_error_percent=_percent(predicted_kwh / measured_kwh - 1) if measured_kwh > 0 else None,
        energy_weighted_mape_percent=_percent(energy_kwh(np.abs(p - m), durations) / measured_kwh) if measured_kwh > 0 else None,
        interval_coverage_percent=coverage_percent(p, m, half_width[keep]) if half_width is not None else None,
    )


def scores_by_day(
    sample_ms: Int64,
    measured_w: Float64,
    predicted_w: Float64,
    first_instant_ms: int,
    publish_every_ms: int,
    corrected_w: Float64 | None = None,
    half_width: Float64 | None = None,
) -> dict[int, OfficialScore]:
    """The official score of each UTC day, by its start [ms]: the same arguments, and the same rule for each part."""
    after = sample_ms[sample_ms > first_instant_ms]
    found = {}
    for day_ms in (np.unique((after - 1) // times.DAY) * times.DAY).tolist():
        since_ms = max(day_ms, first_instant_ms)
        first, last = np.searchsorted(sample_ms, [since_ms - publish_every_ms, day_ms + times.DAY], side="right")
        part = slice(int(first), int(last))  # what came before is for persistence alone
        corrected, widths = (column[part] if column is not None else None for column in (corrected_w, half_width))
        found[day_ms] = official_score(
            sample_ms[part], measured_w[part], predicted_w[part], since_ms, publish_every_ms, corrected_w=corrected, half_width=widths
        )
    return found


def _instant_before(sample_ms: Int64, publish_every_ms: int) -> Int64:
    """The instant P of P < t <= next P."""
    return np.asarray((sample_ms - 1) // publish_every_ms * publish_every_ms)


def _scored(predicted_w: Float64, measured_w: Float64) -> tuple[Float64, Float64]:
    keep = scorable(predicted_w, measured_w)
    return predicted_w[keep], measured_w[keep]


def _percent(fraction: float | np.floating) -> float:
    return round(float(fraction) * 100, 6)
