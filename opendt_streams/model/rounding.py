"""Numbers that are published: 12 significant digits, whatever their size (docs/decisions/0014-significant-digits.md).

The absolute step of a number follows its size, so a sum of published numbers of one sign is as exact, relatively, as each of them.
Only multiplication, division and rounding to whole numbers are used, which every processor does alike, and each result is the float64
next to its decimal: as JSON it has at most 12 digits.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from opendt_streams.model.task import Float64

DIGITS: Final = 12
RELATIVE_ERROR: Final = 0.5 * 10.0 ** (1 - DIGITS)
"""How far a published number may be from the exact one, as a share of it."""

_LARGEST_EXACT: Final = 22  # 10.0**22 is the greatest power of ten that float64 has exactly
_LEAST: Final = 10.0 ** (DIGITS - 1 - _LARGEST_EXACT)
_MOST: Final = 10.0**_LARGEST_EXACT
_EXPONENTS: Final = range(DIGITS - 1 - _LARGEST_EXACT, _LARGEST_EXACT)
_FROM: Final = np.array([float(f"1e{e}") for e in _EXPONENTS])
_UP: Final = np.array([10.0 ** max(DIGITS - 1 - e, 0) for e in _EXPONENTS])
_DOWN: Final = np.array([10.0 ** max(e - DIGITS + 1, 0) for e in _EXPONENTS])


def significant(values: ArrayLike) -> Float64:
    """Each value to 12 significant digits, same shape. Zero, infinity and NaN stay; there is no negative zero."""
    given = np.array(values, dtype=np.float64, ndmin=1)
    size = np.abs(given)
    usual = ((size >= _LEAST) & (size < _MOST)) | (size == 0)
    x = np.where(usual, given, 0.0)
    which = np.maximum(np.searchsorted(_FROM, np.abs(x), side="right") - 1, 0)
    # One of the two factors is 1, and the digits as a whole number are below 2**53: the last operation alone rounds, to the nearest.
    found = np.rint(x * _UP[which] / _DOWN[which]) * _DOWN[which] / _UP[which] + 0.0
    if not usual.all():
        found[~usual] = [_in_words(v) for v in given[~usual].tolist()]
    return np.asarray(found.reshape(np.shape(values)))


def significant_sum(values: Iterable[float]) -> float:
    """The sum, added exactly, to 12 significant digits."""
    return float(significant([math.fsum(values)])[0])


def _in_words(value: float) -> float:
    """The same for what is too small, too large or no number, through its text."""
    return float(f"{value:.{DIGITS - 1}e}") + 0.0
