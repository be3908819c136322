from __future__ import annotations

from dataclasses import replace

import pytest

from opendt_streams.calibration.kalman import Fit
from opendt_streams.calibration.learning import Learnt, Sample, learn
from opendt_streams.calibration.telemetry import LONGEST_HOLD, readings

STEP_MS = 30_000
X = (2000.0, 3000.0, 1500.0)


def samples(*power_w: float, from_ms: int = 0) -> list[Sample]:
    at = [from_ms + STEP_MS * (i + 1) for i in range(len(power_w))]
    return [Sample(t, p, m, X) for t, p, m in zip(at, power_w, readings(None, at, list(power_w)), strict=True)]


def taught(given: list[Sample], fit: Fit | None = None, anchor: Fit | None = None, held_out_from_ms: int = 10**9) -> Learnt:
    return learn(fit, anchor, given, (1.0, 0.0, 1.0), 4.0, held_out_from_ms)


def healthy(n: int) -> list[float]:
    return [3500.0 + 7 * (i % 5) for i in range(n)]


def test_a_stuck_meter_is_undone_back_to_when_it_took_on_its_value() -> None:
    before = healthy(30)
    stuck = taught(samples(*before, *[4500.0] * 60))
    assert stuck.fit == taught(samples(*before, 4500.0)).fit
    assert stuck.believed == tuple(range(31))
    assert stuck.complaint == "meter stuck since 1970-01-01T00:15:30Z"


def test_it_is_undone_across_instants_too() -> None:
    first = samples(*healthy(30), *[4500.0] * 5)
    part = taught(first)
    rest = [replace(s, time_ms=s.time_ms + 35 * STEP_MS) for s in samples(*[4500.0] * 40)]
    meters = readings(first[-1].shown, [s.time_ms for s in rest], [s.power_w for s in rest])
    again = taught([replace(s, shown=m) for s, m in zip(rest, meters, strict=True)], part.fit, part.anchor)
    assert part.fit != part.anchor == again.fit
    assert again.believed == ()


def test_a_long_but_healthy_hold_is_learnt_from() -> None:
    assert len(taught(samples(*healthy(5), *[3600.0] * LONGEST_HOLD, 3601.0)).believed) == 6 + LONGEST_HOLD


def test_learning_goes_on_after_the_meter_moves_again() -> None:
    found = taught(samples(*healthy(30), *[4500.0] * 60, *healthy(10)))
    assert found.believed == (*range(31), *range(90, 100))
    assert found.fit is not None
    assert found.fit.time_ms == 100 * STEP_MS


def test_zeros_leave_no_trace() -> None:
    with_zeros = taught(samples(*healthy(30), *[0.0] * 40, *healthy(1)))
    assert with_zeros.believed == (*range(30), 70)


def test_samples_seen_before_change_nothing() -> None:
    given = samples(*healthy(30))
    once = taught(given)
    assert taught(given, once.fit, once.anchor).fit == once.fit


def test_the_held_out_fit_has_not_seen_the_held_out_samples() -> None:
    given = samples(*healthy(30))
    assert taught(given, held_out_from_ms=20 * STEP_MS).before_held_out == taught(given[:20]).fit
    changed = [replace(s, power_w=s.power_w + 300) if s.time_ms > 20 * STEP_MS else s for s in given]
    assert taught(changed, held_out_from_ms=20 * STEP_MS).before_held_out == taught(given[:20]).fit


def test_samples_without_a_row_teach_nothing() -> None:
    given = [replace(s, x=None) for s in samples(*healthy(5))]
    assert taught(given) == Learnt(None, None, None, (), None)


@pytest.mark.parametrize("power_w", [3.5, 3_500_000.0])
def test_readings_in_another_unit_teach_nothing(power_w: float) -> None:
    found = taught(samples(*healthy(5), power_w))
    assert found.fit == taught(samples(*healthy(5))).fit
    assert found.complaint is not None


def test_the_held_out_fit_is_undone_with_the_rest() -> None:
    before = healthy(30)
    found = taught(samples(*before, *[4500.0] * 60), held_out_from_ms=40 * STEP_MS)  # the hold began before, it is known after
    assert found.before_held_out == taught(samples(*before, 4500.0)).fit
