"""Totals over the data with the drain apart, and what is unknown in them."""

from __future__ import annotations

from typing import Any

import pytest

from opendt_streams.model import times
from opendt_streams.model.result import ClusterSeries, Series, TaskCounts, WindowResult
from opendt_streams.topology.ledger import Ledger
from opendt_streams.twinlog import schemas
from opendt_streams.twinlog.interval import Interval
from opendt_streams.twinlog.meters import Readings
from opendt_streams.twinlog.totals import Totals

HOUR = times.HOUR
T = 1000 * HOUR
KWH = 3.6e6
UNKNOWN = {"energy_kwh": None, "carbon_kg": None}


def window(
    number: int, *, energy_kwh: float = 1.0, carbon_g: float | None = 500.0, drain: bool = False, failed: bool = False
) -> WindowResult:
    """A window of an hour with one row, of one cluster."""
    start = T + number * HOUR
    carbon = (None, None) if carbon_g is None else ((100.0,), (carbon_g,))
    series = Series((energy_kwh * 1000,), (energy_kwh * KWH,), *carbon)
    clusters = (ClusterSeries("C", series),)
    there: dict[str, Any] = {"error": "no"} if failed else {"row_ms": (start + HOUR,), "total": series, "clusters": clusters}
    return WindowResult(str(number), "DC", "main", start, start + HOUR, "", drain, TaskCounts(), **there)


def totals(*windows: WindowResult) -> dict[str, Any]:
    found = Totals()
    for one in windows:
        found.take(one)
    return found.document()


def test_the_drain_is_in_no_other_total() -> None:
    found = totals(window(0), window(1), window(2, energy_kwh=7.0, drain=True), window(3, carbon_g=1.0, drain=True))
    assert found["span"] == {"from": times.iso(T), "until": times.iso(T + 2 * HOUR)}
    assert (found["energy_kwh"], found["carbon_kg"]) == (2.0, 1.0)
    assert found["drain"] == {"seconds": 7200.0, "energy_kwh": 8.0, "carbon_kg": 0.501}
    assert found["clusters"] == {"C": {"energy_kwh": 2.0, "carbon_kg": 1.0}}
    assert found["failed_windows"] == 0


def test_before_the_first_window_nothing_is_known() -> None:
    assert totals() == {
        "span": {"from": None, "until": None},
        **UNKNOWN,
        "clusters": {},
        "drain": {"seconds": 0.0, "energy_kwh": 0.0, "carbon_kg": 0.0},
        "failed_windows": 0,
    }


def test_carbon_that_is_unknown_for_one_window_is_unknown_in_all() -> None:
    found = totals(window(0), window(1, carbon_g=None), window(2), window(3, drain=True))
    assert (found["energy_kwh"], found["carbon_kg"], found["drain"]["carbon_kg"]) == (3.0, None, 0.5)


def test_a_part_without_time_does_not_say_that_unknown_carbon_is_none() -> None:
    assert totals(window(0, carbon_g=None))["drain"] == {"seconds": 0.0, "energy_kwh": 0.0, "carbon_kg": None}
    found = totals(window(0, carbon_g=None, drain=True))
    assert found["span"] == {"from": times.iso(T), "until": times.iso(T)}
    assert (found["energy_kwh"], found["carbon_kg"]) == (0.0, None)


def test_a_carbon_of_zero_is_known() -> None:
    """So it stands in logs from before unknown carbon was null, too."""
    assert totals(window(0, carbon_g=0.0))["carbon_kg"] == 0.0


def test_windows_without_rows_are_counted_and_alone_make_nothing_known() -> None:
    found = totals(window(0), window(1, failed=True))
    assert (found["energy_kwh"], found["failed_windows"], found["span"]["until"]) == (1.0, 1, times.iso(T + 2 * HOUR))
    alone = totals(window(0, failed=True))
    assert (alone["energy_kwh"], alone["carbon_kg"], alone["failed_windows"]) == (None, None, 1)


@pytest.mark.parametrize("carbon_g", [None, 0.0002376])
def test_the_twinning_log_has_null_for_unknown_and_small_amounts_as_they_are(carbon_g: float | None) -> None:
    made = Interval("DC", T, 1, T, HOUR, (window(0, carbon_g=carbon_g),), None, (), (), Readings(), Ledger())
    tables = {part.table: part.rows.to_pylist()[0] for part in made.parts()}
    assert tables[schemas.RESULTS]["carbon_g"] == carbon_g
    assert tables[schemas.CLUSTERS]["carbon_g"] == carbon_g
    assert tables[schemas.AGG_RESULTS]["carbon_emission"] == (None if carbon_g is None else pytest.approx(carbon_g, rel=1e-6))
    assert (tables[schemas.AGG_RESULTS]["carbon_intensity"] is None) == (carbon_g is None)
    assert (tables[schemas.CLUSTERS]["carbon_intensity_g_per_kwh"] is None) == (carbon_g is None)
    assert tables[schemas.AGG_RESULTS]["measured_power_w"] is None
