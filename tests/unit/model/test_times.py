from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opendt_streams.errors import BadInput
from opendt_streams.model import times

T = 1_665_093_600_000


@pytest.mark.parametrize(
    "value",
    [
        "2022-10-06T22:00:00Z",
        "2022-10-06T22:00:00+00:00",
        "2022-10-07T00:00:00+02:00",
        "2022-10-06T22:00:00.000999Z",
        T,
        float(T),
        datetime(2022, 10, 6, 22, tzinfo=UTC),
        datetime(2022, 10, 7, 0, tzinfo=timezone(timedelta(hours=2))),
    ],
)
def test_the_ways_of_saying_a_time(value: object) -> None:
    assert times.parse(value) == T


@pytest.mark.parametrize("value", ["2022-10-06T22:00:00", "2022-10-06", datetime(2022, 10, 6, 22)])  # noqa: DTZ001
def test_naive_time_is_refused_unless_it_means_utc(value: object) -> None:
    with pytest.raises(BadInput, match="has no time zone; expected an offset"):
        times.parse(value)
    assert times.parse(value, naive_is_utc=True) in (T, T - 22 * times.HOUR)


@pytest.mark.parametrize("value", ["", "now", "22:00", 1.5, float("nan"), float("inf"), True, None, [T], "2022-13-01T00:00:00Z"])
def test_other_things_are_no_times(value: object) -> None:
    with pytest.raises(BadInput, match="is not a time"):
        times.parse(value)


@pytest.mark.parametrize("value", [T * 1000, -(10**15), 10**400, "9999-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00"])
def test_times_that_no_datacenter_can_mean_are_refused(value: object) -> None:
    with pytest.raises(BadInput, match="out of range"):
        times.parse(value)


@pytest.mark.parametrize(
    ("time_ms", "text"),
    [
        (T, "2022-10-06T22:00:00Z"),
        (T + 1, "2022-10-06T22:00:00.001Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (0, "1970-01-01T00:00:00Z"),
    ],
)
def test_iso(time_ms: int, text: str) -> None:
    assert times.iso(time_ms) == text


@given(st.integers(-9_214_560_000_000, 9_214_646_400_000))
def test_iso_is_read_back(time_ms: int) -> None:
    assert times.parse(times.iso(time_ms)) == time_ms


@given(st.integers(-(10**13), 10**13), st.integers(1, 10**8))
def test_multiples(time_ms: int, step_ms: int) -> None:
    floor, following = times.floor(time_ms, step_ms), times.next_multiple(time_ms, step_ms)
    assert floor <= time_ms < following == floor + step_ms
    assert floor % step_ms == 0
