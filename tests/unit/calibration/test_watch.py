from __future__ import annotations

from opendt_streams.calibration.telemetry import LONGEST_HOLD, Meter
from opendt_streams.calibration.watch import GAP, Pace, Reading, Watched, gap, watch
from opendt_streams.model import times

STEP_MS = 30_000


def readings(power_w: list[float], first: int = 1) -> list[Reading | None]:
    loads = [10_000.0 + 200 * (i % 7) for i in range(len(power_w))]
    return [Reading(STEP_MS * i, p, e, 5_000.0, 30_000.0) for i, (p, e) in enumerate(zip(power_w, loads, strict=True), start=first)]


def healthy(n: int) -> list[float]:
    return [11_000.0 + 7 * (i % 5) for i in range(n)]


def watched(given: list[Reading | None], before: Watched | None = None, after_ms: int = 0) -> Watched:
    last = max(r.time_ms for r in given if r is not None)
    return watch(before.meter if before else Meter(), before.pace if before else None, given, after_ms, last)


def test_a_stuck_meter_is_undone_back_to_when_it_took_on_its_value() -> None:
    found = watched(readings(healthy(30) + [14_500.0] * 60))
    assert [i for i, good in enumerate(found.believed) if good] == list(range(31))
    assert found.complaint == "meter stuck since 1970-01-01T00:15:30Z"
    assert found.frozen
    assert not found.undone
    assert found.faults == ((STEP_MS * (30 + LONGEST_HOLD + 1), found.complaint),)


def test_it_is_undone_across_instants_too() -> None:
    first = watched(readings(healthy(30) + [14_500.0] * 5))
    rest = watched(readings([14_500.0] * 40, first=36), first, after_ms=35 * STEP_MS)
    assert first.hold == 30
    assert not first.undone
    assert rest.undone
    assert not any(rest.believed)


def test_a_long_but_healthy_hold_is_believed() -> None:
    assert all(watched(readings([*healthy(5), *[11_600.0] * LONGEST_HOLD, 11_601.0])).believed)


def test_believing_goes_on_after_the_meter_moves_again() -> None:
    found = watched(readings(healthy(30) + [14_500.0] * 60 + healthy(10)))
    assert [i for i, good in enumerate(found.believed) if good] == [*range(31), *range(90, 100)]
    assert not found.frozen
    assert len(found.faults) == 1


def test_zeros_are_passed_over() -> None:
    found = watched(readings(healthy(30) + [0.0] * 40 + healthy(1)))
    assert [i for i, good in enumerate(found.believed) if good] == [*range(30), 70]
    assert len(found.faults) == 1


def test_readings_seen_before_are_passed_over() -> None:
    given = readings(healthy(30))
    once = watched(given)
    again = watched(given, once)
    assert not any(again.believed)
    assert again.meter == once.meter


def test_readings_without_a_row_are_not_believed() -> None:
    given: list[Reading | None] = [Reading(STEP_MS, 11_000.0, None), None]
    assert watched(given).believed == (False, False)


def test_a_gap_is_told_once_and_freezes_while_it_lasts() -> None:
    pace = Pace(STEP_MS * 30, STEP_MS)
    silent_ms = STEP_MS * (30 + GAP + 1)
    during = watch(Meter(), pace, [], STEP_MS * 30, silent_ms)
    assert during.faults == ((silent_ms, f"no readings since {times.iso(STEP_MS * 30)}"),)
    assert during.frozen
    assert watch(Meter(), pace, [], silent_ms, silent_ms + STEP_MS).faults == ()
    assert gap(pace, 0, silent_ms - 1) == []
    after = watch(Meter(), pace, readings(healthy(3), first=100), silent_ms, STEP_MS * 102)
    assert after.faults == ()
    assert not after.frozen


def test_a_slow_meter_has_a_pace_of_its_own() -> None:
    slow: list[Reading | None] = [Reading(t, 11_000.0 + t % 13, 10_000.0, 5_000.0, 30_000.0) for t in range(300_000, 6_000_000, 300_000)]
    assert watched(slow).faults == ()
