"""What people call a moment, and which records it covers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opendt_streams.errors import BadInput
from opendt_streams.model import times
from opendt_streams.topology.log_index import LogIndex, Moment, Timeline

A, B, C = "aaaaaaaa11" + "0" * 54, "aaaaaaaa22" + "0" * 54, "1234567890" + "c" * 54
T = times.parse("2026-03-01T12:00:00Z")


@pytest.fixture
def log() -> LogIndex:
    """Offsets 5 (A), 6 (no event), 8 (B), 9 (A again), 10 (C); the third was recorded by a clock that ran ahead."""
    index = LogIndex()
    for offset, after_s, event_id in ((5, 0, A), (6, 1, ""), (8, 60, B), (9, 3, A), (10, 61, C)):
        index.append(offset, T + after_s * times.SECOND, event_id)
    return index


@pytest.mark.parametrize(
    ("asked", "rows", "after_s"),
    [
        ("5", 1, 0),
        ("7", 2, 1),  # an offset that the log skips: what came before it
        ("8", 3, 60),
        ("9", 4, 3),
        ("aaaaaaaa1", 1, 0),
        (B, 3, 60),
        ("1234567890", 5, 61),  # digits that no offset can be
        ("2026-03-01T12:00:01Z", 2, 1),
        ("2026-03-01T12:00:59Z", 2, 59),  # not the fourth, though its own clock said 12:00:03
        ("2026-03-01T13:01:00+01:00", 4, 60),
        ("2026-03-02T00:00:00Z", 5, 43_200),
        ("2026-02-01T00:00:00Z", 0, -28 * 86_400 - 43_200),
    ],
)
def test_moments(log: LogIndex, asked: str, rows: int, after_s: int) -> None:
    assert log.moment(asked) == Moment(rows, T + after_s * times.SECOND)


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        ("11", "no offset 11; expected 5 to 10"),
        ("4", "no offset 4"),
        ("aaaaaaaa", "2 events begin with aaaaaaaa"),
        ("bbbbbbbb", "holds no event bbbbbbbb"),
        ("aaaa", "is not a time"),
        ("2026-03-01T12:00:00", "no time zone"),
        ("yesterday", "is not a time"),
        ("²", "is not a time"),
        ("", "is not a time"),
        ("-1", "is not a time"),
    ],
)
def test_what_names_no_moment_is_refused(log: LogIndex, asked: str, complaint: str) -> None:
    with pytest.raises(BadInput, match=f"--believed: .*{complaint}"):
        log.moment(asked)


def test_an_empty_log_has_no_offsets() -> None:
    with pytest.raises(BadInput, match="no offset 0"):
        LogIndex().moment("0")


@given(st.lists(st.integers(0, 20)), st.integers(-1, 21))
def test_a_timeline_is_known_up_to_its_first_later_record(recorded: list[int], now: int) -> None:
    timeline = Timeline()
    for time_ms in recorded:
        timeline.note(time_ms)
    expected = next((i for i, time_ms in enumerate(recorded) if time_ms > now), len(recorded))
    assert timeline.rows_by(now) == expected
