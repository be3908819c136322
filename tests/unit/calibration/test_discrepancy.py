from __future__ import annotations

import numpy as np
import pytest

from opendt_streams.calibration.discrepancy import CAP, CHOICES, Correction, with_correction
from opendt_streams.model import times
from opendt_streams.model.decision import Discrepancy
from opendt_streams.model.task import Float64, Int64

EVERY_MS = 5 * times.MINUTE


def interval(i: int, offset_w: float, noise_w: float) -> tuple[Int64, Float64, Float64]:
    """Times, readings and predictions of the interval that ends at instant i."""
    at = EVERY_MS * (i - 1) + 30_000 * np.arange(1, 11)
    predicted = 10_000 + 500 * np.sin(at / 1e6)
    return at, predicted + offset_w + noise_w * np.random.default_rng(i).standard_normal(10), predicted


def learnt(intervals: int, offset_w: float, noise_w: float) -> Correction:
    correction = Correction()
    for i in range(1, intervals + 1):
        at, measured, predicted = interval(i, offset_w, noise_w)
        correction = correction.learn(at, measured, predicted, predicted, EVERY_MS * i)
    return Correction.from_json(correction.to_json())


def test_a_lasting_error_is_corrected() -> None:
    found = learnt(20, 200.0, 5.0).published()
    assert found is not None
    assert found.offset_w == pytest.approx(200, abs=10)


def test_noise_is_not() -> None:
    assert learnt(20, 0.0, 100.0).published() is None


def test_it_is_capped() -> None:
    found = learnt(20, 3000.0, 5.0).published()
    assert found is not None
    assert found.offset_w < CAP * 11_000


def test_old_residuals_say_nothing() -> None:
    correction = learnt(20, 200.0, 5.0)
    nothing = np.empty(0)
    assert correction.learn(np.empty(0, np.int64), nothing, nothing, nothing, EVERY_MS * 21).published() is None


def test_it_decays_by_the_hour() -> None:
    at = np.array([0, times.HOUR, 2 * times.HOUR])
    assert with_correction(at, np.zeros(3), Discrepancy(100.0, 0.5), 0).tolist() == [100, 50, 25]
    assert with_correction(at, np.ones(3), None, 0).tolist() == [1, 1, 1]
    assert len(learnt(3, 200.0, 5.0).errors) == len(CHOICES) + 1
