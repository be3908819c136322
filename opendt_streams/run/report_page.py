"""`report.html` in the run folder: written whole or not at all, when a run has ended, completely or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from opendt_streams.charts.data import report_data
from opendt_streams.charts.report import report_page
from opendt_streams.projection.datacenter import Datacenter, DeadLetter
from opendt_streams.twinlog.files import Files

REPORT_FILE: Final = "report.html"


def write_page(
    run_dir: Path, summary: Mapping[str, Any], state: str, notes: Sequence[str], site: Datacenter, letters: Mapping[str, DeadLetter]
) -> None:
    page = report_page(summary, state, notes, report_data(site, letters))
    Files().write(run_dir / REPORT_FILE, page.encode())
