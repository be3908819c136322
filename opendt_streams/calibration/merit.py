"""Which law predicts best: each is scored on what it said before it saw the samples, at the horizon of publication."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from opendt_streams.model import times
from opendt_streams.model.canonical import JSON
from opendt_streams.model.task import Float64

HALF_LIFE_MS: Final = 12 * times.HOUR
"""After so long an error counts half."""
EARLY_MS, EARLY_SHARE = 90 * times.MINUTE, 0.25
"""At first it is shorter, a share of the time since the beginning: what a law got wrong while it still had to be learnt says little."""
BETTER: Final = 0.95
"""A law takes over where its mean error is below so much of the present one's: what is as good as equal does not take turns."""


@dataclass(frozen=True, slots=True)
class Merit:
    """Per law the sum of relative errors, in percent, of `weight` samples; older ones count less."""

    errors: tuple[float, ...] = ()
    weight: float = 0.0
    age_ms: int = 0

    def learn(self, errors: Float64, passed_ms: int) -> Merit:
        """After the samples of an interval (samples x laws, relative). Rounded, as a decision carries it."""
        if not len(errors):
            return self
        age_ms = self.age_ms + passed_ms
        keep = 2.0 ** (-passed_ms / min(max(EARLY_SHARE * age_ms, EARLY_MS), HALF_LIFE_MS))
        same = len(self.errors) == errors.shape[1]
        old = np.array(self.errors) if same else np.zeros(errors.shape[1])
        sums = np.cumsum(100 * errors, axis=0)[-1] + keep * old  # cumsum adds in order
        return Merit(tuple(round(v, 6) for v in sums.tolist()), round((keep * self.weight if same else 0.0) + len(errors), 6), age_ms)

    def choose(self, present: int | None) -> int:
        """The law to publish: the present one (else the first), unless another is clearly better."""
        now = present or 0
        if now >= len(self.errors):
            return 0
        best = min(range(len(self.errors)), key=lambda k: self.errors[k])
        return best if self.errors[best] < BETTER * self.errors[now] else now

    def to_json(self) -> JSON:
        return {"errors": list(self.errors), "weight": self.weight, "age_ms": self.age_ms}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Merit:
        return cls(tuple(float(e) for e in document["errors"]), float(document["weight"]), document["age_ms"])
