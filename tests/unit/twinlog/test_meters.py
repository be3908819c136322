"""Which samples an interval of dc.power has, message by message."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opendt_streams.model import times
from opendt_streams.model.power import Meter, PowerSample
from opendt_streams.twinlog.meters import MeterLog
from opendt_streams.windows.grid import Grid
from opendt_streams.wire.messages import End, Heartbeat, Invalid, Message, PowerBatch, Silence

GRID = Grid()
HOUR, STEP = times.HOUR, GRID.sample_interval_ms
P = 100 * HOUR


def sample(time_ms: int, power_w: float = 1.0, cluster: str | None = None) -> PowerSample:
    return PowerSample(time_ms, power_w, Meter(cluster))


def batch(*samples: PowerSample) -> PowerBatch:
    return PowerBatch(samples)


def log_of(*messages: Message) -> MeterLog:
    log = MeterLog(GRID)
    for offset, message in enumerate(messages):
        log.put(offset, message)
    return log


@pytest.mark.parametrize(
    ("message", "closes"),
    [
        (batch(sample(P)), False),  # another meter may follow at the same instant
        (batch(sample(P + STEP - 1)), False),  # pairs with the row at P
        (batch(sample(P + STEP)), True),
        (Heartbeat(P + STEP - 1), False),
        (Heartbeat(P + STEP), True),
        (End(), True),
        (Silence(P), True),
        (Silence(P + HOUR), True),
        (Silence(P - HOUR), False),
        (Silence(P + 1), False),  # no instant
        (Silence(P + 100 * times.DAY), False),  # further ahead than any message may be
        (Heartbeat(P + 100 * times.DAY), False),
        (Invalid("?", ""), False),
    ],
)
def test_what_closes_an_interval(message: Message, closes: bool) -> None:
    assert log_of(batch(sample(P - HOUR + 1)), message).closed(P) is closes


def test_silence_means_nothing_once_its_instant_was_reached() -> None:
    log = log_of(batch(sample(P)), Silence(P), batch(sample(P + 1)), Heartbeat(P + HOUR))
    assert log.readings(None, P).ahead == [sample(P + 1)]


def test_samples_of_a_silent_interval_are_late() -> None:
    log = log_of(batch(sample(P - 2)), Silence(P), batch(sample(P - 1), sample(P + STEP)), End())
    assert log.readings(None, P).samples == [sample(P - 2)]
    assert log.readings(P, P + HOUR).samples == [sample(P + STEP)]


def test_the_first_sample_of_a_time_and_meter_counts_and_late_ones_do_not() -> None:
    log = log_of(
        batch(sample(P, 1), sample(P, 2), sample(P, 3, "C")), batch(sample(P, 4)), Heartbeat(P + STEP), batch(sample(P - 9)), End()
    )
    assert log.readings(None, P).samples == [sample(P, 1), sample(P, 3, "C")]


def test_the_samples_ahead_are_those_that_pair_with_the_last_row_and_were_there_in_time() -> None:
    log = log_of(batch(sample(P), sample(P + 1)), batch(sample(P + 2), sample(P + STEP)), batch(sample(P + 3)), End())
    assert log.readings(None, P).ahead == [sample(P + 1), sample(P + 2)]
    assert log.readings(P, P + HOUR).samples == [sample(t) for t in (P + 1, P + 2, P + 3, P + STEP)]


def test_the_first_interval_has_what_was_measured_before_it() -> None:
    log = log_of(batch(sample(P - 5 * HOUR), sample(P - HOUR), sample(P)), End())
    assert len(log.readings(None, P).samples) == 3
    assert len(log.readings(P - HOUR, P).samples) == 1


def test_after_the_end_nothing_counts() -> None:
    log = log_of(batch(sample(P)), End(), batch(sample(P + 1)), End())
    assert log.ended
    assert log.readings(None, P + HOUR).samples == [sample(P)]


def test_reading_resumes_at_the_first_message_that_is_still_needed() -> None:
    log = log_of(Heartbeat(P - HOUR), batch(sample(P)), batch(sample(P + 1)), Heartbeat(P + STEP), Heartbeat(P + 2 * STEP))
    assert log.resume().offset == 1
    log.forget(P)
    assert (log.resume().offset, log.resume().watermark_ms, log.resume().closed_ms) == (2, P, P - HOUR)
    log.forget(P + HOUR)
    assert (log.resume().offset, log.resume().watermark_ms, log.resume().closed_ms) == (5, P + 2 * STEP, P)


def test_a_copy_as_if_ended_leaves_the_log_as_it_was() -> None:
    log = log_of(batch(sample(P)))
    assert log.as_if_ended().ends() == [P]
    assert log.ends() == []
    log.put(1, batch(sample(P - 1), sample(P + STEP)))
    assert log.readings(None, P).samples == [sample(P - 1), sample(P)]


SHORT = Grid(window_ms=10, sample_interval_ms=5, publish_every_ms=20, max_jump_ms=60)
TIMES = st.integers(0, 200)
MESSAGES = st.one_of(
    st.lists(st.builds(sample, TIMES, st.floats(0, 9)), min_size=1, max_size=4).map(lambda samples: batch(*samples)),
    TIMES.map(Heartbeat),
    st.integers(0, 10).map(lambda n: Silence(20 * n)),
    st.just(Invalid("?", "")),
    st.just(End()),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(MESSAGES, max_size=25), st.integers(0, 25), st.integers(0, 10))
def test_a_log_that_resumes_has_the_same_readings_of_all_that_was_not_forgotten(said: list[Message], cut: int, intervals: int) -> None:
    whole = MeterLog(SHORT)
    for offset, message in enumerate(said):
        whole.put(offset, message)
    written = 20 * intervals
    log = MeterLog(SHORT)
    for offset, message in enumerate(said[:cut]):
        log.put(offset, message)
    if not log.closed(written):
        return
    log.forget(written)
    mark = log.resume()
    again = MeterLog(SHORT, mark)
    for offset in range(mark.offset, len(said)):
        again.put(offset, said[offset])
    for end in range(written + 20, 240, 20):
        assert again.closed(end) == whole.closed(end)
        assert again.readings(end - 20, end) == whole.readings(end - 20, end)
