"""The random-walk Kalman filter of field guide section 1.1, one sample at a time, in plain floats.

State: three factors on datasheet watts (idle, busy, slope). A sample says m = x . factors + noise, with x the watts of its row at
factors of one. The numbers are the guide's, as multiples of the datasheet's range (maximum - idle), so that the filter is the same
in watts and in kilowatts; for SURF (25 W, 149 W) they are 0.01 W per host and sample, and 10 W per host at the start.

Covariances are in units of one step of the random walk (`STEP` squared): between 1 and some millions, so that rounding them to 1e-6
costs nothing and keeps them positive definite.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from opendt_streams.calibration.projection import Covariance, Vector, is_positive_definite
from opendt_streams.model import times

STEP: Final = 6.7e-5
"""Standard deviation of the random walk per `STEP_MS`, as a multiple of the range."""
STEP_MS: Final = 30 * times.SECOND
PRIOR_STEPS: Final = 1000.0
"""Standard deviation at the start, in steps: 0.067 of the range."""
NOISE_SHARE: Final = 0.014
"""Standard deviation of a reading, as a share of mean power."""
CLIP: Final = 3.0
"""Innovations beyond so many standard deviations are cut: a spike says no more than that it was high."""
MEMORY: Final = 2880
"""Samples over which mean power is averaged once there are so many (a day at 30 s)."""

_STEP_SQUARED: Final = STEP * STEP


@dataclass(frozen=True, slots=True)
class Fit:
    """The filter after the sample of `time_ms`: factors, their covariance (in steps squared), and mean power of `samples` readings."""

    time_ms: int
    factors: Vector
    covariance: Covariance
    mean_w: float
    samples: int

    def rounded(self) -> Fit:
        """In the resolution of the topic, from which the next hour goes on."""
        f, c = self.factors, self.covariance
        return Fit(
            self.time_ms,
            (round(f[0], 6), round(f[1], 6), round(f[2], 6)),
            (round(c[0], 6), round(c[1], 6), round(c[2], 6), round(c[3], 6), round(c[4], 6), round(c[5], 6)),
            round(self.mean_w, 6),
            self.samples,
        )

    @property
    def sound(self) -> bool:
        return all(math.isfinite(f) for f in self.factors) and math.isfinite(self.mean_w) and is_positive_definite(self.covariance)


def begin(time_ms: int, factors: Vector, x: Vector, idle_scale: float) -> Fit:
    """Before the first sample, whose row is `x`: mean power is what the datasheet says. `idle_scale` is range over idle watts."""
    variance = PRIOR_STEPS * PRIOR_STEPS
    covariance = (variance * idle_scale * idle_scale, 0.0, 0.0, variance, 0.0, variance)
    return Fit(time_ms, factors, covariance, _dot(x, factors), 0)


def update(fit: Fit, time_ms: int, measured_w: float, x: Vector, idle_scale: float) -> Fit:
    """Learn from one sample. The random walk goes on with time, not with samples, so a gap makes the next sample weigh more."""
    steps = max(0.0, (time_ms - fit.time_ms) / STEP_MS)
    c00, c01, c02, c11, c12, c22 = fit.covariance
    c00 += steps * idle_scale * idle_scale
    c11 += steps
    c22 += steps
    x0, x1, x2 = x
    g0 = c00 * x0 + c01 * x1 + c02 * x2
    g1 = c01 * x0 + c11 * x1 + c12 * x2
    g2 = c02 * x0 + c12 * x1 + c22 * x2
    noise = NOISE_SHARE * fit.mean_w
    variance = _STEP_SQUARED * (x0 * g0 + x1 * g1 + x2 * g2) + noise * noise
    if not variance > 0:
        return fit  # hosts that can draw nothing teach nothing
    limit = CLIP * math.sqrt(variance)
    predicted = _dot(x, fit.factors)
    innovation = min(max(measured_w - predicted, -limit), limit)
    gain = _STEP_SQUARED / variance
    f0, f1, f2 = fit.factors
    push = gain * innovation
    count = fit.samples + 1
    return Fit(
        time_ms,
        (f0 + g0 * push, f1 + g1 * push, f2 + g2 * push),
        (
            c00 - gain * g0 * g0,
            c01 - gain * g0 * g1,
            c02 - gain * g0 * g2,
            c11 - gain * g1 * g1,
            c12 - gain * g1 * g2,
            c22 - gain * g2 * g2,
        ),
        fit.mean_w + (predicted + innovation - fit.mean_w) / min(count, MEMORY),
        count,
    )


def _dot(x: Vector, y: Vector) -> float:
    return x[0] * y[0] + x[1] * y[1] + x[2] * y[2]
