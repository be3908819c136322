from __future__ import annotations

import numpy as np
import pytest

from opendt_streams.calibration.synchrony import LONGEST_MS, Synchrony, compare
from opendt_streams.model.task import Float64

ROW_MS = 30_000
COUNT = 240


def load() -> Float64:
    """Steps at odd times, as jobs come and go."""
    rng = np.random.default_rng(3)
    return np.repeat(rng.uniform(8_000, 14_000, 30), 10)


def compared(lag_rows: int, level: float = 1.0, lag: int = 0, since_ms: int = 0, noise: float = 0.003) -> Synchrony:
    rows = load()
    row_ms = ROW_MS * np.arange(1, len(rows) + 1)
    chosen = np.arange(40, COUNT)
    power = level * rows[chosen - lag_rows] * (1 + noise * np.random.default_rng(4).standard_normal(len(chosen)))
    return compare(row_ms[chosen], power, np.ones(len(chosen), dtype=np.bool_), row_ms, rows, noise, ROW_MS, lag, since_ms)


@pytest.mark.parametrize("lag_rows", [10, 20, -15])
def test_a_clock_that_is_off_is_noticed_and_by_how_much(lag_rows: int) -> None:
    found = compared(lag_rows)
    assert found.lag == lag_rows
    assert found.off.mean() > 0.5
    assert found.complaint is not None


@pytest.mark.parametrize("level", [1.0, 1.2, 0.6])
def test_a_clock_that_is_right_is_left_alone_whatever_the_level(level: float) -> None:
    found = compared(0, level)
    assert (found.lag, found.complaint) == (0, None)
    assert not found.off.any()


def test_it_thaws_by_itself() -> None:
    found = compared(0, lag=20, since_ms=ROW_MS)
    assert found.lag == 0
    assert not found.off[-1]


def test_it_stays_frozen_while_the_clock_is_off_but_not_for_ever() -> None:
    assert compared(20, lag=20, since_ms=ROW_MS).off.all()
    assert not compared(0, lag=20, since_ms=-2 * LONGEST_MS).off.any()


def test_a_last_window_that_is_explained_very_well_is_in_doubt_and_not_off_yet() -> None:
    """One window is no proof: its readings are not learnt from, and the next interval tells."""
    rng, count = np.random.default_rng(3), 120
    rows = np.repeat(rng.uniform(8_000, 14_000, count // 10), 10)
    power = rows.copy()
    power[90:] = rows[70:100]  # 20 rows late from there on
    row_ms = ROW_MS * np.arange(1, count + 1)
    noisy = power * (1 + 0.002 * rng.standard_normal(count))
    found = compare(row_ms, noisy, np.ones(count, dtype=np.bool_), row_ms, rows, 0.002, ROW_MS, 0, 0)
    assert (found.lag, found.doubted_ms) == (0, row_ms[80])
    assert found.off.tolist() == [False] * 80 + [True] * 40
    assert found.complaint is not None and "may be off" in found.complaint
