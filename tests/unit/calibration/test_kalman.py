"""The filter in factors against the filter as the field guide writes it: watts per host, a plain 3 x 3 covariance."""

from __future__ import annotations

import numpy as np
import pytest

from opendt_streams.calibration import kalman
from opendt_streams.calibration.projection import Vector
from opendt_streams.model.task import Float64

IDLE_W, RANGE_W, HOSTS = 25.0, 149.0, 277


def field_guide(samples: list[tuple[float, float, float]]) -> Float64:
    """State (idle, busy, slope) in watts per host; samples (measured, B, U), every 30 s."""
    q, state, p, mean_w = 6.7e-5 * RANGE_W, np.array([IDLE_W, 0.0, RANGE_W]), (0.067 * RANGE_W) ** 2 * np.eye(3), 0.0
    for n, (measured, busy, utilisation) in enumerate(samples, start=1):
        x = np.array([HOSTS, busy, utilisation])
        if n == 1:
            mean_w = float(x @ state)
        else:
            p = p + q**2 * np.eye(3)
        s = x @ p @ x + (0.014 * mean_w) ** 2
        e = float(np.clip(measured - x @ state, -3 * np.sqrt(s), 3 * np.sqrt(s)))
        mean_w += (float(x @ state) + e - mean_w) / n
        k = p @ x / s
        state, p = state + k * e, p - np.outer(k, x @ p)
    return np.asarray(state)


def test_it_is_the_filter_of_the_field_guide() -> None:
    rng = np.random.default_rng(5)
    load = [(100 + 40 * np.sin(i / 50), 60 + 30 * np.sin(i / 31)) for i in range(600)]
    samples = [((HOSTS * 31 + b * 42 + u * 110) * (1 + 0.01 * rng.standard_normal()), b, u) for b, u in load]
    samples[300] = (3 * samples[300][0], *samples[300][1:])  # a spike, to be clipped alike
    factors: Vector = (1.0, 0.0, 1.0)
    fit: kalman.Fit | None = None
    for i, (measured, b, u) in enumerate(samples):
        x = (HOSTS * IDLE_W, b * RANGE_W, u * RANGE_W)
        fit = fit or kalman.begin(0, factors, x, RANGE_W / IDLE_W)
        fit = kalman.update(fit, i * kalman.STEP_MS, float(measured), x, RANGE_W / IDLE_W)
    assert fit is not None
    watts = np.array(fit.factors) * [IDLE_W, RANGE_W, RANGE_W]
    assert watts == pytest.approx(field_guide(samples), rel=1e-6)
    assert watts == pytest.approx([31, 42, 110], rel=0.1)


def test_a_gap_widens_what_may_have_changed_as_many_samples_would() -> None:
    x = (277 * 25.0, 0.0, 0.0)
    fit = kalman.update(kalman.begin(0, (1.0, 0.0, 1.0), x, 5.0), 0, 7000.0, x, 5.0)
    later = kalman.update(fit, 10 * kalman.STEP_MS, 7000.0, (0.0, 149.0, 0.0), 5.0)
    assert later.covariance[5] == pytest.approx(fit.covariance[5] + 10)


def test_rounding_costs_nothing_and_keeps_the_covariance_sound() -> None:
    x = (1e6, 5e5, 3e5)  # many hosts, many samples: as sharp as it becomes
    fit = kalman.begin(0, (1.0, 0.0, 1.0), x, 4.0)
    for i in range(2000):
        fit = kalman.update(fit, i * kalman.STEP_MS, 1.6e6, x, 4.0)
        assert fit.rounded().sound
    assert fit.rounded().factors == pytest.approx(fit.factors, abs=5e-7)
    assert fit.rounded().rounded() == fit.rounded()


def test_hosts_that_draw_nothing_teach_nothing() -> None:
    fit = kalman.begin(0, (1.0, 0.0, 1.0), (0.0, 0.0, 0.0), 1.0)
    assert kalman.update(fit, 30_000, 5.0, (0.0, 0.0, 0.0), 1.0) == fit
