"""The figures of one method at one interval: the official score, what was said beside it, and what it cost."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from opendt_streams.calibration.discrepancy import with_correction
from opendt_streams.calibration.metrics import means_score, official_score, persistence_w
from opendt_streams.model.task import Float64, Int64
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
    every, sample_ms = driven.grid.publish_every_ms, recording.measured[0]
    predicted_w = recording.of_samples(driven.row_w)
    corrected_w, half_width = _said_beside(driven, sample_ms, predicted_w)
    found = _figures(recording, driven.method, every, from_ms, predicted_w, corrected_w, half_width)
    seconds = np.array(driven.seconds)
    said = [d for d in driven.decisions if d.instant_ms > from_ms - every]
    return replace(
        found,
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


def _said_beside(driven: Driven, sample_ms: Int64, predicted_w: Float64) -> tuple[Float64 | None, Float64]:
    """(predictions with the correction of the instant before, None where no decision had one; half-widths, NaN where there was none)."""
    corrected_w, half_width = predicted_w.copy(), np.full(len(sample_ms), np.nan)
    for decision in driven.decisions:
        span = [decision.instant_ms, decision.instant_ms + driven.grid.publish_every_ms]
        part = slice(*np.searchsorted(sample_ms, span, side="right").tolist())
        corrected_w[part] = with_correction(sample_ms[part], predicted_w[part], decision.discrepancy, decision.instant_ms)
        half_width[part] = np.nan if decision.interval_half_width is None else decision.interval_half_width
    used = any(decision.discrepancy is not None for decision in driven.decisions)
    return corrected_w if used else None, half_width


def _figures(
    recording: Recording,
    name: str,
    publish_every_ms: int,
    from_ms: int,
    predicted_w: Float64,
    corrected_w: Float64 | None = None,
    half_width: Float64 | None = None,
) -> Figures:
    sample_ms, measured_w = recording.measured
    found = official_score(sample_ms, measured_w, predicted_w, from_ms, publish_every_ms, corrected_w, half_width)
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
        corrected_mape_percent=score.corrected_mape_percent,
        corrected_skill=score.corrected_skill,
        coverage_percent=found.interval_coverage_percent,
        b_mape_percent=by_means.mape_percent,
        b_good_hours_percent=by_means.good_hours_percent,
        decisions=0,
        publications=0,
        alarms=0,
    )
