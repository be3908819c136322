"""One interval's samples through the filter: which of them are believed, and the fit as it was at the moments that matter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from opendt_streams.calibration import kalman, publication
from opendt_streams.calibration.kalman import Fit
from opendt_streams.calibration.projection import Vector
from opendt_streams.calibration.telemetry import Meter, implausible


@dataclass(frozen=True, slots=True)
class Sample:
    """A reading of the meter (`shown` is the meter after it) and its row at factors of one; None where none can be compared with it."""

    time_ms: int
    power_w: float
    shown: Meter
    x: Vector | None


@dataclass(frozen=True, slots=True)
class Learnt:
    """`before_held_out` is the fit of the samples up to the held-out ones, `anchor` the fit when the meter took on its present value.

    `believed` are the indices of the samples that were fitted, `complaint` says what is wrong with the newest one that was not.
    """

    fit: Fit | None
    before_held_out: Fit | None
    anchor: Fit | None
    believed: tuple[int, ...]
    complaint: str | None


def learn(
    fit: Fit | None, anchor: Fit | None, samples: Sequence[Sample], prior: Vector, idle_scale: float, held_out_from_ms: int
) -> Learnt:
    """Update the fit (None: begin at `prior`) with the samples, in order of time.

    A meter is known to be stuck only after it has repeated itself for a while; what the filter took from it since it took on that
    value is undone then, by going back to the anchor.
    """
    before_held_out, believed, complaint = fit, list[int](), None
    for i, sample in enumerate(samples):
        meter = sample.shown
        if meter.stuck and anchor is not None:
            fit, anchor = anchor, None
            while believed and samples[believed[-1]].time_ms > fit.time_ms:
                believed.pop()
            if before_held_out is not None and before_held_out.time_ms > fit.time_ms:
                before_held_out = fit
        if sample.x is not None:
            wrong = meter.complaint or implausible(sample.power_w, _power(sample.x, publication.LOWER), _power(sample.x, publication.UPPER))
            complaint = wrong or complaint
            if wrong is None and (fit is None or sample.time_ms > fit.time_ms):
                fit = fit or kalman.begin(sample.time_ms, prior, sample.x, idle_scale)
                fit = kalman.update(fit, sample.time_ms, sample.power_w, sample.x, idle_scale)
                believed.append(i)
        if meter.held == 1:
            anchor = fit
        if sample.time_ms <= held_out_from_ms:
            before_held_out = fit
    return Learnt(fit, before_held_out, anchor, tuple(believed), complaint)


def _power(x: Vector, factors: Vector) -> float:
    return x[0] * factors[0] + x[1] * factors[1] + x[2] * factors[2]
