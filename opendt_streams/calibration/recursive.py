"""The default method: a random-walk Kalman filter on physical parameters (field guide section 1.1), publishing `busy-linear` models.

`decide` reads top to bottom: which power, which rows, learn, judge. The filter is in `kalman`, the samples' way through it in
`learning`, the box in `projection`, the rule of when to publish in `publication`, which readings to believe in `telemetry`, the
uncertainty in `interval`, what is remembered in `estimate`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from opendt_streams.calibration import kalman, publication
from opendt_streams.calibration.estimate import Estimate, from_json, to_json
from opendt_streams.calibration.features import Rows, rows_of
from opendt_streams.calibration.kalman import Fit
from opendt_streams.calibration.learning import Learnt, Sample, learn
from opendt_streams.calibration.metrics import score
from opendt_streams.calibration.pairing import datacenter_power, newest_rows
from opendt_streams.calibration.port import Evidence, Proposal
from opendt_streams.calibration.projection import Projected, project
from opendt_streams.calibration.references import prior_factors, range_per_idle, references
from opendt_streams.calibration.settings import CalibrationSettings
from opendt_streams.calibration.telemetry import Meter, readings
from opendt_streams.errors import BadInput
from opendt_streams.model.canonical import JSON
from opendt_streams.model.decision import Score
from opendt_streams.model.task import Float64, Int64
from opendt_streams.model.topology import ModelType

FITS: Final[ModelType] = "busy-linear"


class Recursive:
    def __init__(self, settings: CalibrationSettings) -> None:
        """
        Raises:
            BadInput: the engine cannot run what this method publishes.
        """
        if FITS not in settings.capabilities.power_models:
            raise BadInput(
                f"calibration method recursive publishes the power model {FITS}, which this engine cannot run",
                expected=f"an engine that runs {FITS}",
                hint="Use --engine native, or --calibration off.",
            )
        self._settings = settings

    @property
    def name(self) -> str:
        return "recursive"

    def decide(self, estimate: Mapping[str, JSON], evidence: Evidence) -> Proposal:
        known = from_json(estimate)
        time_ms, power_w = datacenter_power(evidence.samples, evidence.in_force)
        if not len(time_ms):
            return Proposal(to_json(replace(known, instant_ms=evidence.instant_ms)), None, "no telemetry")
        watts = references(evidence.in_force, known.references, known.published)
        rows = rows_of(evidence.results, evidence.in_force, watts)
        seen = rows.at(newest_rows(rows.time_ms, time_ms, self._settings.sample_interval_ms))
        meters = readings(known.meter, time_ms.tolist(), power_w.tolist())
        held_out_ms = publication.held_out_from(evidence.instant_ms, self._settings.publish_every_ms)

        prior, idle_scale = prior_factors(evidence.in_force, watts), range_per_idle(evidence.in_force, watts)
        learnt = learn(known.fit, known.anchor, _samples(time_ms, power_w, meters, seen), prior, idle_scale, held_out_ms)
        fit = learnt.fit.rounded() if learnt.fit is not None and learnt.fit.rounded().sound else None
        candidate = _within_bounds(fit) if fit is not None else None

        test = [i for i in learnt.believed if time_ms[i] > held_out_ms]
        held = _last_reading(time_ms, power_w, held_out_ms, known.meter)
        before = score(seen.in_force_w[test], power_w[test], held) if test else None
        without_w = _held_out_prediction(learnt.before_held_out, seen, test)
        after = score(without_w, power_w[test], held) if without_w is not None else None

        frozen = _frozen(learnt, meters[-1])
        reason = frozen or _reason_to_keep(learnt, candidate, before, after, rows)
        publish = candidate.point if candidate is not None and reason is None else None
        alarms = _alarms(candidate, frozen)

        finished, interval = None, known.interval
        if known.instant_ms is not None:  # what came before the first instant was published by nobody
            finished = score(seen.published_w, power_w, known.meter.power_w if known.meter is not None else None)
            fair = list(learnt.believed)
            interval = interval.learn(time_ms[fair], seen.published_w[fair], power_w[fair])
        elif without_w is not None:
            interval = interval.seeded((np.abs(power_w[test] - without_w) / without_w).tolist())

        return Proposal(
            estimate=to_json(
                Estimate(
                    instant_ms=evidence.instant_ms,
                    meter=meters[-1],
                    fit=fit,
                    anchor=learnt.anchor.rounded() if learnt.anchor is not None and fit is not None and not meters[-1].stuck else None,
                    references=watts,
                    published=publish or known.published,
                    interval=interval,
                    alarmed=tuple(kind for kind, _ in alarms),
                )
            ),
            models={place: reference.model(publish) for place, reference in watts.items()} if publish is not None else None,
            reason=reason or "calibrated",
            score_in_force=finished,
            score_before=before,
            score_after=after,
            interval_half_width=interval.half_width,
            alarms=tuple((kind, text) for kind, text in alarms if kind not in known.alarmed),
        )


def _samples(time_ms: Int64, power_w: Float64, meters: Sequence[Meter], seen: Rows) -> list[Sample]:
    columns = zip(time_ms.tolist(), power_w.tolist(), meters, seen.datasheet_w.tolist(), seen.comparable.tolist(), strict=True)
    return [Sample(t, m, meter, (x[0], x[1], x[2]) if comparable else None) for t, m, meter, x, comparable in columns]


def _within_bounds(fit: Fit) -> Projected:
    """The nearest physical factors, in the resolution of the topic; rounding cannot leave the box, whose bounds have fewer digits."""
    found = project(fit.factors, fit.covariance, publication.LOWER, publication.UPPER)
    idle, busy, slope = found.point
    # the covariance is in steps, so is the distance
    return replace(found, point=(round(idle, 6), round(busy, 6), round(slope, 6)), distance=found.distance / kalman.STEP)


def _last_reading(time_ms: Int64, power_w: Float64, until_ms: int, meter: Meter | None) -> float | None:
    """What persistence holds after `until_ms`."""
    newest = int(np.searchsorted(time_ms, until_ms, side="right")) - 1
    if newest >= 0:
        return float(power_w[newest])
    return meter.power_w if meter is not None else None


def _held_out_prediction(fit: Fit | None, seen: Rows, test: list[int]) -> Float64 | None:
    """What the fit without the held-out samples says about them."""
    return seen.predicted_w(_within_bounds(fit).point)[test] if fit is not None and test else None


def _frozen(learnt: Learnt, meter: Meter) -> str | None:
    """Why the telemetry is not to be trusted at this instant, if so: the meter is stuck, or not one sample could be believed."""
    complaint = meter.complaint if meter.stuck else (learnt.complaint if not learnt.believed else None)
    return f"telemetry frozen: {complaint}" if complaint else None


def _reason_to_keep(learnt: Learnt, candidate: Projected | None, before: Score | None, after: Score | None, rows: Rows) -> str | None:
    """Why nothing is published although the telemetry is sound, if so."""
    if not learnt.believed:
        return "no results to compare the telemetry with"
    if candidate is None:
        return "the fit is not finite and begins again"
    if objection := publication.veto(before, after):
        return objection
    if publication.changes_nothing(rows.predicted_w(candidate.point)[rows.comparable], rows.in_force_w[rows.comparable]):
        return "no change"
    return None


def _alarms(candidate: Projected | None, frozen: str | None) -> list[tuple[str, str]]:
    """What is wrong as things stand, (kind, text)."""
    found = [("telemetry", frozen)] if frozen else []
    beyond = publication.bound_alarm(candidate) if candidate is not None else None
    return found + ([("bound", beyond)] if beyond else [])
