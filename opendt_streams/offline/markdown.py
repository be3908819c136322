"""A comparison as Markdown tables, for documents. Without costs, which differ from machine to machine: equal lines give equal text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Final

from opendt_streams.model import times
from opendt_streams.offline.against_truth import TruthFigures
from opendt_streams.offline.comparison import Line

_SCORES: Final = (
    ("MAPE %", "mape_percent", 2),
    ("< 10 %", "share_under_10_percent", 1),
    ("p95 %", "p95_percent", 2),
    ("bias %", "bias_percent", 2),
    ("skill", "skill", 2),
    ("corrected MAPE %", "corrected_mape_percent", 2),
    ("corrected skill", "corrected_skill", 2),
    ("covered %", "coverage_percent", 1),
    ("B: MAPE %", "b_mape_percent", 2),
    ("B: hours %", "b_good_hours_percent", 1),
)


def score_table(lines: Sequence[Line]) -> str:
    """Per interval and method."""
    head = ["interval", "method", *(title for title, _, _ in _SCORES), "published"]
    rows = []
    for every, group in groupby(lines, key=lambda line: line.figures.publish_every_ms):
        for i, line in enumerate(group):
            f = line.figures
            published = f"{f.publications} of {f.decisions}" if f.decisions else ""
            rows.append(["" if i else interval_text(every), f.method, *(_number(getattr(f, name), n) for _, name, n in _SCORES), published])
    return table(head, rows)


def site_table(sites: Mapping[str, Sequence[Line]], default: str) -> str:
    """Sites of known truth at one interval: how many times the truth's error each method has, and more of the default one."""
    methods = list(dict.fromkeys(line.figures.method for lines in sites.values() for line in lines if line.truth))
    head = [
        "site",
        "truth's MAPE %",
        *(f"{name}: times that" for name in methods),
        "curves off %",
        "hours to recover",
        "fault seen after",
        "crept %",
    ]
    rows = []
    for name, lines in sites.items():
        of = {line.figures.method: line.truth for line in lines if line.truth is not None}
        mine = of[default]
        ratios = [_number(of[m].settled_ratio if m in of else None, 2) for m in methods]
        rows.append([name, _number(mine.truth_mape_percent, 2), *ratios, _number(mine.curve_rmse_percent, 1), *_events(mine)])
    return table(head, rows)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def interval_text(milliseconds: int) -> str:
    hours = milliseconds / times.HOUR
    return f"{hours:g} h" if hours >= 1 else f"{milliseconds / times.MINUTE:g} min"


def _events(truth: TruthFigures) -> list[str]:
    hours = ", ".join("never" if r.hours is None else f"{r.hours}" for r in truth.recoveries)
    seen = ", ".join("no alarm" if f.recognised_after_samples is None else f"{f.recognised_after_samples} samples" for f in truth.faults)
    return [hours, seen, ", ".join(f"{f.crept_percent:.1f}" for f in truth.faults)]


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"
