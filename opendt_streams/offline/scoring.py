"""The figures of one method at one interval: the official score, what was said beside it, and what it cost."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from opendt_streams.calibration.metrics import coverage_percent, mape_percent, official_score, persistence_w, skill
from opendt_streams.model import times
from opendt_streams.model.task import Float64
from opendt_streams.offline.definitions import means_score
from opendt_streams.offline.driving import Driven
from opendt_streams.offline.recording import Recording

PERSISTENCE: Final = "persistence"


@dataclass(frozen=True, slots=True)
class Figures:
    """Of the samples after `scored_from_ms`. Percentages, and milliseconds of CPU per decision; None where there is no such figure.

    All are of the pure model but `corrected_*`, which are with the discrepancy term. `b_*` are by definition B, the others by the official
    rule. Coverage is that of the 90 % interval.
    """

    method: str
    publish_every_ms: int
    scored_from_ms: int
    samples: int
    excluded: int
    mape_percent: float | None
    share_under_10_percent: float | None
    p95_percent: float | None
    bias_percent: float | None
    cvrmse_percent: float | None
    energy_error_percent: float | None
    persistence_mape_percent: float | None
    skill: float | None
    corrected_mape_percent: float | None
    corrected_skill: float | None
    coverage_percent: float | None
    b_mape_percent: float | None
    b_good_hours_percent: float | None
    decisions: int
    publications: int
    alarms: int
    decision_ms_mean: float | None = None
    decision_ms_p95: float | None = None


def figures(recording: Recording, driven: Driven, from_ms: int | None = None) -> Figures:
    """Score what was driven, from the first instant on or from a later time."""
    from_ms = max(driven.first_instant_ms, from_ms or driven.first_instant_ms)
    sample_ms, measured_w = recording.measured
    predicted_w = recording.of_samples(driven.row_w)
    corrected_w = corrected(recording, driven, predicted_w)
    every = driven.grid.publish_every_ms
    found = _figures(recording, driven.method, every, from_ms, predicted_w)
    after = sample_ms > from_ms
    with_term = mape_percent(corrected_w[after], measured_w[after]) if corrected_w is not None else None
    held = persistence_w(sample_ms, measured_w, every)
    both = after & np.isfinite(held) & np.isfinite(predicted_w)
    seconds = np.array(driven.seconds)
    said = [d for d in driven.decisions if d.instant_ms > from_ms - every]
    return replace(
        found,
        corrected_mape_percent=with_term,
        corrected_skill=(
            skill(mape_percent(corrected_w[both], measured_w[both]), found.persistence_mape_percent) if corrected_w is not None else None
        ),
        coverage_percent=coverage_percent(predicted_w[after], measured_w[after], half_widths(recording, driven)[after]),
        decisions=len(said),
        publications=sum(d.outcome == "calibrated" for d in said),
        alarms=sum(a.time_ms > from_ms - every for a in driven.alarms),
        decision_ms_mean=round(1000 * float(seconds.mean()), 3) if seconds.any() else None,
        decision_ms_p95=round(1000 * float(np.quantile(seconds, 0.95)), 3) if seconds.any() else None,
    )


def persistence_figures(recording: Recording, publish_every_ms: int, from_ms: int | None = None) -> Figures:
    """What holding the last sample before each instant reaches."""
    first = recording.grid(publish_every_ms).first_instant(recording.start_ms)
    held = persistence_w(*recording.measured, publish_every_ms)
    return _figures(recording, PERSISTENCE, publish_every_ms, max(first, from_ms or first), held)


def corrected(recording: Recording, driven: Driven, predicted_w: Float64) -> Float64 | None:
    """The prediction per sample with the discrepancy term of the newest instant; None where no decision has one."""
    terms = [(d.instant_ms, d.discrepancy) for d in driven.decisions]
    if not any(term for _, term in terms):
        return None
    sample_ms = recording.measured[0]
    index = np.searchsorted([instant for instant, _ in terms], sample_ms, side="left") - 1
    offset = np.array([term.offset_w if term else 0.0 for _, term in terms])[np.maximum(index, 0)]
    decay = np.array([term.decay_per_hour if term else 0.0 for _, term in terms])[np.maximum(index, 0)]
    hours = (sample_ms - np.array([instant for instant, _ in terms])[np.maximum(index, 0)]) / times.HOUR
    return np.asarray(predicted_w + np.where(index >= 0, offset * decay ** np.maximum(hours, 0.0), 0.0))


def half_widths(recording: Recording, driven: Driven) -> Float64:
    """Relative half-width of the interval per sample, as the newest instant before it said; NaN before there was any."""
    sample_ms = recording.measured[0]
    instants = [d.instant_ms for d in driven.decisions]
    widths = np.array([np.nan if d.interval_half_width is None else d.interval_half_width for d in driven.decisions] or [np.nan])
    index = np.searchsorted(instants, sample_ms, side="left") - 1
    return np.where(index >= 0, widths[np.maximum(index, 0)], np.nan)


def _figures(recording: Recording, name: str, publish_every_ms: int, from_ms: int, predicted_w: Float64) -> Figures:
    sample_ms, measured_w = recording.measured
    found = official_score(sample_ms, measured_w, predicted_w, from_ms, publish_every_ms)
    by_means = means_score(sample_ms, measured_w, predicted_w, from_ms)
    score = found.score
    return Figures(
        method=name,
        publish_every_ms=publish_every_ms,
        scored_from_ms=from_ms,
        samples=score.samples,
        excluded=found.excluded,
        mape_percent=score.mape_percent,
        share_under_10_percent=score.share_under_10_percent,
        p95_percent=found.p95_percent,
        bias_percent=score.bias_percent,
        cvrmse_percent=score.cvrmse_percent,
        energy_error_percent=found.energy_error_percent,
        persistence_mape_percent=score.persistence_mape_percent,
        skill=score.skill,
        corrected_mape_percent=None,
        corrected_skill=None,
        coverage_percent=None,
        b_mape_percent=by_means.mape_percent,
        b_good_hours_percent=by_means.good_hours_percent,
        decisions=0,
        publications=0,
        alarms=0,
    )
