"""From what Grafana says of time to buckets: never more points than it asked for, in round steps of whole samples."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opendt_api.graphite.span import span, time_ms

from opendt_streams.errors import BadInput
from opendt_streams.model import times

NOW = times.parse("2026-02-03T04:05:06Z")
SAMPLE = 30 * times.SECOND
SAMPLES = st.sampled_from([1_000, 15_000, 30_000, 45_000, 300_000])
YEAR_H = 8_760


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", NOW),
        ("1665093600", 1_665_093_600_000),
        ("1665093600.5", 1_665_093_600_500),
        ("0", 0),
        ("-6h", NOW - 6 * times.HOUR),
        ("now-6h", NOW - 6 * times.HOUR),
        ("-30min", NOW - 30 * times.MINUTE),
        ("-90s", NOW - 90 * times.SECOND),
        ("-7d", NOW - 7 * times.DAY),
        ("-7days", NOW - 7 * times.DAY),
        ("-2w", NOW - 14 * times.DAY),
        ("-2mon", NOW - 60 * times.DAY),
        ("-1y", NOW - 365 * times.DAY),
        ("-900y", 0),
        ("20221006", times.parse("2022-10-06T00:00:00Z")),
        ("22:30_20221006", times.parse("2022-10-06T22:30:00Z")),
        ("99999999", 99_999_999_000),
        ("10000101", 10_000_101_000),
    ],
)
def test_times(text: str, expected: int) -> None:
    assert time_ms(text, "from", NOW) == expected


@pytest.mark.parametrize("text", ["", "soon", "-6m", "-h", "1e9", "-5", "nan", "inf", "99999999999999", "25:00_20221006", "٣", "undefined"])
def test_what_is_no_time_is_said(text: str) -> None:
    with pytest.raises(BadInput, match="not a time"):
        time_ms(text, "from", NOW)


@pytest.mark.parametrize("most", ["0", "-1", "x", "1.5", "", "9999999999"])
def test_what_is_no_number_of_points_is_said(most: str) -> None:
    with pytest.raises(BadInput, match="maxDataPoints"):
        span("-1h", "now", most, now_ms=NOW, sample_interval_ms=SAMPLE)


def test_an_empty_range_is_said() -> None:
    with pytest.raises(BadInput, match="from before until"):
        span("now", "-1h", None, now_ms=NOW, sample_interval_ms=SAMPLE)


@given(
    st.integers(100_000_000, 4_000_000_000),
    st.integers(1, 2_000_000_000),
    st.integers(1, 20_000),
    SAMPLES,
)
def test_steps_are_whole_samples_and_points_few(start_s: int, length_s: int, most: int, sample_ms: int) -> None:
    found = span(str(start_s), str(start_s + length_s), str(most), now_ms=NOW, sample_interval_ms=sample_ms)
    assert found.step_ms % sample_ms == 0
    assert len(found.ends_ms) <= most + 1  # an end that the buckets are not aligned to
    assert (found.ends_ms % times.SECOND == 0).all()
    assert found.ends_ms[0] - found.step_ms <= found.after_ms < found.ends_ms[0]
    assert found.ends_ms[-1] - found.step_ms < found.until_ms <= found.ends_ms[-1]


@pytest.mark.parametrize(
    ("hours", "most", "step"), [(1, 1_000, 30_000), (24, 1_000, 120_000), (168, 500, 1_800_000), (YEAR_H, 100, 604_800_000)]
)
def test_the_step_is_round(hours: int, most: int, step: int) -> None:
    assert span(f"-{hours}h", "now", str(most), now_ms=NOW, sample_interval_ms=SAMPLE).step_ms == step
