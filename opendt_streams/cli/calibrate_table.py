"""A comparison of methods as tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from opendt_streams.offline.comparison import Line
from opendt_streams.offline.scoring import Figures
from opendt_streams.settings.fields import duration_text

_WIDTH: Final = 150  # characters, where nobody says how wide it is
_COLUMNS: Final = (
    ("MAPE %", "mape_percent", 2),
    ("<10 %", "share_under_10_percent", 1),
    ("p95 %", "p95_percent", 2),
    ("bias %", "bias_percent", 2),
    ("CV-RMSE %", "cvrmse_percent", 2),
    ("skill", "skill", 3),
    ("corrected MAPE %", "corrected_mape_percent", 2),
    ("corrected skill", "corrected_skill", 3),
    ("90 % interval covers %", "coverage_percent", 1),
    ("B: MAPE %", "b_mape_percent", 2),
    ("B: hours <=10 %", "b_good_hours_percent", 1),
    ("published", "publications", 0),
    ("ms per decision", "decision_ms_mean", 1),
)


def show(about: Mapping[str, Any], lines: Sequence[Line], console: Console) -> None:
    if not console.is_terminal:
        console.width = _WIDTH
    after = f", scored after {about['train_days']} days" if about["train_days"] else ""
    late = f", parameters used {about['delay']} late" if about["delay"] else ""
    console.print(f"{about['datacenter']}, {about['from']} to {about['until']}{after}{late}")
    console.print(_scores(lines))
    if any(line.truth for line in lines):
        console.print(_truths(lines))
    console.print(
        "All are nowcasts of the pure model by the official rule (definition A, every sample); columns B by definition B, means of 5 min. "
        "corrected: with the discrepancy term.",
        soft_wrap=True,
    )
    if about["edits_left_out"]:
        console.print(
            f"People edited the topology {about['edits_left_out']} times; power parameters of theirs are left out.", soft_wrap=True
        )


def text_of(figures: Figures, field: str, digits: int) -> str:
    value = getattr(figures, field)
    if value is None or (field == "publications" and not figures.decisions):
        return ""
    return f"{value:.{digits}f}"


def _scores(lines: Sequence[Line]) -> Table:
    table = Table(title="Scores", title_justify="left")
    table.add_column("interval")
    table.add_column("method", overflow="fold")
    for title, _, _ in _COLUMNS:
        table.add_column(title, justify="right")
    for every, group in groupby(lines, key=lambda line: line.figures.publish_every_ms):
        for i, line in enumerate(group):
            cells = (text_of(line.figures, field, digits) for _, field, digits in _COLUMNS)
            table.add_row("" if i else duration_text(every), line.figures.method, *cells)
        table.add_section()
    return table


def _truths(lines: Sequence[Line]) -> Table:
    table = Table(title="Against the truth", title_justify="left")
    for title in ("interval", "method"):
        table.add_column(title)
    for title in ("truth's MAPE %", "times that", "settled", "parameters off %", "curves off %", "hours to recover", "faults"):
        table.add_column(title, justify="right", overflow="fold")
    for line in lines:
        if (truth := line.truth) is None:
            continue
        numbers = (truth.truth_mape_percent, truth.ratio, truth.settled_ratio, truth.parameter_rmse_percent, truth.curve_rmse_percent)
        recoveries = ", ".join("never" if r.hours is None else str(r.hours) for r in truth.recoveries)
        faults = "; ".join(_fault(f.kind, f.recognised_after_samples, f.crept_percent) for f in truth.faults)
        table.add_row(
            duration_text(line.figures.publish_every_ms),
            line.figures.method,
            *("" if x is None else f"{x:.2f}" for x in numbers),
            recoveries,
            faults,
        )
    return table


def _fault(kind: str, recognised: int | None, crept: float) -> str:
    seen = "no alarm" if recognised is None else f"alarm after {recognised} samples"
    return f"{kind}: {seen}, crept {crept:.1f} %"
