"""The bank of filters against the filter as the field guide writes it: watts per host, a plain 3 x 3 covariance."""

from __future__ import annotations

import numpy as np
import pytest

from opendt_streams.calibration import kalman
from opendt_streams.calibration.kalman import Bank
from opendt_streams.model.task import Float64

IDLE_W, RANGE_W, HOSTS = 25.0, 149.0, 277
WALK = np.array([(RANGE_W / IDLE_W) ** 2, 1.0, 1.0])
PRIOR = np.array([[[1.0, 0.0, 1.0]]])


def begun(prior_steps: float = kalman.PRIOR_STEPS) -> Bank:
    return kalman.begin(PRIOR, kalman.diagonal((WALK * prior_steps**2)[None, None]))


def taught(bank: Bank, measured_w: list[float], x: list[tuple[float, float, float]], first_ms: int = kalman.STEP_MS, step: int = 1) -> Bank:
    """One scope, one law; a sample every `step` steps."""
    count = len(x)
    columns = np.array(x).reshape(count, 1, 1, 3)
    kalman.teach(
        bank,
        first_ms + kalman.STEP_MS * step * np.arange(count),
        np.array(measured_w).reshape(count, 1),
        columns,
        0.1 * columns[..., 0],
        np.ones((count, 1)),
        kalman.diagonal(WALK[None, None]),
    )
    return bank


def field_guide(samples: list[tuple[float, float, float]], noise: float) -> Float64:
    """State (idle, busy, slope) in watts per host; samples (measured, B, U), every 30 s; noise as a share of predicted power."""
    q, state, p = 6.7e-5 * RANGE_W, np.array([IDLE_W, 0.0, RANGE_W]), (0.067 * RANGE_W) ** 2 * np.eye(3)
    for n, (measured, busy, utilisation) in enumerate(samples):
        x = np.array([HOSTS, busy, utilisation])
        p = p + (q**2 * np.eye(3) if n else 0)
        s = x @ p @ x + (noise * (x @ state)) ** 2
        e = float(np.clip(measured - x @ state, -3 * np.sqrt(s), 3 * np.sqrt(s)))
        k = p @ x / s
        state, p = state + k * e, p - np.outer(k, x @ p)
    return np.asarray(state)


def test_it_is_the_filter_of_the_field_guide(monkeypatch: pytest.MonkeyPatch) -> None:
    for bound in ("LEAST_NOISE", "MOST_NOISE"):  # what is learnt beside it is held still
        monkeypatch.setattr(kalman, bound, kalman.NOISE)
    rng = np.random.default_rng(5)
    load = [(100 + 40 * np.sin(i / 50), 60 + 30 * np.sin(i / 31)) for i in range(600)]
    samples = [((HOSTS * 31 + b * 42 + u * 110) * (1 + 0.01 * rng.standard_normal()), b, u) for b, u in load]
    samples[300] = (3 * samples[300][0], *samples[300][1:])  # a spike, to be clipped alike
    x = [(HOSTS * IDLE_W, b * RANGE_W, u * RANGE_W) for _, b, u in samples]
    watts = taught(begun(), [float(m) for m, _, _ in samples], x).factors[0, 0] * [IDLE_W, RANGE_W, RANGE_W]
    assert watts == pytest.approx(field_guide(samples, kalman.NOISE), rel=1e-6)
    assert watts == pytest.approx([31, 42, 110], rel=0.1)


def test_a_gap_widens_what_may_have_changed_as_many_samples_would() -> None:
    bank = taught(begun(), [7000.0], [(HOSTS * IDLE_W, 0.0, 0.0)])
    before = bank.covariance[0, 0, 2, 2]
    taught(bank, [100.0], [(0.0, 149.0, 0.0)], first_ms=11 * kalman.STEP_MS)
    assert bank.covariance[0, 0, 2, 2] == pytest.approx(before + 10)


def test_rounding_costs_nothing_and_keeps_the_covariance_sound() -> None:
    x = (1e6, 5e5, 3e5)  # many hosts, many samples: as sharp as it becomes
    bank = taught(begun(), [1.6e6] * 2000, [x] * 2000)
    rounded = bank.rounded()
    assert rounded.sound(0)
    assert rounded.factors == pytest.approx(bank.factors, abs=5e-7)
    assert all(np.array_equal(a, b) for a, b in zip(rounded.rounded().columns, rounded.columns, strict=True))


def test_hosts_that_draw_nothing_teach_nothing() -> None:
    assert np.array_equal(taught(begun(), [5.0], [(0.0, 0.0, 0.0)]).factors, PRIOR)


@pytest.mark.parametrize("noise", [0.002, 0.02])
def test_it_learns_how_noisy_the_meter_is(noise: float) -> None:
    rng = np.random.default_rng(2)
    x = (7000.0, 9000.0, 5000.0)
    measured = 12_000 * (1 + noise * rng.standard_normal(4000))
    assert taught(begun(), measured.tolist(), [x] * 4000).noise[0, 0] == pytest.approx(noise, rel=0.3)


@pytest.mark.parametrize("noise", [0.001, 0.03])
def test_a_change_of_the_hosts_is_noticed(noise: float) -> None:
    rng = np.random.default_rng(3)
    load = rng.random(3000) * 9000
    idle = np.where(np.arange(3000) < 2000, 7000.0, 8400.0)
    measured = (idle + load) * (1 + noise * rng.standard_normal(3000))
    bank = taught(begun(), measured.tolist(), [(7000.0, 0.0, u) for u in load.tolist()])
    assert bank.factors[0, 0, 0] == pytest.approx(1.2, rel=0.02)


def test_copies_are_made_where_they_are_wanted() -> None:
    bank, x = begun(), np.array([7000.0, 9000.0, 5000.0]).reshape(1, 1, 1, 3).repeat(10, axis=0)
    times_ms, measured = kalman.STEP_MS * np.arange(1, 11), np.full((10, 1), 13_000.0)
    walk, believed = kalman.diagonal(WALK[None, None]), np.ones((10, 1))
    copies = kalman.teach(bank, times_ms, measured, x, x[..., 0], believed, walk, {7: 4, 8: 0, 9: 10})
    assert [copies[key].time_ms[0] // kalman.STEP_MS for key in (7, 8, 9)] == [4, 0, 10]
    assert np.array_equal(copies[9].factors, bank.factors)
