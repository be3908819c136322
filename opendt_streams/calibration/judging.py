"""What becomes of one scope at an instant: the law, the factors within their bounds, and whether they are published."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from opendt_streams.calibration import kalman, publication
from opendt_streams.calibration.estimate import Part
from opendt_streams.calibration.features import Flags, Rows
from opendt_streams.calibration.fitting import Learnt
from opendt_streams.calibration.kalman import Bank
from opendt_streams.calibration.laws import Law
from opendt_streams.calibration.metrics import mape_percent
from opendt_streams.calibration.projection import Covariance, Projected, Vector, project
from opendt_streams.calibration.telemetry import Meter
from opendt_streams.calibration.watch import Watched
from opendt_streams.model.task import Float64, Int64


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """`publish` are factors at the shape `shape`, None where `reason` says why the scope's parameters are kept. `power_w` is what the parameters from now on say about
    the samples, `without_w` what the fit without the held-out ones said; `beyond` what the data wants beyond the bounds."""

    part: Part
    law: Law
    shape: float
    publish: Vector | None
    reason: str | None
    power_w: Float64
    without_w: Float64
    frozen: str | None
    beyond: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Court:
    """What all scopes' verdicts rest on. `tested` are the samples that test the fit: the newest ones."""

    laws: Sequence[Law]
    learnt: Learnt
    time_ms: Int64
    power_w: Float64
    seen: Rows
    rows: Rows
    held_out_from_ms: int
    passed_ms: int

    def verdict(self, s: int, part: Part, watched: Watched) -> Verdict:
        """`s` is the index of the scope in all arrays."""
        laws, learnt, believed = self.laws, self.learnt, self.learnt.believed[:, s]
        x, measured_w, in_force_w = self.seen.x[:, s], self.power_w[:, s], self.seen.in_force_w[:, s]
        tested = believed & (self.time_ms > self.held_out_from_ms)
        before = _boxed(learnt.before_held_out, s, laws, part.shapes)
        merit = part.merit
        if part.fit is not None:
            merit = merit.learn(_errors(x[believed], _boxed(learnt.start, s, laws, part.shapes), measured_w[believed]), self.passed_ms)
        elif tested.any() and not tested[believed].all():
            merit = merit.learn(_errors(x[tested], before, measured_w[tested]), self.passed_ms)
        k = merit.choose(next((i for i, law in enumerate(laws) if law.name == part.law), None))
        law, sound = laws[k], learnt.bank.sound(s)
        candidate = _within_bounds(learnt.bank, s, k, law.box(part.shapes[k])) if sound and learnt.bank.time_ms[s] > 0 else None
        without_w = _power(x[:, k], before[k]) if learnt.before_held_out.time_ms[s] > 0 else np.full(len(x), np.nan)

        frozen = f"telemetry frozen: {watched.complaint}" if watched.complaint and (watched.frozen or not believed.any()) else None
        reason = frozen or _reason_to_keep(candidate, believed, in_force_w[tested], without_w[tested], measured_w[tested])
        if reason is None and candidate is not None and self._changes_nothing(s, k, candidate.point):
            reason = "no change"
        publish = candidate.point if candidate is not None and reason is None else None
        fit = learnt.bank.only(s) if sound and learnt.bank.time_ms[s] > 0 else None
        anchor = learnt.anchors[s] if fit is not None else None
        shapes = part.shapes
        if fit is not None:
            shapes = tuple(law.moved(at, _vector(f)) for law, at, f in zip(laws, part.shapes, fit.factors[0].tolist(), strict=True))
            for bank in (fit, anchor) if anchor is not None else (fit,):
                _expand(bank, part.shapes, shapes)
        power_w = _power(x[:, k], publish) if publish is not None else in_force_w
        return Verdict(
            part=Part(part.meter_name, _from_now_on(watched.meter, in_force_w, power_w), watched.pace, fit, anchor, merit, law.name, shapes),
            law=law,
            shape=part.shapes[k],
            publish=publish,
            reason=reason,
            power_w=power_w,
            without_w=without_w,
            frozen=frozen,
            beyond=self._beyond(law, candidate, part.shapes[k]) if candidate is not None else None,
        )

    def _beyond(self, law: Law, candidate: Projected, shape: float) -> str | None:
        return publication.bound_alarm(candidate, law.name, *law.box(shape), shaped=law.shape is not None)

    def _changes_nothing(self, s: int, k: int, point: Vector) -> bool:
        same = self.rows.comparable
        return publication.changes_nothing(_power(self.rows.x[same, s, k], point), self.rows.in_force_w[same, s])


def _reason_to_keep(candidate: Projected | None, believed: Flags, in_force_w: Float64, without_w: Float64, measured_w: Float64) -> str | None:
    """Why nothing is published although the telemetry is sound, if so; the arrays are of the samples that test the fit."""
    if not believed.any():
        return "no results to compare the telemetry with"
    if candidate is None:
        return "the fit is not finite and begins again"
    return publication.veto(mape_percent(in_force_w, measured_w), mape_percent(without_w, measured_w))


def _from_now_on(meter: Meter, in_force_w: Float64, power_w: Float64) -> Meter:
    """The meter as the next interval sees it, by the parameters that are in force then."""
    usable = np.flatnonzero((in_force_w > 0) & (power_w > 0))
    return meter.by(float(power_w[usable[-1]] / in_force_w[usable[-1]])) if len(usable) else meter


def _within_bounds(bank: Bank, s: int, k: int, box: tuple[Vector, Vector]) -> Projected:
    """The nearest physical factors, in the resolution of the topic; rounding cannot leave the box, whose bounds have no more digits."""
    found = project(_vector(bank.factors[s, k].tolist()), _triangle(bank.covariance[s, k].tolist()), *box)
    first, second, third = found.point
    # the covariance is in steps, so is the distance
    return replace(found, point=(round(first, 6), round(second, 6), round(third, 6)), distance=found.distance / kalman.STEP)


def _boxed(bank: Bank, s: int, laws: Sequence[Law], shapes: Sequence[float]) -> list[Vector]:
    """Every law's factors within their bounds: what it would have published."""
    found = list[Vector]()
    for k, (law, shape, factors) in enumerate(zip(laws, shapes, bank.factors[s].tolist(), strict=True)):
        (a, b, c), (d, e, f) = box = law.box(shape)
        x, y, z = factors
        found.append((x, y, z) if a <= x <= d and b <= y <= e and c <= z <= f else _within_bounds(bank, s, k, box).point)
    return found


def _expand(bank: Bank, old: Sequence[float], new: Sequence[float]) -> None:
    """The same filters with the curves expanded at other shapes (one scope; the bank changes)."""
    moved = np.array([math.log(b / a) if a != b else 0.0 for a, b in zip(old, new, strict=True)])
    bank.factors[0, :, 1] = np.round(bank.factors[0, :, 1] - bank.factors[0, :, 2] * moved, 6)


def _errors(x: Float64, factors: Sequence[Vector], measured_w: Float64) -> Float64:
    """Relative errors, samples x laws."""
    return np.asarray(np.abs((x * np.array(factors)).sum(axis=-1) - measured_w[:, None]) / measured_w[:, None])


def _power(x: Float64, factors: Vector) -> Float64:
    return np.asarray((x * np.array(factors)).sum(axis=-1))


def _vector(values: list[float]) -> Vector:
    return values[0], values[1], values[2]


def _triangle(c: list[list[float]]) -> Covariance:
    return c[0][0], c[0][1], c[0][2], c[1][1], c[1][2], c[2][2]
