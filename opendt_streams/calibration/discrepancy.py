"""What the pure model misses for now: an additive offset that decays after the instant (Kennedy and O'Hagan; field guide 1.1 and 2).

At short intervals most of what is left is a slow error of the moment, which says nothing about the hosts: it is kept apart from the
parameters, so that idle power is not bent to hide missing load, and it is capped. How many of the newest residuals to average and how
fast to forget them is chosen by what would have predicted best, no correction at all among the choices.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from opendt_streams.model import times
from opendt_streams.model.canonical import JSON
from opendt_streams.model.decision import Discrepancy
from opendt_streams.model.task import Float64, Int64

LONGEST_INTERVAL_MS: Final = 15 * times.MINUTE
"""Publication intervals up to which there is a correction: after an hour it is of no use."""
CAP: Final = 0.05
"""The largest offset, as a share of predicted power."""
BETTER: Final = 0.97
"""Share of the error without a correction that is left with one, if it is to be published."""
HALF_LIFE_MS: Final = 3 * times.HOUR
_FRESH_MS: Final = 15 * times.MINUTE  # older residuals say nothing about now

CHOICES: Final[tuple[tuple[int, float], ...]] = tuple((n, decay) for n in (1, 3, 10, 30) for decay in (0.7, 0.2, 0.01))
"""(newest samples to average, share that is left after an hour)"""


@dataclass(frozen=True, slots=True)
class Correction:
    """Per choice, and last for none: the offset at the newest instant, and the sum of relative errors in percent, older ones less."""

    offsets_w: tuple[float, ...] = ()
    errors: tuple[float, ...] = (0.0,) * (len(CHOICES) + 1)
    instant_ms: int = 0

    def learn(self, time_ms: Int64, measured_w: Float64, published_w: Float64, new_w: Float64, instant_ms: int) -> Correction:
        """After an interval's believed samples: what was published for them, and what the parameters from now on say about them."""
        errors = self._scored(time_ms, measured_w, published_w, instant_ms) if self.offsets_w else self.errors
        recent = time_ms > instant_ms - _FRESH_MS
        residuals, level = (measured_w - new_w)[recent], new_w[recent]
        if not len(residuals):
            return Correction((), errors, instant_ms)
        cap = CAP * float(np.cumsum(level)[-1]) / len(level)
        means = {n: float(np.cumsum(residuals[-n:])[-1]) / len(residuals[-n:]) for n, _ in CHOICES}
        offsets = tuple(round(min(max(means[n], -cap), cap), 3) for n, _ in CHOICES)
        return Correction((*offsets, 0.0), errors, instant_ms)

    def published(self) -> Discrepancy | None:
        """The correction from the instant on; None where there is none, or none does clearly better than nothing."""
        if not self.offsets_w:
            return None
        best = min(range(len(CHOICES)), key=lambda k: self.errors[k])
        return Discrepancy(self.offsets_w[best], CHOICES[best][1]) if self.errors[best] < BETTER * self.errors[-1] else None

    def _scored(self, time_ms: Int64, measured_w: Float64, published_w: Float64, instant_ms: int) -> tuple[float, ...]:
        keep = 2.0 ** (-(instant_ms - self.instant_ms) / HALF_LIFE_MS)
        usable = np.isfinite(published_w) & (measured_w > 0)
        if not usable.any():
            return self.errors
        t, m, p = time_ms[usable], measured_w[usable], published_w[usable]
        found = []
        for offset_w, (_, decay), old in zip(self.offsets_w, (*CHOICES, (0, 1.0)), self.errors, strict=True):
            apart = np.abs(with_correction(t, p, Discrepancy(offset_w, decay), self.instant_ms) - m) / m
            found.append(round(keep * old + 100 * float(np.cumsum(apart)[-1]), 6))
        return tuple(found)

    def to_json(self) -> dict[str, JSON]:
        return {"offsets_w": list(self.offsets_w), "errors": list(self.errors), "instant_ms": self.instant_ms}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Correction:
        if not document:
            return cls()
        return cls(tuple(map(float, document["offsets_w"])), tuple(map(float, document["errors"])), document["instant_ms"])


def with_correction(time_ms: Int64, predicted_w: Float64, correction: Discrepancy | None, instant_ms: int) -> Float64:
    """The prediction with the correction that was published at the instant before."""
    if correction is None:
        return predicted_w
    hours = (time_ms - instant_ms) / times.HOUR
    return np.asarray(predicted_w + correction.offset_w * np.power(correction.decay_per_hour, hours))
