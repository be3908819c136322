from __future__ import annotations

import pytest

from opendt_streams.calibration.telemetry import LONGEST_HOLD, Meter, implausible, readings


def shown(*power_w: float, before: Meter | None = None) -> list[Meter]:
    return readings(before, [1000 * i for i in range(len(power_w))], list(power_w))


def test_a_value_may_be_held_for_a_while() -> None:
    held = shown(*[100.0] * (LONGEST_HOLD + 1), 101.0)
    assert [m.complaint for m in held[:LONGEST_HOLD]] == [None] * LONGEST_HOLD
    assert held[LONGEST_HOLD].complaint == "meter stuck since 1970-01-01T00:00:00Z"
    assert held[-1].complaint is None  # thawed by itself


def test_a_hold_goes_on_across_instants() -> None:
    before = shown(*[100.0] * LONGEST_HOLD)[-1]
    assert shown(100.0, before=before)[0].stuck


@pytest.mark.parametrize("power_w", [0.0, -3.0, float("nan"), float("inf")])
def test_no_power_is_no_reading(power_w: float) -> None:
    complaint = shown(power_w)[0].complaint
    assert complaint is not None
    assert complaint.endswith("W since 1970-01-01T00:00:00Z")


def test_readings_of_other_hosts_or_units_are_not_believed() -> None:
    assert implausible(15_000, 5_000, 30_000) is None
    assert implausible(55_000, 5_000, 30_000) is None  # a spike, for the filter to clip
    assert implausible(15, 5_000, 30_000) == "power of 15 W where the hosts can draw 5000 to 30000 W"
    assert implausible(15_000_000, 5_000, 30_000) is not None
