from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opendt_streams.errors import BadConfiguration
from opendt_streams.model import times
from opendt_streams.windows.grid import Grid

GRID = Grid()


def at(clock: str) -> int:
    return times.parse(f"2022-10-06T{clock}Z")


def test_a_window_holds_its_start_but_not_its_end() -> None:
    assert GRID.window_of(at("22:00:00")) == at("22:00:00")
    assert GRID.window_of(at("22:04:59.999")) == at("22:00:00")
    assert GRID.window_of(at("22:05:00")) == at("22:05:00")


def test_windows_are_aligned_to_the_epoch_before_it_too() -> None:
    assert GRID.window_of(-1) == -GRID.window_ms


def test_the_first_instant_is_strictly_after_the_first_window_s_start() -> None:
    assert GRID.first_instant(at("22:00:00")) == at("23:00:00")
    assert GRID.first_instant(at("22:55:00")) == at("23:00:00")


def test_the_instant_of_a_window_is_the_newest_one_at_or_before_its_start() -> None:
    assert GRID.instant_of(at("22:55:00")) == at("22:00:00")
    assert GRID.instant_of(at("23:00:00")) == at("23:00:00")


@given(st.integers(-(10**12), 10**13))
def test_every_time_is_in_its_window_and_after_its_instant(time_ms: int) -> None:
    start = GRID.window_of(time_ms)
    assert start <= time_ms < start + GRID.window_ms
    assert GRID.instant_of(start) <= start < GRID.first_instant(start)
    assert GRID.is_instant(GRID.instant_of(start))


@pytest.mark.parametrize(
    ("lengths", "named"),
    [
        ({"sample_interval_ms": 7_000}, "simulator.sample_interval"),
        ({"sample_interval_ms": 0}, "simulator.sample_interval"),
        ({"window_ms": 7 * times.MINUTE}, "simulator.window"),
        ({"publish_every_ms": -times.HOUR, "window_ms": -times.MINUTE, "sample_interval_ms": 1}, "simulator.window"),
    ],
)
def test_lengths_that_do_not_divide_are_refused(lengths: dict[str, int], named: str) -> None:
    with pytest.raises(BadConfiguration, match=named):
        Grid(**lengths)
