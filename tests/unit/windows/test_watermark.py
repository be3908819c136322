from __future__ import annotations

from opendt_streams.model.times import DAY, HOUR
from opendt_streams.windows.watermark import Watermark


def mark(time_ms: int | None = 0) -> Watermark:
    return Watermark(max_jump_ms=7 * DAY, time_ms=time_ms)


def test_it_never_moves_back() -> None:
    watermark = mark(5)
    assert not watermark.advance(5)
    assert not watermark.advance(4)
    assert watermark.advance(6)
    assert watermark.time_ms == 6


def test_the_first_time_is_believed_whatever_it_is() -> None:
    watermark = mark(None)
    assert not watermark.refuses(10**13)


def test_a_jump_of_exactly_the_limit_is_believed_one_more_millisecond_is_not() -> None:
    assert not mark().refuses(7 * DAY)
    assert mark().refuses(7 * DAY + 1)


def test_after_an_outage_the_second_message_is_believed() -> None:
    watermark = mark()
    assert watermark.refuses(30 * DAY)
    assert not watermark.refuses(30 * DAY + HOUR)


def test_the_second_message_may_also_be_a_little_earlier_than_the_refused_one() -> None:
    watermark = mark()
    assert watermark.refuses(30 * DAY)
    assert not watermark.refuses(30 * DAY - HOUR)


def test_two_far_messages_far_from_each_other_are_both_refused() -> None:
    watermark = mark()
    assert watermark.refuses(30 * DAY)
    assert watermark.refuses(60 * DAY)
    assert watermark.refuses(90 * DAY)


def test_a_message_in_between_breaks_the_row() -> None:
    near, broken = mark(), mark()
    assert near.refuses(30 * DAY)
    assert not near.refuses(HOUR)
    assert near.refuses(30 * DAY)
    assert broken.refuses(30 * DAY)
    broken.forget_refusal()
    assert broken.refuses(30 * DAY)


def test_asking_whether_a_time_is_too_far_changes_nothing() -> None:
    watermark = mark()
    assert watermark.too_far(30 * DAY)
    assert watermark.refuses(30 * DAY)


def test_the_end_reaches_everything() -> None:
    watermark = mark(None)
    assert not watermark.reached(0)
    watermark.ended = True
    assert watermark.reached(10**13)


def test_it_reaches_its_own_time_and_no_later_one() -> None:
    assert mark(5).reached(5)
    assert not mark(5).reached(6)
