"""What topics said up to a time of recording: meters of parts, samples out of order, repeated decisions, watermarks."""

from __future__ import annotations

import pytest

from opendt_streams.audit.asof.beliefs_topics import Decisions, Meters, Results, Workload
from opendt_streams.model import times
from opendt_streams.model.decision import Decision, Score
from opendt_streams.model.power import Meter, PowerSample
from opendt_streams.model.result import Series, TaskCounts, WindowResult
from opendt_streams.model.topology import Cluster, HostGroup, PowerModel, Topology
from opendt_streams.wire.messages import DecisionRecorded, End, Heartbeat, Invalid, Message, PowerBatch, ResultRecorded, ResumePoint

MINUTE, HOUR, DAY = times.MINUTE, times.HOUR, times.DAY
GROUP = HostGroup("H", 1, 1, 4, 1000.0, 1024, PowerModel())
SITE = Topology((Cluster("A", (GROUP,)), Cluster("B", (GROUP,))))


def meters(*batches: Message) -> Meters:
    made = Meters(7 * DAY)
    for row, batch in enumerate(batches):
        made.take(1_000 + row, row, batch)
    made.sort()
    return made


def batch(*samples: tuple[int, float], cluster: str | None = None) -> PowerBatch:
    return PowerBatch(tuple(PowerSample(t, w, Meter(cluster, None)) for t, w in samples))


def test_the_first_sample_of_a_time_stands_and_late_ones_are_found_in_their_place() -> None:
    found = meters(batch((60, 1.0), (120, 2.0)), batch((120, 9.0), (90, 1.5)))
    assert found.power(120, 2, SITE) == (120, 2.0)
    assert found.power(119, 2, SITE) == (90, 1.5)
    assert found.power(119, 1, SITE) == (60, 1.0)
    assert found.power(59, 2, SITE) is None
    assert found.power(120, 0, SITE) is None


def test_meters_of_parts_are_summed_where_they_cover_everything() -> None:
    found = meters(batch((60, 1.0), (120, 2.0), cluster="A"), batch((60, 10.0), cluster="B"))
    assert found.power(200, 2, SITE) == (60, 11.0)
    assert found.power(200, 1, SITE) is None
    assert found.power(200, 2, None) is None


def test_a_meter_of_everything_speaks_for_itself() -> None:
    found = meters(batch((60, 12.0)), batch((120, 1.0), cluster="A"), batch((120, 10.0), cluster="B"))
    assert found.power(200, 3, SITE) == (60, 12.0)


def test_the_watermark_of_power_is_what_was_read_and_not_refused() -> None:
    found = meters(batch((60, 1.0)), Heartbeat(99 * DAY), Heartbeat(120))
    assert [found.watermark_ms(rows) for rows in range(4)] == [None, 60, 60, 120]
    assert found.power(99 * DAY, 3, SITE) == (60, 1.0)


def test_the_watermark_of_the_workload() -> None:
    beats = (Heartbeat(60), Heartbeat(30), Heartbeat(99 * DAY), Heartbeat(99 * DAY))
    said: list[Message] = [Invalid("x", ""), *beats, End(), Heartbeat(100 * DAY)]
    workload = Workload(7 * DAY)
    for row, message in enumerate(said):
        workload.take(row, message)
    assert [workload.watermark_ms(rows) for rows in range(8)] == [None, None, 60, 60, 60, 99 * DAY, 99 * DAY, 99 * DAY]


def decided(instant_ms: int, pin: int, mape: float | None, samples: int) -> DecisionRecorded:
    score = Score(samples, mape_percent=mape)
    made = Decision("", "dc", instant_ms, "m", "kept", "r", {}, {}, samples, 0, score_in_force=score)
    return DecisionRecorded(made, pin, ResumePoint(0, 0, None, None, 0))


@pytest.fixture
def decisions() -> Decisions:
    said: list[Message] = [decided(HOUR, 1, 2.0, 10), Invalid("x", ""), decided(2 * HOUR, 2, None, 0)]
    said += [decided(HOUR, 7, 9.0, 10), decided(3 * HOUR, 4, 5.0, 30)]
    made = Decisions()
    for row, message in enumerate(said):
        made.take(1_000 + row, message)
    return made


def test_the_first_decision_of_an_instant_stands(decisions: Decisions) -> None:
    assert [d.pin for d in decisions.decided] == [1, 2, 4]
    assert [decisions.pin(HOUR, rows) for rows in (0, 1, 5)] == [None, 1, 1]
    assert [decisions.pin(2 * HOUR, rows) for rows in (2, 3)] == [None, 2]
    assert decisions.pin(9 * HOUR, 5) is None


def test_means_are_weighted_by_samples(decisions: Decisions) -> None:
    assert decisions.means(0) == (0, dict.fromkeys(decisions.means(1)[1]))
    assert decisions.means(2) == (10, decisions.means(1)[1])
    samples, means = decisions.means(3)
    assert (samples, means["mape_percent"]) == (40, (2.0 * 10 + 5.0 * 30) / 40)


def test_decisions_are_counted_by_what_was_known_and_by_instant(decisions: Decisions) -> None:
    assert [decisions.count(rows) for rows in range(6)] == [0, 1, 1, 2, 2, 3]
    assert [decisions.count(5, t) for t in (0, HOUR, 3 * HOUR - 1, 3 * HOUR)] == [0, 1, 2, 3]


def result(start_ms: int, power_w: float | None) -> ResultRecorded:
    total = None if power_w is None else Series((power_w,), (60.0,), (1.0,), (0.5,))
    rows = () if total is None else (start_ms + MINUTE,)
    return ResultRecorded(WindowResult("", "dc", "main", start_ms, start_ms + MINUTE, "e", False, TaskCounts(), rows, total), 0)


def test_windows_without_rows_have_no_power_and_the_one_before_does_not_stand_in() -> None:
    results = Results()
    for row, message in enumerate((result(0, 7.0), result(0, 8.0), result(MINUTE, None), result(2 * MINUTE, 9.0))):
        results.take(row, message)
    assert [w.start_ms for w in results.windows] == [0, MINUTE, 2 * MINUTE]
    assert results.power(MINUTE, 3, MINUTE) == (MINUTE, 7.0)
    assert results.power(2 * MINUTE, 3, MINUTE) is None
    assert results.power(3 * MINUTE, 3, MINUTE) == (3 * MINUTE, 9.0)
    assert results.power(3 * MINUTE, 2, MINUTE) is None
    assert [results.count(rows) for rows in range(5)] == [0, 1, 1, 2, 3]
    assert results.window(MINUTE, 1) is None
    assert results.window(MINUTE, 2) is results.windows[1]
