from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opendt_streams.calibration.interval import GREATEST_ALPHA, LEAST_ALPHA, Interval, expanded, sparse
from opendt_streams.model import times
from opendt_streams.model.task import Float64


def hour(number: int, residuals: Float64, interval: Interval) -> Interval:
    """The interval after an hour in which predictions of 1000 W were off by these shares."""
    at = number * times.HOUR + np.linspace(1, times.HOUR, len(residuals)).astype(np.int64)
    predicted = np.full(len(residuals), 1000.0)
    return interval.learn(at, predicted, predicted * (1 + residuals))


def test_it_covers_nine_of_ten_samples_of_another_hour() -> None:
    rng, interval, inside = np.random.default_rng(1), Interval(), []
    for n in range(72):
        residuals = rng.normal(0, 0.02, 120)
        if interval.half_width is not None:
            inside.append((np.abs(residuals) <= interval.half_width).mean())
        interval = hour(n, residuals, interval)
    assert 0.88 < np.mean(inside[24:]) < 0.92
    assert interval.half_width == pytest.approx(1.645 * 0.02, rel=0.1)


def test_misses_widen_it_and_hits_narrow_it_within_limits() -> None:
    start = hour(0, np.full(120, 0.01), Interval())
    widened = hour(1, np.full(120, 0.5), start)
    assert widened.alpha == pytest.approx(start.alpha - 0.05 * 0.9)
    assert hour(1, np.full(120, 0.0001), start).alpha == pytest.approx(start.alpha + 0.05 * 0.1)
    wide = narrow = start
    for n in range(2, 100):
        wide = hour(n, np.full(120, 0.001 * 1.3**n), wide) if n < 30 else wide
        narrow = hour(n, np.zeros(120), narrow)
    assert (wide.alpha, narrow.alpha) == (LEAST_ALPHA, GREATEST_ALPHA)


def test_what_is_a_day_old_is_forgotten() -> None:
    interval = hour(0, np.full(120, 0.3), Interval())
    for n in range(1, 30):
        interval = hour(n, np.full(120, 0.01), interval)
    assert interval.counts is not None
    assert len(interval.counts) == 24
    assert interval.half_width is not None
    assert interval.half_width < 0.0115


def test_short_intervals_add_up_within_their_hour() -> None:
    once = hour(3, np.full(120, 0.02), Interval())
    twice = hour(3, np.full(60, 0.02), hour(3, np.full(60, 0.02), Interval()))
    assert once.counts == twice.counts


def test_nothing_to_learn_changes_nothing() -> None:
    start = hour(0, np.full(120, 0.01), Interval())
    assert hour(1, np.array([]), start) == start
    assert hour(0, np.array([]), Interval()).half_width is None


@given(st.lists(st.floats(0, 10), min_size=1, max_size=200))
def test_the_quantile_is_right_to_a_sixth_of_an_octave(residuals: list[float]) -> None:
    found = Interval().seeded(residuals).half_width
    exact = sorted(residuals)[max(0, int(np.ceil(0.9 * len(residuals) - 1e-9)) - 1)]
    assert found is not None
    assert min(exact, 3.2) * 2 ** (-1 / 6) - 1e-6 <= found <= max(exact, 1e-4) * 2 ** (1 / 6) + 1e-6


@given(st.lists(st.integers(0, 120), min_size=91, max_size=91))
def test_its_compact_form_loses_nothing(counts: list[int]) -> None:
    first, *rest = sparse(counts)
    assert expanded(first, rest) == tuple(counts)
