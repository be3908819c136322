from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opendt_streams.calibration import metrics
from opendt_streams.model import times
from opendt_streams.model.task import Float64


def column(*values: float) -> Float64:
    return np.array(values, dtype=np.float64)


MEASURED = column(100, 200, 400)
PREDICTED = column(110, 190, 404)  # off by 10 %, 5 %, 1 %


def test_each_definition_on_numbers_worked_out_by_hand() -> None:
    assert metrics.mape_percent(PREDICTED, MEASURED) == pytest.approx(16 / 3, abs=1e-6)
    assert metrics.share_under_percent(PREDICTED, MEASURED) == pytest.approx(200 / 3, abs=1e-6)  # 10 % is not under 10 %
    assert metrics.bias_percent(PREDICTED, MEASURED) == pytest.approx(100 * (704 / 700 - 1), abs=1e-6)
    assert metrics.cvrmse_percent(PREDICTED, MEASURED) == pytest.approx(100 * (216 / 3) ** 0.5 / (700 / 3), abs=1e-6)
    assert metrics.p95_percent(PREDICTED, MEASURED) == pytest.approx(9.5, abs=1e-6)  # nine tenths of the way from 5 to 10
    assert metrics.skill(1.0, 4.0) == 0.75


@pytest.mark.parametrize("actual", [0.0, -5.0, float("nan"), float("inf")])
def test_an_actual_without_relative_error_is_left_out_and_counted(actual: float) -> None:
    measured, predicted = np.append(MEASURED, actual), np.append(PREDICTED, 100.0)
    assert metrics.score(predicted, measured) == metrics.score(PREDICTED, MEASURED)
    times_ms = np.arange(1, 5) * 1000
    scored = metrics.official_score(times_ms, measured, predicted, 0, times.HOUR)
    assert (scored.score.samples, scored.excluded) == (3, 1)


def test_samples_without_prediction_are_left_out_and_counted() -> None:
    scored = metrics.official_score(np.arange(1, 4) * 1000, MEASURED, column(110, float("nan"), 404), 0, times.HOUR)
    assert (scored.score.samples, scored.excluded) == (2, 1)
    assert scored.score.mape_percent == pytest.approx(5.5)


def test_nothing_to_score_is_none_not_zero() -> None:
    nothing = metrics.score(column(), column())
    assert nothing.samples == 0
    assert nothing.mape_percent is nothing.bias_percent is nothing.cvrmse_percent is nothing.skill is None


def test_coverage_is_of_intervals_around_the_prediction_borders_included() -> None:
    assert metrics.coverage_percent(column(100, 100, 100, 100), column(98, 102, 97.9, 102.1), 0.02) == 50.0
    assert metrics.coverage_percent(column(100, 100), column(98, 103), column(0.02, float("nan"))) == 100.0


def test_persistence_holds_the_last_sample_at_or_before_the_instant() -> None:
    hour = times.HOUR
    at = np.array([hour - 1, hour, hour + 1, 2 * hour, 2 * hour + 1])
    held = metrics.persistence_w(at, column(10, 20, 30, 40, 50), hour)
    # The sample at an instant is the last of the hour before it, and what the hour after it is compared with.
    assert held.tolist()[2:] == [20, 20, 40]
    assert np.isnan(held[:2]).all()


def test_the_time_before_the_first_instant_is_not_scored_and_its_sample_feeds_persistence() -> None:
    hour = times.HOUR
    at = np.array([hour, hour + 1, hour + 2])
    scored = metrics.official_score(at, column(100, 200, 400), column(1, 190, 420), hour, hour)
    assert scored.score.samples == 2
    assert scored.score.mape_percent == pytest.approx(5.0)
    assert scored.score.persistence_mape_percent == pytest.approx((50 + 75) / 2)
    assert scored.score.skill == pytest.approx(1 - 5 / 62.5)


def test_skill_compares_on_the_samples_that_persistence_has() -> None:
    at = np.array([times.HOUR + 1, 2 * times.HOUR + 1])  # nothing to hold for the first
    scored = metrics.official_score(at, column(100, 200), column(150, 220), times.HOUR, times.HOUR)
    assert scored.score.samples == 2
    assert scored.score.mape_percent == pytest.approx(30)
    assert scored.score.persistence_mape_percent == pytest.approx(50)
    assert scored.score.skill == pytest.approx(1 - 10 / 50)


def test_energy_weighs_samples_by_time_and_does_not_fill_gaps() -> None:
    minute, hour = times.MINUTE, times.HOUR
    at = np.array([hour, hour + 30 * minute, hour + 60 * minute, 6 * hour])
    scored = metrics.official_score(at, column(1, 1000, 2000, 1000), column(1, 1100, 2000, 1000), hour, hour)
    assert scored.energy_kwh_measured == pytest.approx(0.5 + 1 + 1)  # the last stands for one hour, not for four
    assert scored.energy_kwh_predicted == pytest.approx(0.55 + 1 + 1)
    assert scored.energy_error_percent == pytest.approx(100 * 0.05 / 2.5)


def test_scores_are_rounded_so_that_the_last_bits_do_not_show() -> None:
    found = metrics.score(PREDICTED, MEASURED, MEASURED[::-1])
    for value in (found.mape_percent, found.bias_percent, found.cvrmse_percent, found.persistence_mape_percent, found.skill):
        assert value == round(value or 0.0, 6)


@given(st.integers(2, 4), st.integers(0, 20), st.randoms(use_true_random=False))
def test_days_are_parts_of_the_whole(days: int, first_hour: int, rng: Random) -> None:
    """Weighted by their samples, the days give the run: persistence too, which looks back over midnight."""
    sample_ms = np.arange(1, days * 48 + 1, dtype=np.int64) * 30 * times.MINUTE + first_hour * times.HOUR
    measured = np.array([rng.uniform(50, 150) for _ in sample_ms])
    predicted = np.array([rng.uniform(50, 150) for _ in sample_ms])
    arguments = (sample_ms, measured, predicted, (first_hour + 1) * times.HOUR, times.HOUR)
    whole, by_day = metrics.official_score(*arguments).score, metrics.scores_by_day(*arguments)
    assert sum(found.score.samples for found in by_day.values()) == whole.samples
    for name in ("mape_percent", "persistence_mape_percent", "share_under_10_percent"):
        mean = sum(getattr(found.score, name) * found.score.samples for found in by_day.values()) / whole.samples
        assert mean == pytest.approx(getattr(whole, name), abs=1e-4)


def test_energy_weighted_counts_high_power_more() -> None:
    sample_ms = np.array([0, 1, 2, 3], dtype=np.int64) * times.MINUTE
    found = metrics.official_score(sample_ms, np.array([1.0, 100, 100, 300]), np.array([1.0, 110, 100, 300]), 0, times.HOUR)
    assert found.score.mape_percent == pytest.approx(10 / 3, abs=1e-5)
    assert found.energy_weighted_mape_percent == pytest.approx(100 * 10 / 500)
