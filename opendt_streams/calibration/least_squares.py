"""Bounded, robust least squares over a sliding window: the factors that would have been best for it, from the datasheet as a prior.

Robust by iterated weights of the soft-l1 loss, bounded by projection in the metric of the normal matrix: three unknowns, solved exactly.
A shape (exponent, asymUtil) is searched among a few values. The window is kept as sums over pieces of some minutes, in the decision.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from opendt_streams.calibration import publication
from opendt_streams.calibration.estimate import from_json
from opendt_streams.calibration.laws import Law
from opendt_streams.calibration.port import Evidence, Fault, Proposal
from opendt_streams.calibration.projection import Vector, project, triangle
from opendt_streams.calibration.settings import CalibrationSettings
from opendt_streams.calibration.whole import observe, without_telemetry
from opendt_streams.errors import BadInput
from opendt_streams.model.canonical import JSON
from opendt_streams.model.task import Float64
from opendt_streams.model.topology import ModelType

NOISE: Final = 0.01
"""Relative error from which on a piece counts less than by its square."""
PRIOR: Final[Vector] = (0.2, 0.1, 0.2)
"""Standard deviations of the factors before any data: they decide only what the window does not."""
ROUNDS: Final = 8
BETTER: Final = 0.7

_SHAPES: Final[dict[ModelType, tuple[Law, ...]]] = {
    "mse": tuple(Law("mse", c) for c in (1.2, 1.5, 2.0, 3.0, 4.0, 6.0, 9.0)),
    "asymptotic": (Law("asymptotic", 1.0, per_core=True), *(Law("asymptotic", a) for a in (0.05, 0.1, 0.2, 0.4, 0.8))),
}


class LeastSquares:
    def __init__(self, settings: CalibrationSettings) -> None:
        """
        Raises:
            BadInput: the engine cannot run the power model that is to be fitted, or it has nothing to fit.
        """
        runs, wanted = settings.capabilities.power_models, settings.least_squares.power_model
        model = wanted or ("busy-linear" if "busy-linear" in runs else "asymptotic")
        if model not in runs or model == "constant":
            raise BadInput(
                f"calibration method least-squares is to fit the power model {model}, "
                + ("which has no slope" if model == "constant" else "which this engine cannot run"),
                expected="one of " + ", ".join(sorted(runs - {"constant"})),
                where="calibrator.least_squares.power_model",
            )
        self._settings = settings
        self._laws = _SHAPES.get(model, (Law(model),))
        if wanted is None and model == "asymptotic":
            self._laws = self._laws[:1]

    @property
    def name(self) -> str:
        return "least-squares"

    def decide(self, estimate: Mapping[str, JSON], evidence: Evidence) -> Proposal:
        known = from_json(estimate, self.name)
        seen = observe(known, evidence, self._settings, self._laws)
        if seen is None:
            return without_telemetry(known, evidence, self.name)
        window_ms = self._settings.least_squares.window_ms
        x = seen.seen.x[:, 0, 1:]
        columns = np.column_stack([seen.power_w, x[:, 0, 0], *x[:, :, 1:].reshape(len(x), -1).T])
        window, without = (
            seen.pieces(seen.time_ms[chosen], columns[chosen], window_ms) for chosen in (seen.believed, seen.believed & ~seen.tested)
        )
        before = seen.score(seen.seen.in_force_w[:, 0])
        present = known.parts[0].law if known.parts else None
        after, reason = None, seen.frozen
        if without and (held := self._fit(without, present)) is not None:
            after = seen.score((x[:, held[0]] * np.array(held[1])).sum(axis=-1))
        if reason is None and not seen.believed.any():
            reason = "no results to compare the telemetry with"
        fit = self._fit(window, present) if window else None
        if reason is None and fit is None:
            reason = "the fit is not finite"
        if reason is None and before and after:
            reason = publication.veto(before.mape_percent, after.mape_percent)
        faults = list[Fault]()
        models = None
        if fit is not None:
            k, point, beyond = fit
            law = self._laws[k]
            if beyond:
                faults.append(Fault("bound", evidence.instant_ms, beyond))
            same = seen.rows.comparable
            new_w = (seen.rows.x[same, 0, 1 + k] * np.array(point)).sum(axis=-1)
            if reason is None and publication.changes_nothing(new_w, seen.rows.in_force_w[same, 0]):
                reason = "no change"
            if reason is None:
                models = {
                    (c, h): law.model(seen.references[c, h], point, law.shape or 1.0, group.cores)
                    for c, h, group in evidence.in_force.host_groups
                }
        law_name = self._laws[fit[0]].name if fit is not None and not seen.frozen else present
        return seen.proposal(self.name, models, reason or "calibrated", window, before, after, faults, law_name)

    def _fit(self, window: Sequence[Sequence[float]], present: str | None) -> tuple[int, Vector, str | None] | None:
        """(index of the law, its factors, what the data wants beyond the bounds) with the least loss; None where nothing is finite. Another
        shape than the present one must be clearly better: an hour without much change says little about it."""
        pieces = np.array([piece[1:] for piece in window], dtype=np.float64)
        means, count = pieces[:, 1:] / pieces[:, :1], pieces[:, 0]
        measured, idle = means[:, 0], means[:, 1]
        best: tuple[float, int, Vector, str | None] | None = None
        for k, law in enumerate(self._laws):
            second, curve = means[:, 2 + 2 * k], means[:, 3 + 2 * k]
            x = np.column_stack([idle, second if law.model_type == "busy-linear" else np.zeros(len(idle)), curve])
            point, beyond = _robust(x, measured, count, law)
            loss = _loss(x, measured, count, point) * (BETTER if law.name == present else 1.0)
            if np.isfinite(loss) and (best is None or loss < best[0]):
                best = loss, k, point, beyond
        return best[1:] if best is not None else None


def _robust(x: Float64, measured_w: Float64, count: Float64, law: Law) -> tuple[Vector, str | None]:
    """The factors within their bounds that minimise the soft-l1 loss of relative errors, with the prior."""
    lower, upper = law.box(law.shape or 1.0)
    lower, upper = (
        (lower[0], lower[1] if law.shape is None else 0.0, lower[2]),
        (upper[0], upper[1] if law.shape is None else 0.0, upper[2]),
    )
    scaled, one = x / measured_w[:, None], np.ones(len(x))
    prior, precision = np.array([1.0, 0.0, 1.0]), np.array([1 / s**2 for s in PRIOR])
    point = (1.0, 0.0, 1.0)
    beyond = None
    for _ in range(ROUNDS):
        error = ((scaled * np.array(point)).sum(axis=-1) - one) / NOISE
        weight = count / np.sqrt(1.0 + error * error) / NOISE**2
        normal = np.array([[np.cumsum(weight * scaled[:, i] * scaled[:, j])[-1] for j in range(3)] for i in range(3)])
        normal[[0, 1, 2], [0, 1, 2]] += precision
        right = np.array([np.cumsum(weight * scaled[:, i])[-1] for i in range(3)]) + precision * prior
        inverse = _inverse(normal)
        free = (inverse * right).sum(axis=-1)
        found = project((float(free[0]), float(free[1]), float(free[2])), triangle(inverse.tolist()), lower, upper)
        point = found.point[0], found.point[1], found.point[2]
        beyond = publication.bound_alarm(found, law.name, lower, upper, shaped=law.shape is not None)
    return (round(point[0], 6), round(point[1], 6), round(point[2], 6)), beyond


def _loss(x: Float64, measured_w: Float64, count: Float64, point: Vector) -> float:
    error = ((x * np.array(point)).sum(axis=-1) / measured_w - 1.0) / NOISE
    return float(np.cumsum(count * (np.sqrt(1.0 + error * error) - 1.0))[-1])


def _inverse(m: Float64) -> Float64:
    """Of a symmetric 3 x 3 matrix, by cofactors: the same bits everywhere."""
    a, b, c, d, e, f = m[0, 0], m[0, 1], m[0, 2], m[1, 1], m[1, 2], m[2, 2]
    cofactors = np.array(
        [
            [d * f - e * e, c * e - b * f, b * e - c * d],
            [c * e - b * f, a * f - c * c, b * c - a * e],
            [b * e - c * d, b * c - a * e, a * d - b * b],
        ]
    )
    return np.asarray(cofactors / (a * cofactors[0, 0] + b * cofactors[0, 1] + c * cofactors[0, 2]))
