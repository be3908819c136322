from __future__ import annotations

from dataclasses import replace

import pytest

from opendt_streams.calibration.telemetry import CERTAIN, JUMP, LONGEST_HOLD, LONGEST_JUMP_MS, Meter

STEP_MS = 30_000
LOAD = [10_000.0 + 100 * (i % 7) for i in range(2000)]  # what the parameters in force draw: never the same for long


def shown(power_w: list[float], expected_w: list[float] | None = None, before: Meter | None = None, first: int = 0) -> list[Meter]:
    meter, found = replace(before or Meter()), list[Meter]()
    for i, (power, expected) in enumerate(zip(power_w, expected_w or LOAD[first:], strict=False), start=first):
        meter.read(STEP_MS * i, power, expected, 5_000.0, 30_000.0)
        found.append(replace(meter))
    return found


def true(count: int, first: int = 0) -> list[float]:
    return [1.1 * w for w in LOAD[first : first + count]]


def test_a_value_may_be_held_for_a_while() -> None:
    held = shown([*[11_000.0] * (LONGEST_HOLD + 1), 11_100.0])
    assert [m.complaint for m in held[:LONGEST_HOLD]] == [None] * LONGEST_HOLD
    assert held[LONGEST_HOLD].complaint == "meter stuck since 1970-01-01T00:00:00Z"
    assert held[LONGEST_HOLD].certain
    assert held[-1].complaint is None  # thawed by itself


def test_a_hold_goes_on_across_instants() -> None:
    before = shown([11_000.0] * LONGEST_HOLD)[-1]
    assert shown([11_000.0], before=before, first=LONGEST_HOLD)[0].stuck


def test_a_meter_without_noise_may_hold_its_value_while_the_load_does() -> None:
    assert not shown([11_000.0] * 500, [10_000.0] * 500)[-1].stuck
    assert shown([11_000.0] * 500, [10_000.0] * 490 + [10_100.0] * 10)[-1].stuck


def test_a_noisy_meter_may_not() -> None:
    before = shown([11_000.0 + i % 9 for i in range(100)], [10_000.0] * 100)[-1]
    assert shown([11_000.0] * 30, [10_000.0] * 30, before, first=100)[-1].stuck


@pytest.mark.parametrize("power_w", [0.0, -3.0, float("nan"), float("inf")])
def test_no_power_is_no_reading_and_a_fault_when_it_goes_on(power_w: float) -> None:
    found = shown([power_w] * CERTAIN)
    assert found[0].complaint is not None
    assert found[0].complaint.endswith("W since 1970-01-01T00:00:00Z")
    assert [m.certain for m in found] == [False] * (CERTAIN - 1) + [True]


def test_readings_of_other_hosts_or_units_are_not_believed() -> None:
    for plausible in (15_000.0, 55_000.0):  # the second is a spike at most
        assert shown([plausible])[0].complaint is None
    assert shown([90.0])[0].complaint == "power of 90 W where the hosts can draw 5000 to 30000 W since 1970-01-01T00:00:00Z"
    for other in (15.0, 15_000_000.0):
        assert (shown([other])[0].complaint or "").startswith("another unit: ")


def test_power_that_jumps_while_the_load_does_not_is_not_believed_until_it_is_back() -> None:
    before = shown(true(50))[-1]
    away = shown([1.5 * w for w in true(100, 50)], before=before, first=50)
    assert all(m.complaint is not None for m in away)
    assert away[CERTAIN - 1].certain
    assert shown(true(1, 150), before=away[-1], first=150)[0].complaint is None


def test_a_jump_that_lasts_is_the_truth_after_all() -> None:
    before = shown(true(50))[-1]
    lasting = LONGEST_JUMP_MS // STEP_MS + 2
    assert shown([1.5 * w for w in true(lasting, 50)], before=before, first=50)[-1].complaint is None


def test_a_step_of_a_fifth_is_no_jump() -> None:
    before = shown(true(50))[-1]
    assert all(m.complaint is None for m in shown([1.2 * w for w in true(100, 50)], before=before, first=50))


def test_power_that_follows_the_load_is_no_jump_however_wrong_the_parameters_are() -> None:
    loads = [5_000.0] * 50 + [20_000.0] * 50
    found = shown([1.1 * w if w < 10_000 else JUMP * 1.2 * w for w in loads], loads)
    assert all(m.complaint is None or m.held > LONGEST_HOLD for m in found)
