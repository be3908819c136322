"""The SURF week offline: the score of the twin's own machines, and of everything else that was measured on it."""

from __future__ import annotations

from functools import cache
from time import process_time

import pytest

from opendt_streams.calibration import CalibrationSettings, method
from opendt_streams.model import times
from opendt_streams.offline.driving import drive
from opendt_streams.offline.recording import Recording
from opendt_streams.offline.scoring import Figures, figures, persistence_figures
from opendt_streams.offline.simulating import record_workload
from opendt_streams.twinlog.score import RunFacts
from opendt_streams.windows.grid import Grid
from opendt_streams.workload.reader import read_workload
from tests.unit.calibration import surf
from tests.unit.offline.in_memory import twin_logs
from tests.unit.twinlog.worlds import by_topic

pytestmark = [pytest.mark.surf, pytest.mark.skipif(not surf.FOLDER.exists(), reason="the SURF week is not beside the checkout")]


@cache
def week() -> Recording:
    return record_workload(read_workload(surf.FOLDER))


def scored(name: str, publish_every_ms: int) -> Figures:
    return figures(week(), drive(week(), method(name, CalibrationSettings(publish_every_ms)), publish_every_ms))


def test_offline_agrees_with_both_machines_of_the_twin() -> None:
    offline, grid = scored("recursive", times.HOUR), Grid()
    facts = RunFacts(grid)
    for message in by_topic(twin_logs(read_workload(surf.FOLDER), grid)):
        facts.take(*message)
    live = facts.score()
    assert live is not None
    assert offline.samples == live.score.samples == 20_039
    assert offline.mape_percent == pytest.approx(live.score.mape_percent, abs=1e-5)
    assert offline.mape_percent is not None and offline.mape_percent < 1.0


@pytest.mark.parametrize(("minutes", "percent"), [(5, 0.805), (15, 1.337), (60, 2.884), (360, 6.57), (1440, 14.2)])
def test_persistence_is_what_the_field_guide_says(minutes: int, percent: float) -> None:
    found = persistence_figures(week(), minutes * times.MINUTE)
    assert found.mape_percent == pytest.approx(percent, abs=0.005)
    if minutes == 60:
        assert found.b_mape_percent == pytest.approx(2.82, abs=0.005)
        assert found.b_good_hours_percent == pytest.approx(96.1, abs=0.1)


def test_the_datasheet_by_both_definitions() -> None:
    found = scored("off", times.HOUR)
    assert found.mape_percent == pytest.approx(6.36, abs=0.01)
    assert found.b_mape_percent == pytest.approx(6.33, abs=0.05)
    assert found.publications == 0


def test_an_hourly_week_takes_a_second_or_two() -> None:
    week()
    began = process_time()
    scored("recursive", times.HOUR)
    assert process_time() - began < 8
