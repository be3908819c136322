"""report.html: the report for people, one file without scripts, fonts or anything from elsewhere; it prints well."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from itertools import islice
from typing import Any, Final

from opendt_streams.audit.report.style import STYLE
from opendt_streams.charts.amounts import carbon_text, energy_text, number_text
from opendt_streams.charts.html import section, table
from opendt_streams.model import times

MOST_ROWS: Final = 2_000  # of a table; report.json has all
_FIGURES: Final = {
    "windows": ("Windows simulated", ""),
    "tasks": ("Tasks", ""),
    "tasks_completed": ("Tasks completed", ""),
    "energy_kwh": ("Energy simulated, over the data", "kWh"),
    "carbon_kg": ("Carbon, over the data", "kg CO2"),
    "energy_kwh_simulated": ("Energy simulated (scored samples)", "kWh"),
    "energy_kwh_measured": ("Energy measured (scored samples)", "kWh"),
    "mape_percent": ("MAPE of predicted power", "%"),
    "persistence_mape_percent": ("MAPE of the baseline (the last sample before the instant holds)", "%"),
    "skill": ("Skill against that baseline (1 is perfect, 0 is no better)", ""),
    "share_under_10_percent": ("Time with an error under 10 %", "%"),
    "bias_percent": ("Bias", "%"),
    "cvrmse_percent": ("CV-RMSE", "%"),
    "p95_percent": ("95 % of errors below", "%"),
    "energy_error_percent": ("Energy error (weighted by time)", "%"),
    "interval_coverage_percent": ("Samples within the 90 % interval", "%"),
    "corrected_mape_percent": ("MAPE with the correction of short intervals", "%"),
    "corrected_skill": ("Skill with it", ""),
    "topology_events": ("Topology events accepted", ""),
    "calibrations": ("Decisions that published parameters", ""),
}


def page(report: Mapping[str, Any]) -> str:
    """The page. Whatever came from users, files or topics is escaped."""
    sections = (
        section("What this is", _about(report)),
        section("What the topics hold", _topics(report)),
        section("Accuracy and totals", _figures(report["figures"])),
        section(
            "Who spoke",
            _table(
                ("service", "code", "engine", "`started` record"),
                ([s["service"], s["code_version"], f"{s['engine']} {s['engine_version']}", s["id"]] for s in report["started"]),
            ),
        ),
        section("The ledger", _ledger(report["ledger"])),
        section("Decisions", _decisions(report["decisions"])),
        section("Alarms", _table(("time", "kind", "what"), ([a["time"], a["kind"], a["text"]] for a in report["alarms"]))),
        section(
            "Dead letters",
            _table(
                ("record", "why it could not be processed"),
                ([f"{d['topic']}|{d['partition']}|{d['at']}", d["reason"]] for d in report["dead_letters"]),
            ),
        ),
        section(
            "Digests",
            _table(
                ("what", "sha256"),
                [["log root (all records)", report["log_root"]], *([f"canonical values of {k}", v] for k, v in report["digests"].items())],
            ),
        ),
        section("How to check this", _CHECK),
    )
    title = f"Evidence of run {report['run']}"
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style>'
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head>\n<body><h1>{escape(title)}</h1>\n{"".join(sections)}</body></html>\n'


_CHECK: Final = """\
<p>The bundle that holds this page can be checked without Kafka and on any machine:</p>
<pre>opendt audit verify FILE --root ROOT
opendt audit replay FILE</pre>
<p>ROOT is what <code>opendt audit export</code> printed when the bundle was made. Whoever made it should have kept it elsewhere.
Without it, only inner consistency is shown: that all parts fit each other. The first command finds what was changed. The second one
computes anew what the twin said. <code>docs/audit.md</code> of the project shows how to compute the digests without the program.</p>
"""


_INTRODUCTION: Final = (
    "A digital twin simulated this datacenter window by window from what it reported, compared itself with measured power and adjusted "
    "itself. All that was said lies in the topics below. This page is made from them, and from what the run said of itself at its end."
)


def _about(report: Mapping[str, Any]) -> str:
    rows = [
        ["run", report["run"]],
        ["datacenter", report["datacenter"]],
        ["state", report["state"] or "not said"],
        ["made with", f"opendt {report['code_version']}"],
        *([f"input {name}", digest] for name, digest in report["inputs"].items()),
    ]
    notes = "".join(f"<li>{escape(str(note))}</li>" for note in report["notes"])
    text = f"<p>{_INTRODUCTION}</p>"
    return text + _table(("", ""), rows) + (f"<ul>{notes}</ul>" if notes else "")


def _topics(report: Mapping[str, Any]) -> str:
    rows = []
    for topic in report["topics"]:
        missing = [f"{a} to {b}" if b > a else str(a) for a, b in topic["gaps"]]
        if topic["start"]:
            missing.insert(0, f"0 to {topic['start'] - 1} (deleted by retention)")
        span = topic["event_time_ms"]
        rows.append(
            [
                f"{topic['topic']}|{topic['partition']}",
                f"{topic['count']:,}",
                "-" if topic["first_offset"] is None else f"{topic['first_offset']} to {topic['last_offset']}",
                ", ".join(missing) or "none",
                "-" if span is None else f"{times.iso(span[0])} to {times.iso(span[1])}",
                topic["root"],
            ]
        )
    return _table(("topic and partition", "records", "offsets", "missing", "event time", "root"), rows)


def _figures(figures: Mapping[str, Any]) -> str:
    span, drain = figures["span"], figures["drain"]
    rows = [["The data", f"{span['from'] or '-'} to {span['until'] or '-'}"]]
    if drain["seconds"]:
        amounts = f"{energy_text(drain['energy_kwh'])}, carbon {carbon_text(drain['carbon_kg'])}"
        rows.append(["The drain after the data, in no energy or carbon below", f"{drain['seconds']:,.0f} s: {amounts}"])
    for name, (words, unit) in _FIGURES.items():
        value = figures.get(name)
        missing = "-" if name in ("energy_kwh", "carbon_kg") else "not scored"
        text = missing if value is None else number_text(value) if isinstance(value, float) else f"{value:,}"
        rows.append([words, f"{text} {unit}".strip()])
    return _table(("", ""), rows)


def _ledger(events: Sequence[Mapping[str, Any]]) -> str:
    rows = (
        [
            str(e["offset"]),
            f"{e['kind']} on {e['branch']} by {e['actor']}",
            e["recorded"] or "-",
            e["effective"] or "-",
            e["verdict"],
            e["reason"],
            "; ".join(e["changes"]) or "-",
        ]
        for e in events
    )
    return _table(("offset", "what and who", "recorded", "effective from", "verdict", "why", "changes"), rows, len(events))


def _decisions(decisions: Sequence[Mapping[str, Any]]) -> str:
    rows = (
        [
            d["instant"],
            d["outcome"],
            d["reason"],
            str(d["samples"]),
            _percent(d["score_in_force"]),
            _percent(d["score_before"]),
            _percent(d["score_after"]),
        ]
        for d in decisions
    )
    heads = ("instant", "outcome", "why", "samples", "MAPE of the hour", "held out: before", "held out: after")
    return _table(heads, rows, len(decisions))


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f} %"


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]], count: int = 0) -> str:
    shown = table(heads, islice(rows, MOST_ROWS))
    return shown + (f"<p>{count - MOST_ROWS:,} more are in report.json.</p>" if count > MOST_ROWS else "")
