"""What becomes of one scope at an instant: the law, the factors within their bounds, and whether they are published."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np

from opendt_streams.calibration import kalman, publication
from opendt_streams.calibration.estimate import Part
from opendt_streams.calibration.features import Flags, Rows
from opendt_streams.calibration.fitting import Learnt
from opendt_streams.calibration.kalman import Bank
from opendt_streams.calibration.laws import Law
from opendt_streams.calibration.merit import Merit
from opendt_streams.calibration.metrics import mape_percent
from opendt_streams.calibration.projection import Projected, Vector, condition, project, triangle
from opendt_streams.calibration.references import Place
from opendt_streams.calibration.telemetry import Meter
from opendt_streams.calibration.watch import Pace, Watched
from opendt_streams.model.task import Float64, Int64

BY_GROUP: Final = " by host group"
Box: TypeAlias = tuple[Vector, Vector]


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """`publish` are each host group's factors at the shape `shape`, None where `reason` says why the scope's parameters are kept. `power_w`
    is what the parameters from now on say about the samples, `without_w` what the fit without the held-out ones said; `beyond` is what the
    data wants beyond the bounds."""

    part: Part
    law: Law
    shape: float
    publish: Mapping[Place, Vector] | None
    reason: str | None
    power_w: Float64
    without_w: Float64
    beyond: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Court:
    """What all scopes' verdicts rest on. Candidates are the laws, then those of `which` again with factors of each host group's own."""

    laws: Sequence[Law]
    which: Sequence[int]
    learnt: Learnt
    time_ms: Int64
    power_w: Float64
    seen: Rows
    rows: Rows
    held_out_from_ms: int
    passed_ms: int

    def verdict(self, s: int, part: Part, watched: Watched, places: Sequence[Place]) -> Verdict:
        """`s` is the index of the scope in all arrays, `places` its host groups in topology order."""
        learnt, believed = self.learnt, self.learnt.believed[:, s]
        measured_w, in_force_w = self.power_w[:, s], self.seen.in_force_w[:, s]
        tested = believed & (self.time_ms > self.held_out_from_ms)
        merit, candidates = self._merit(s, part, believed, tested, len(places)), self._candidates(s)
        names = [candidate.name for candidate in candidates]
        chosen = candidates[merit.choose(names.index(part.law) if part.law in names else None)]
        law, shape, course = chosen.law, part.shapes[chosen.index], learnt.apart[s] if chosen.own is not None else learnt.common
        assert course is not None
        box = law.box(shape)
        sound = bool(learnt.common.end.time_ms[s] > 0) and learnt.common.end.sound(s)
        x, rows_x = (_columns(of, s, chosen) for of in (self.seen, self.rows))
        without_w, candidate = np.full(len(x), np.nan), None
        if sound and learnt.common.before.time_ms[s] > 0:
            without_w = _power(x, _within_bounds(course.before, s, chosen, box).point)
        if sound:
            candidate = _within_bounds(course.end, s, chosen, box)

        frozen = f"telemetry frozen: {watched.complaint}" if watched.complaint and (watched.frozen or not believed.any()) else None
        reason = frozen or _reason_to_keep(candidate, believed, in_force_w[tested], without_w[tested], measured_w[tested])
        same = self.rows.comparable
        new_w = _power(rows_x[same], candidate.point) if candidate is not None else None
        if reason is None and new_w is not None and publication.changes_nothing(new_w, self.rows.in_force_w[same, s]):
            reason = "no change"
        publish = candidate.point if candidate is not None and reason is None else None
        power_w = _power(x, publish) if publish is not None else in_force_w
        meter = _from_now_on(watched.meter, in_force_w, power_w)
        return Verdict(
            part=replace(
                self._remembered(s, part, meter, watched.pace, merit, chosen.name, sound=sound),
                lag=watched.lag,
                lag_since_ms=watched.lag_since_ms,
            ),
            law=law,
            shape=shape,
            publish=None if publish is None else {at: _of_group(publish, i) for i, at in enumerate(places)},
            reason=reason,
            power_w=power_w,
            without_w=without_w,
            beyond=publication.bound_alarm(candidate, law.name, *box, shaped=law.shape is not None) if candidate is not None else None,
        )

    def _candidates(self, s: int) -> list[Candidate]:
        found = [Candidate(law, k) for k, law in enumerate(self.laws)]
        if self.learnt.apart[s] is not None:
            found += [Candidate(self.laws[k], k, own) for own, k in enumerate(self.which)]
        return found

    def _merit(self, s: int, part: Part, believed: Flags, tested: Flags, groups: int) -> Merit:
        """How well each candidate, as it stood at the instant before, predicts the interval; at first, its newest half hour."""
        known = part.fit is not None
        judged = believed if known else tested
        if not judged.any() or (not known and tested[believed].all()):
            return part.merit
        common, apart, measured_w = self.learnt.common, self.learnt.apart[s], self.power_w[judged, s][:, None]
        predicted = _power(self.seen.x[judged, s], _boxed(common.start if known else common.before, s, self.laws, part.shapes))
        if apart is not None and (columns := self.seen.by_group[s]) is not None:
            shapes = [part.shapes[k] for k in self.which]
            own = _boxed(apart.start if known else apart.before, 0, [self.laws[k] for k in self.which], shapes)
            predicted = np.concatenate([predicted, _power(columns[judged], own)], axis=1)
        return part.merit.learn(np.abs(predicted - measured_w) / measured_w, self.passed_ms)

    def _remembered(self, s: int, part: Part, meter: Meter, pace: Pace | None, merit: Merit, law: str, *, sound: bool) -> Part:
        """The scope as it goes into the decision: curves expanded where the fits now are. What is not finite is forgotten."""
        if not sound:
            return Part(part.meter_name, meter, pace, merit=merit, law=law, shapes=part.shapes)
        learnt, apart = self.learnt, self.learnt.apart[s]
        fit, anchor = learnt.common.end.only(s), learnt.common.anchors[s]
        shapes = part.shapes
        if learnt.believed[:, s].any():
            shapes = tuple(law.moved(at, _of_group(f, 0)) for law, at, f in zip(self.laws, shapes, fit.factors[0], strict=True))
        moved = np.array([math.log(b / a) if a != b else 0.0 for a, b in zip(part.shapes, shapes, strict=True)])
        own = own_anchor = None
        if apart is not None and apart.end.sound(0):
            own, own_anchor = apart.end, apart.anchors[0]
        for bank, by in ((fit, moved), (anchor, moved), (own, moved[list(self.which)]), (own_anchor, moved[list(self.which)])):
            if bank is not None:
                expanded = bank.factors[0, :, 1::3] - bank.factors[0, :, 2::3] * by[:, None]
                bank.factors[0, :, 1::3] = np.round(expanded, 6)
        return Part(part.meter_name, meter, pace, fit, anchor, merit, law, shapes, own, own_anchor)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A law, with its index among all; `own` is its index among those with factors of each host group's own, None if they are common."""

    law: Law
    index: int
    own: int | None = None

    @property
    def name(self) -> str:
        return self.law.name if self.own is None else self.law.name + BY_GROUP


def _reason_to_keep(
    candidate: Projected | None, believed: Flags, in_force_w: Float64, without_w: Float64, measured_w: Float64
) -> str | None:
    """Why nothing is published although the telemetry is sound, if so; the arrays are of the samples that test the fit."""
    if not believed.any():
        return "no results to compare the telemetry with"
    if candidate is None:
        return "the fit is not finite and begins again"
    return publication.veto(mape_percent(in_force_w, measured_w), mape_percent(without_w, measured_w))


def _columns(rows: Rows, s: int, candidate: Candidate) -> Float64:
    """What the candidate's factors are of, per row."""
    own = rows.by_group[s]
    return rows.x[:, s, candidate.index] if candidate.own is None or own is None else own[:, candidate.own]


def _within_bounds(bank: Bank, s: int, candidate: Candidate, box: Box) -> Projected:
    """The nearest physical factors, in the resolution of the topic; rounding cannot leave the box, whose bounds have no more digits."""
    return _boxed_one(bank, *((s, candidate.index) if candidate.own is None else (0, candidate.own)), box)


def _boxed_one(bank: Bank, s: int, k: int, box: Box) -> Projected:
    factors, covariance = bank.factors[s, k], bank.covariance[s, k]
    if len(factors) == 3:
        found = project(_of_group(factors, 0), triangle(covariance.tolist()), *box)
    else:
        found = condition(factors, covariance, *box)
    # the covariance is in steps, so is the distance
    return Projected(tuple(round(f, 6) for f in found.point), found.sides, found.distance / kalman.STEP)


def _boxed(bank: Bank, s: int, laws: Sequence[Law], shapes: Sequence[float]) -> Float64:
    """Every law's factors within their bounds (laws x n): what it would have published."""
    found: Float64 = bank.factors[s].copy()
    for k, (law, shape) in enumerate(zip(laws, shapes, strict=True)):
        box = law.box(shape)
        lower, upper = (np.tile(side, found.shape[1] // 3) for side in box)
        if (found[k] < lower).any() or (found[k] > upper).any():
            found[k] = _boxed_one(bank, s, k, box).point
    return found


def _power(x: Float64, factors: Float64 | Sequence[float]) -> Float64:
    return np.asarray((x * np.asarray(factors)).sum(axis=-1))


def _of_group(factors: Float64 | Sequence[float], i: int) -> Vector:
    """The factors of the i-th host group; of all, where they are common."""
    at = 3 * i if len(factors) > 3 else 0
    return float(factors[at]), float(factors[at + 1]), float(factors[at + 2])


def _from_now_on(meter: Meter, in_force_w: Float64, power_w: Float64) -> Meter:
    """The meter as the next interval sees it, by the parameters that are in force then."""
    usable = np.flatnonzero((in_force_w > 0) & (power_w > 0))
    return meter.by(float(power_w[usable[-1]] / in_force_w[usable[-1]])) if len(usable) else meter
