"""A report made of a datacenter that tests make."""

from __future__ import annotations

from typing import Any

from opendt_streams.charts.data import report_data
from opendt_streams.charts.report import report_page
from opendt_streams.projection.datacenter import Datacenter, dead_letters
from opendt_streams.wire import topics
from opendt_streams.wire.record import Record
from tests.unit.api.site import GRID, SITE, STEP, logs

SUMMARY: dict[str, Any] = {
    "run": "made",
    "run_dir": "data/made",
    "datacenter": SITE,
    "engine": "native",
    "calibration": "recursive",
    "mape_percent": 1.25,
    "persistence_mape_percent": 4.5,
    "skill": 0.72,
    "share_under_10_percent": 100.0,
    "bias_percent": -0.5,
    "cvrmse_percent": 2.0,
    "corrected_mape_percent": 1.125,
    "corrected_skill": None,
    "failed_windows": 0,
    "span": {"from": "2023-11-14T22:00:00Z", "until": "2023-11-15T22:00:00Z"},
    "energy_kwh": 0.0108,
    "carbon_kg": None,
    "clusters": {"C": {"energy_kwh": 0.01, "carbon_kg": 0.0002376}, "dark": {"energy_kwh": 0.0008, "carbon_kg": None}},
    "drain": {"seconds": 7_200.0, "energy_kwh": 0.5, "carbon_kg": 0.25},
    "tasks": 1_503,
    "restarts_by_service": {"simulator": 1},
    "warnings": ["no dc.topology message carries the carbon trace x.parquet"],
    "digests": {"sim.results": "ab" * 32, "twinlog": "cd" * 32},
    "log_root": "ef" * 32,
    "days": [
        {
            "day": "2023-11-15",
            "samples": 2_880,
            "mape_percent": 1.75,
            "persistence_mape_percent": 4.0,
            "skill": None,
            "share_under_10_percent": 100.0,
            "bias_percent": 0.25,
            "cvrmse_percent": 2.0,
            "p95_percent": 3.5,
            "energy_error_percent": 0.375,
            "interval_coverage_percent": 91.0,
        }
    ],
}


def site(windows: int) -> Datacenter:
    found = logs(windows, measured_w=lambda time_ms: 28.0 + time_ms // STEP % 5)
    made = Datacenter(SITE, GRID)
    for topic in (topics.LEDGER, topics.CALIBRATION, topics.RESULTS, topics.POWER):
        for record in found[topic]:
            made.take(record)
    return made


def report(of: Datacenter, letters: list[Record] | None = None, **changed: Any) -> str:
    return report_page(SUMMARY | changed, "complete", ["simulator was started again"], report_data(of, dead_letters(letters or [])))
