"""What the calibrator says: decisions, which carry its whole state, and alarms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from opendt_streams.model.canonical import JSON


@dataclass(frozen=True, slots=True)
class Score:
    """Prediction against measurement over some samples; None where there is nothing to score. Definitions: calibration.metrics."""

    samples: int
    mape_percent: float | None = None
    share_under_10_percent: float | None = None
    bias_percent: float | None = None
    cvrmse_percent: float | None = None
    persistence_mape_percent: float | None = None
    skill: float | None = None
    corrected_mape_percent: float | None = None  # with the discrepancy that was published; the others are of the pure model
    corrected_skill: float | None = None


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """Additive correction of the pure model's power after the instant: offset x decay ** (hours since the instant)."""

    offset_w: float
    decay_per_hour: float


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided at one publication instant, from which data, and the estimator's state to go on from.

    `topology_event` names the event that carries new parameters; it is None where `reason` says why they were kept.
    `parameters` are the power parameters in force after the decision, per "cluster index/host entry index".
    `score_in_force` is the finished hour as published, `score_before` and `score_after` the held-out comparison of old and new.
    """

    id: str
    datacenter: str
    instant_ms: int
    method: str
    outcome: str  # "calibrated" or "kept"
    reason: str
    parameters: Mapping[str, Mapping[str, JSON]]
    estimate: Mapping[str, JSON]
    samples: int
    late_samples: int
    topology_event: str | None = None
    data_from_ms: int | None = None
    data_until_ms: int | None = None
    score_in_force: Score | None = None
    score_before: Score | None = None
    score_after: Score | None = None
    interval_half_width: float | None = None  # relative, of the 90 % interval
    discrepancy: Discrepancy | None = None


@dataclass(frozen=True, slots=True)
class Alarm:
    id: str
    datacenter: str
    kind: str
    time_ms: int
    text: str
