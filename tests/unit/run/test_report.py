"""The report on the terminal: what was simulated is said with its span, and what is unknown is a dash."""

from __future__ import annotations

import io
from dataclasses import asdict
from typing import Any

import pytest
from rich.console import Console

from opendt_streams.charts.amounts import carbon_text, energy_text, unknown_carbon
from opendt_streams.run.report import show_report
from opendt_streams.twinlog.score import RunFacts
from opendt_streams.windows.grid import Grid
from opendt_streams.wire import topics
from opendt_streams.wire.messages import ResultRecorded
from tests.unit.twinlog.test_totals import HOUR, window

BESIDE: dict[str, Any] = {
    "run": "made",
    "run_dir": "data/made",
    "datacenter": "DC",
    "dead_letters": 0,
    "wall_seconds": 2.0,
    "startup_seconds": 1.0,
    "speedup": 5_400.0,
    "restarts_by_service": {},
    "peak_rss_mb": {},
    "shadow": None,
    "warnings": [],
    "digests": {},
    "log_root": "ef" * 32,
}


def said(*windows: Any) -> str:
    facts = RunFacts(Grid(window_ms=HOUR, sample_interval_ms=HOUR))
    for offset, one in enumerate(windows):
        facts.take(topics.RESULTS, offset, ResultRecorded(one, 0))
    text = io.StringIO()
    show_report(BESIDE | asdict(facts.summary()), "complete", [], Console(file=text, width=200))
    return text.getvalue()


def line(text: str, begin: str) -> str:
    (found,) = [row.removeprefix(begin).strip() for row in text.splitlines() if row.startswith(f"{begin} ")]
    return found


def test_without_a_meter_what_was_simulated_is_said() -> None:
    text = said(window(0, energy_kwh=20.0), window(1, energy_kwh=2.64))
    assert line(text, "energy") == "22.6 kWh (81.5 MJ) simulated"
    assert line(text, "data") == "1970-02-11T16:00:00Z to 1970-02-11T18:00:00Z (0.08 days)"
    assert "0.0 kWh" not in text and "drain" not in text


def test_the_drain_stands_apart() -> None:
    text = said(window(0, carbon_g=250.0), window(1, energy_kwh=3.0, drain=True))
    assert line(text, "energy") == "1 kWh (3.6 MJ) simulated"
    assert line(text, "carbon") == "0.25 kg CO2"
    assert line(text, "drain, beside these") == "0.04 days after the data, until nothing ran: 3 kWh (10.8 MJ), carbon 0.5 kg CO2"


def test_unknown_carbon_is_a_dash_with_its_reason() -> None:
    assert line(said(window(0, carbon_g=None)), "carbon") == "-  (unknown: no carbon trace of C)"


def test_windows_without_rows_are_said() -> None:
    assert line(said(window(0), window(1, failed=True)), "windows") == "2, of which 1 have no rows and count in no total"


@pytest.mark.parametrize(
    ("kwh", "words"),
    [
        (None, "-"),
        (0.0, "0.0 kWh (0.0 MJ)"),
        (22.64, "22.6 kWh (81.5 MJ)"),
        (3_643.78671824, "3,643.8 kWh (13.1 GJ)"),
        (0.0108, "10.8 Wh (38.9 kJ)"),
        (1e-9, "0.001 mWh (3.6 mJ)"),
    ],
)
def test_energy_in_the_unit_of_its_size(kwh: float | None, words: str) -> None:
    assert energy_text(kwh) == words


@pytest.mark.parametrize(("kg", "words"), [(None, "-"), (0.0, "0.0 kg CO2"), (608.6156, "608.6 kg CO2"), (0.0002376, "0.238 g CO2")])
def test_carbon_in_the_unit_of_its_size(kg: float | None, words: str) -> None:
    assert carbon_text(kg) == words


def test_why_carbon_is_unknown_names_the_clusters_and_what_is_known() -> None:
    clusters: dict[str, dict[str, float | None]] = {"A": {"carbon_kg": 5.74}, "B": {"carbon_kg": None}, "C": {"carbon_kg": None}}
    assert unknown_carbon(clusters) == "no carbon trace of B, C; A 5.74 kg CO2"
    assert unknown_carbon({"A": {"carbon_kg": 1.0}}) == ""
