"""The 90 % interval of a prediction: p (1 +- half-width), learnt from how far published predictions were off in the last 24 hours.

The half-width is a quantile of |m - p| / p, whose level adapts: where the last hour missed more often than one time in ten the
interval widens, else it narrows (adaptive conformal inference; field guide 1.1). Residuals are kept as counts per hour in bins of a
sixth of an octave, interpolated within a bin: 24 hours take some kilobytes, however many samples there are.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from opendt_streams.model import times
from opendt_streams.model.canonical import JSON
from opendt_streams.model.task import Float64, Int64

MISS_RATE: Final = 0.1
GAIN: Final = 0.05
FARTHER: Final = 0.5  # the power of the publication interval with which errors grow, until it is learnt
LEAST_ALPHA, GREATEST_ALPHA = 0.005, 0.5
HOURS: Final = 24
SPARSE: Final = 3.0
"""How many observations' worth of caution is added to those that there are."""
FEWEST_INTERVALS: Final = 3
"""Published residuals are remembered for so many hours, and no fewer publication intervals."""

_EDGES: Final[tuple[float, ...]] = tuple(round(1e-4 * 2.0 ** (k / 6), 12) for k in range(91))
"""Upper edges of the bins, 0.01 % to 328 %; bin 0 begins at 0, what lies beyond the last edge counts in the last bin."""


@dataclass(frozen=True, slots=True)
class Interval:
    """`counts` holds, by start of the hour, how many residuals fell into each bin. `half_width` is what the last instant published."""

    alpha: float = MISS_RATE
    half_width: float | None = None
    counts: Mapping[int, tuple[int, ...]] | None = None

    def learn(self, time_ms: Int64, published_w: Float64, measured_w: Float64, publish_every_ms: int = times.HOUR) -> Interval:
        """After a publication interval: samples with measured power above 0, and what was published for them. Levels adapt by the hour."""
        usable = published_w > 0
        residuals = abs(measured_w[usable] - published_w[usable]) / published_w[usable]
        alpha = self.alpha
        hours = (time_ms[usable] - 1) // times.HOUR * times.HOUR
        if self.half_width is not None:
            for hour in np.unique(hours).tolist():
                missed = float((residuals[hours == hour] > self.half_width).mean())
                alpha = round(min(max(alpha + GAIN * (MISS_RATE - missed), LEAST_ALPHA), GREATEST_ALPHA), 6)
        counts = self._counted(hours.tolist(), residuals.tolist(), max(HOURS * times.HOUR, FEWEST_INTERVALS * publish_every_ms))
        # errors within a publication interval are alike: a few intervals are a few observations, however many samples they have
        observed = len(counts) * times.HOUR / publish_every_ms
        level = 1 - alpha * observed / (observed + SPARSE)
        return Interval(alpha, _quantile(counts, level) if counts else self.half_width, counts)

    def seeded(self, residuals: Sequence[float], publish_every_ms: int = times.HOUR) -> Interval:
        """A first half-width from residuals that are not of published predictions: better than none, forgotten at once. They are of the
        next half hour; farther ahead a prediction errs more (field guide 1.1: 0.96 % at 1 h, 1.58 % at 24 h)."""
        if not residuals:
            return self
        farther = max(1.0, publish_every_ms / times.HOUR) ** FARTHER
        return replace(self, half_width=round(farther * _quantile({0: _binned(residuals)}, 1 - self.alpha), 6))

    def to_json(self) -> JSON:
        hours: list[JSON] = [[hour, *sparse(counts)] for hour, counts in (self.counts or {}).items()]
        return {"alpha": self.alpha, "half_width": self.half_width, "hours": hours}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Interval:
        width = document["half_width"]
        counts = {hour: expanded(first, counts) for hour, first, *counts in document["hours"]}
        return cls(float(document["alpha"]), None if width is None else float(width), counts or None)

    def _counted(self, hours: Sequence[int], residuals: Sequence[float], memory_ms: int) -> dict[int, tuple[int, ...]]:
        counts = dict(self.counts or {})
        for hour in sorted(set(hours)):
            new = _binned([r for h, r in zip(hours, residuals, strict=True) if h == hour])
            counts[hour] = tuple(a + b for a, b in zip(counts.get(hour, (0,) * len(new)), new, strict=True))
        newest = max(counts, default=0)
        return {hour: counts[hour] for hour in sorted(counts) if hour > newest - memory_ms}


def _binned(residuals: Sequence[float]) -> tuple[int, ...]:
    counts = [0] * len(_EDGES)
    for residual in residuals:
        counts[min(bisect_right(_EDGES, residual), len(_EDGES) - 1)] += 1
    return tuple(counts)


def _quantile(counts: Mapping[int, tuple[int, ...]], level: float) -> float:
    """The residual below which the share `level` lies, rounded to 1e-6; linear within a bin."""
    totals: list[int] = [sum(column) for column in zip(*counts.values(), strict=True)]
    wanted = level * sum(totals)
    below = 0
    for k, count in enumerate(totals):
        if count and below + count >= wanted:
            low = _EDGES[k - 1] if k else 0.0
            return round(low + (_EDGES[k] - low) * (wanted - below) / count, 6)
        below += count
    return _EDGES[-1]


def sparse(counts: Sequence[int]) -> list[int]:
    """(first bin with a count, counts from there to the last one): what an hour takes in a decision."""
    used = [k for k, count in enumerate(counts) if count]
    return [used[0], *counts[used[0] : used[-1] + 1]] if used else [0]


def expanded(first: int, counts: Sequence[int]) -> tuple[int, ...]:
    """The inverse of `sparse`."""
    return (*[0] * first, *counts, *[0] * (len(_EDGES) - first - len(counts)))
