"""12 significant digits, whatever the size: as near as such a decimal can be, short as text, and sums lose nothing."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opendt_streams.model.canonical import canonical
from opendt_streams.model.rounding import DIGITS, RELATIVE_ERROR, significant, significant_sum

finite = st.floats(allow_nan=False, allow_infinity=False)
of_any_size = st.builds(lambda digits, exponent: digits * 10.0**exponent, st.floats(1, 10), st.integers(-300, 300))


def digits_of(value: float) -> int:
    return len(Decimal(repr(value)).normalize().as_tuple().digits)


@given(st.lists(finite | of_any_size, min_size=1))
def test_every_number_is_near_and_short(values: list[float]) -> None:
    found = significant(values).tolist()
    for value, rounded in zip(values, found, strict=True):
        assert digits_of(rounded) <= DIGITS
        assert abs(Decimal(rounded) - Decimal(value)) <= Decimal(1.0001 * RELATIVE_ERROR) * abs(Decimal(value)) or abs(value) < 1e-305
    assert significant(found).tolist() == found
    assert significant([-v for v in values]).tolist() == [-v for v in found]


@given(of_any_size)
def test_a_short_number_is_left_as_it_is(value: float) -> None:
    short = float(f"{value:.{DIGITS - 1}e}")
    assert significant(short).tolist() == short


@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=200), st.integers(-40, 40))
def test_a_sum_of_published_numbers_is_as_exact_as_they_are(values: list[float], exponent: int) -> None:
    scaled = [v * 10.0**exponent for v in values]
    assert math.fsum(significant(scaled).tolist()) == pytest.approx(math.fsum(scaled), rel=1.01 * RELATIVE_ERROR)
    assert significant_sum(scaled) == pytest.approx(math.fsum(scaled), rel=1.01 * RELATIVE_ERROR)


def test_the_shape_stays_and_there_is_no_negative_zero() -> None:
    assert significant(np.full((2, 3), 1 / 3)).tolist() == [[0.333333333333] * 3] * 2
    assert significant(2 / 3).shape == ()
    assert significant([]).tolist() == []
    assert canonical(significant([-0.0, 0.0, -1e-320 * 0]).tolist()) == b"[0,0,0]"


def test_what_is_no_number_stays_so() -> None:
    assert [str(v) for v in significant([np.nan, np.inf, -np.inf]).tolist()] == ["nan", "inf", "-inf"]


def test_carrying_over_to_the_next_power_of_ten() -> None:
    assert significant([999_999_999_999.96, 9.9999999999999e-12, 9.99999999999951e21]).tolist() == [1e12, 1e-11, 1e22]
