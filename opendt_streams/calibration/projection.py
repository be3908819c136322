"""The nearest point of a box, in the metric of an inverse covariance: a bounded least squares in three variables, solved exactly.

Clipping one coordinate after another would throw away what the data says about the others (field guide section 2, rule 1: it costs
a quarter of the accuracy). Here each coordinate lies at its lower bound, at its upper one, or free; with those at a bound given, the
best free ones are their conditional mean. Of the 27 cases the feasible one with the least distance is the answer. Plain floats in a
fixed order: the same bits on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final, TypeAlias

import numpy as np

from opendt_streams.model.task import Float64

Vector: TypeAlias = tuple[float, float, float]
Covariance: TypeAlias = tuple[float, float, float, float, float, float]
"""The upper triangle of a symmetric 3 x 3 matrix, row by row: xx, xy, xz, yy, yz, zz."""

_AT: Final = ((0, 1, 2), (1, 3, 4), (2, 4, 5))  # where entry (i, j) of the matrix is in the triangle
_CASES: Final = tuple(product((0, -1, 1), repeat=3))  # free, at the lower bound, at the upper; the all-free case first
_SLACK: Final = 1e-12  # how far beyond a bound rounding may carry a coordinate that lies on it


@dataclass(frozen=True, slots=True)
class Projected:
    """`sides` is -1 or 1 for a coordinate held at its lower or upper bound, else 0; `distance` is in standard deviations."""

    point: tuple[float, ...]
    sides: tuple[int, ...]
    distance: float


def project(point: Vector, covariance: Covariance, lower: Vector, upper: Vector) -> Projected:
    """The point of the box that is nearest to `point` in the metric of the inverse covariance (positive definite).

    Ties go to the first case, free before lower before upper. With a covariance that rounding has made singular the coordinates
    are clipped instead.
    """
    best: Projected | None = None
    for sides in _CASES:
        candidate = _candidate(sides, point, covariance, lower, upper)
        if candidate is not None and (best is None or candidate.distance < best.distance):
            best = candidate
        if best is not None and not any(sides):
            break  # inside the box already
    if best is not None:
        return best
    clipped = tuple(min(max(x, lo), hi) for x, lo, hi in zip(point, lower, upper, strict=True))
    sides = tuple((x > hi) - (x < lo) for x, lo, hi in zip(point, lower, upper, strict=True))
    return Projected((clipped[0], clipped[1], clipped[2]), (sides[0], sides[1], sides[2]), math.inf)


def condition(point: Float64, covariance: Float64, lower: Vector, upper: Vector) -> Projected:
    """A point of a box of any size (the three bounds repeat) that is near in the same metric: where a coordinate lies farthest outside, it
    is set to its bound and the others to their mean given that, until all are inside. No more is proved of it than that it is inside."""
    n = len(point)
    low, high = (np.tile(np.array(side), n // 3) for side in (lower, upper))
    moved, spread, sides, squared = point.astype(np.float64), covariance.copy(), np.zeros(n, np.int64), 0.0
    width = np.maximum(high - low, 1e-9)
    for _ in range(n):
        outside = np.maximum(low - moved, moved - high) / width
        outside[sides != 0] = 0.0
        i = int(np.argmax(outside))
        if outside[i] <= 0:
            break
        sides[i] = -1 if moved[i] < low[i] else 1
        shift = (low[i] if sides[i] < 0 else high[i]) - moved[i]
        if spread[i, i] > 0:
            squared += float(shift * shift / spread[i, i])
            column = spread[:, i] / spread[i, i]
            moved += column * shift
            spread -= column[:, None] * spread[i][None, :]
        moved = np.where(sides < 0, low, np.where(sides > 0, high, moved))
    inside = np.clip(moved, low, high)
    return Projected(tuple(inside.tolist()), tuple(sides.tolist()), math.sqrt(squared))


def triangle(c: Sequence[Sequence[float]]) -> Covariance:
    """The upper triangle of a 3 x 3 matrix."""
    return c[0][0], c[0][1], c[0][2], c[1][1], c[1][2], c[2][2]


def is_positive_definite(covariance: Covariance) -> bool:
    return all(math.isfinite(c) for c in covariance) and _cholesky(covariance, (0, 1, 2)) is not None


def _candidate(sides: Sequence[int], point: Vector, covariance: Covariance, lower: Vector, upper: Vector) -> Projected | None:
    fixed = [i for i in range(3) if sides[i]]
    shift = [(lower[i] if sides[i] < 0 else upper[i]) - point[i] for i in fixed]
    factor = _cholesky(covariance, fixed)
    if factor is None:
        return None
    half = _forward(factor, shift)
    weights = _backward(factor, half)
    moved = list(point)
    for i in range(3):
        if sides[i]:
            moved[i] = lower[i] if sides[i] < 0 else upper[i]
            continue
        for j, weight in zip(fixed, weights, strict=True):
            moved[i] += covariance[_AT[i][j]] * weight
        slack = _SLACK * (1 + abs(moved[i]))
        if not lower[i] - slack <= moved[i] <= upper[i] + slack:
            return None
        moved[i] = min(max(moved[i], lower[i]), upper[i])
    squared = 0.0
    for h in half:
        squared += h * h
    return Projected((moved[0], moved[1], moved[2]), (sides[0], sides[1], sides[2]), math.sqrt(squared))


def _cholesky(covariance: Covariance, indices: Sequence[int]) -> list[list[float]] | None:
    """The lower factor of the sub-matrix of these indices, row by row; None if it is not positive definite."""
    rows: list[list[float]] = []
    for a, i in enumerate(indices):
        row: list[float] = []
        for b, j in enumerate(indices[: a + 1]):
            value = covariance[_AT[i][j]]
            for k in range(b):
                value -= row[k] * (rows[b][k] if b < a else row[k])
            if b < a:
                row.append(value / rows[b][b])
            elif value > 0:
                row.append(math.sqrt(value))
            else:
                return None
        rows.append(row)
    return rows


def _forward(factor: list[list[float]], right: Sequence[float]) -> list[float]:
    solved: list[float] = []
    for a, row in enumerate(factor):
        value = right[a]
        for k in range(a):
            value -= row[k] * solved[k]
        solved.append(value / row[a])
    return solved


def _backward(factor: list[list[float]], right: Sequence[float]) -> list[float]:
    solved = [0.0] * len(right)
    for a in reversed(range(len(right))):
        value = right[a]
        for k in range(a + 1, len(right)):
            value -= factor[k][a] * solved[k]
        solved[a] = value / factor[a][a]
    return solved
