"""A comparison of methods as tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from rich.box import SIMPLE_HEAD
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
    ("CV-RMSE", "cvrmse_percent", 2),
    ("skill", "skill", 3),
    ("corr. MAPE", "corrected_mape_percent", 2),
    ("corr. skill", "corrected_skill", 3),
    ("covered %", "coverage_percent", 1),
    ("B: MAPE %", "b_mape_percent", 2),
    ("B: hours %", "b_good_hours_percent", 1),
    ("publ.", "publications", 0),
    ("ms", "decision_ms_mean", 1),
)


def show(about: Mapping[str, Any], lines: Sequence[Line], console: Console) -> None:
    if not console.is_terminal:
        console.width = _WIDTH
    after = f", scored after {about['train_days']} days" if about["train_days"] else ""
    late = f", parameters used {about['delay']} late" if about["delay"] else ""
    console.print(f"{about['datacenter']}, {about['from']} to {about['until']}{after}{late}")
    if (floor := about["noise_floor_percent"]) is not None:
        console.print(f"Noise floor of its meter: {floor:.2f} % MAPE, which the true power law itself has.")
    console.print(_scores(lines))
    if any(line.truth for line in lines):
        console.print(_truths(lines))
    console.print(
        "Nowcasts of the pure model by the official rule (definition A, every sample). corr.: with the discrepancy term. covered: by the "
        "90 % interval. B: definition B, means of 5 min, and hours under 10 %. publ.: decisions that published. ms: CPU per decision.",
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
    table = Table(title="Scores", title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("interval")
    table.add_column("method", no_wrap=True)
    for title, _, _ in _COLUMNS:
        table.add_column(title, justify="right")
    known = any(line.noise_floor_percent is not None for line in lines)
    if known:
        table.add_column("x floor", justify="right")
    for every, group in groupby(lines, key=lambda line: line.figures.publish_every_ms):
        of_interval = list(group)
        for i, line in enumerate(of_interval):
            cells = [text_of(line.figures, field, digits) for _, field, digits in _COLUMNS]
            if known:
                cells.append("" if line.times_noise_floor is None else f"{line.times_noise_floor:.2f}")
            table.add_row("" if i else duration_text(every), line.figures.method, *cells, end_section=i == len(of_interval) - 1)
    return table


def _truths(lines: Sequence[Line]) -> Table:
    table = Table(title="Against the truth", title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for title in ("interval", "method"):
        table.add_column(title, no_wrap=True)
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
