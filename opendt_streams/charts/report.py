"""report.html: a run as one page that needs nothing else. The same plots as the live page, the score table, and what proves it.

A pure function of what it is given: equal runs differ in nothing but the wall-clock facts of their summaries.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from html import escape
from typing import Any, Final

import orjson

from opendt_streams.calibration.metrics import times_noise_floor
from opendt_streams.charts import assets
from opendt_streams.charts.amounts import UNKNOWN, carbon_text, energy_text, number_text, unknown_carbon
from opendt_streams.charts.html import section, table

_SCORES: Final = {
    "mape_percent": "MAPE, %",
    "share_under_10_percent": "Samples under 10 % error, %",
    "bias_percent": "Bias (NMBE), %",
    "cvrmse_percent": "CV-RMSE, %",
    "skill": "Skill against persistence",
}
_KINDS: Final = {"": "Pure model", "corrected_": "Corrected", "persistence_": "Persistence"}
_ELSEWHERE: Final = ("digests", "log_root", "warnings", "run", "run_dir", "days", "clusters", "noise_floor_percent")
_UNSCORED: Final = ("energy_kwh", "carbon_kg", "drain", "span", "speedup", "shadow")
_OF_DAYS: Final = {
    "mape_percent": "MAPE, %",
    "persistence_mape_percent": "Persistence, %",
    "skill": "Skill",
    "bias_percent": "Bias, %",
    "p95_percent": "95 % below, %",
    "energy_error_percent": "Energy, %",
    "interval_coverage_percent": "Interval covers, %",
}


def report_page(summary: Mapping[str, Any], state: str, notes: Sequence[str], data: Mapping[str, Any]) -> str:
    """The page. `summary`: as `opendt run --json` prints it; `data`: as `report_data` makes it. Whatever came from outside is escaped."""
    style = "\n".join(assets.text(name) for name in ("base.css", "charts.css")) + _STYLE
    scripts = [f"/* {assets.D3_LICENCE} */\n{assets.text(assets.D3)}", assets.one_script("report.js")]
    title = f"Run {summary['run']}: {state}"
    body = (
        f"<header><h1>{escape(title)}</h1><p class='note'>{escape(_subtitle(summary))}</p></header>\n<main>"
        + (section("Warnings", _warnings(summary["warnings"]), classes="panel warnings") if summary["warnings"] else "")
        + section("Scores", _scores(summary), classes="panel")
        + section("Totals", _totals(summary), classes="panel")
        + "<section><h2 class='hidden'>Charts</h2><div id='charts' class='charts'></div></section>\n"
        + section("Days", _days(summary["days"]), classes="panel")
        + section("All figures", _figures(summary), classes="panel")
        + section("Ledger", "<div id='ledger'></div>", classes="panel")
        + section("Calibration", "<div id='alarms'></div><div id='decisions'></div>", classes="panel")
        + section("Dead letters", "<div id='letters'></div>", classes="panel")
        + section("Notes", _notes(notes), classes="panel")
        + section("Digests", _digests(summary), classes="panel digests")
        + f"</main>\n<footer>{_FOOTER}</footer>"
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_policy(scripts, style)}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">'
        f'<link rel="icon" href="data:,"><title>{escape(title)}</title><style>{style}</style></head>\n<body>{body}\n'
        "<noscript><p class='empty'>Charts and lists need JavaScript; the tables do not.</p></noscript>\n"
        f'<script type="application/json" id="data">{_embedded(data)}</script>\n'
        + "\n".join(f"<script>{script}</script>" for script in scripts)
        + "\n</body></html>\n"
    )


_STYLE: Final = """
body > header { max-width: 1280px; margin: 0 auto; padding: 20px var(--gap) 0 }
body > header h1 { font-size: 1.4rem; overflow-wrap: anywhere } h2 { margin-bottom: 10px }
footer { max-width: 1280px; margin: 0 auto; padding: 0 var(--gap) 24px; color: var(--soft); font-size: .84rem }
.figures { columns: 20rem; column-gap: 2rem } .panel li { overflow-wrap: anywhere }
.digests td:last-child { word-break: break-all; font-family: ui-monospace, "DejaVu Sans Mono", Menlo, monospace }
button { font: inherit; margin-bottom: 8px }
"""
_FOOTER: Final = (
    "All times are UTC. Simulated power is the pure model, one publication interval ahead. "
    "<code>opendt audit replay</code> computes all of it again from the run's topics; the log root is what to compare with."
)


def _subtitle(summary: Mapping[str, Any]) -> str:
    return f"Datacenter {summary['datacenter']}, engine {summary['engine']}, calibration {summary['calibration']}"


def _scores(summary: Mapping[str, Any]) -> str:
    rows = [[words, *(_text(summary.get(f"{kind}{name}"), missing="–") for kind in _KINDS)] for name, words in _SCORES.items()]
    times_floor = times_noise_floor(summary["mape_percent"], summary.get("noise_floor_percent"))
    floor = f"The pure model's MAPE is {_text(times_floor, missing='')} times the noise floor of the site's meter"
    note = f"<p class='note'>{floor}, {_text(summary.get('noise_floor_percent'), missing='')} %.</p>" if times_floor is not None else ""
    return f"<div class='scroll'>{table(('', *_KINDS.values()), rows)}</div>{note}"


def _totals(summary: Mapping[str, Any]) -> str:
    """Energy and carbon over the data, of each cluster where there are several, and of the drain. A dash is unknown."""
    span, drain, clusters = summary["span"], summary["drain"], summary["clusters"]
    rows: list[tuple[str, Mapping[str, Any]]] = [(f"The data, {span['from'] or '–'} to {span['until'] or '–'}", summary)]
    rows += [(f"of it cluster {name}", amounts) for name, amounts in clusters.items() if len(clusters) > 1]
    if drain["seconds"]:
        rows.append((f"The drain, {drain['seconds'] / 3600:,.2f} h after the data, until nothing ran", drain))
    lines = [[words, _amount(energy_text(amounts["energy_kwh"])), _amount(carbon_text(amounts["carbon_kg"]))] for words, amounts in rows]
    why = unknown_carbon(clusters)
    note = f"<p class='note'>The carbon is unknown: {escape(why)}.</p>" if why else ""
    return f"<div class='scroll'>{table(('', 'Simulated energy', 'Carbon'), lines)}</div>{note}"


def _amount(text: str) -> str:
    return "–" if text == UNKNOWN else text


def _days(days: Sequence[Mapping[str, Any]]) -> str:
    rows = [[day["day"], *(_text(day[name], missing="–") for name in _OF_DAYS)] for day in days]
    return f"<div class='scroll'>{table(('UTC day', *_OF_DAYS.values()), rows)}</div>" if rows else "<p class='note'>None was scored.</p>"


def _figures(summary: Mapping[str, Any]) -> str:
    rows = []
    for name, value in summary.items():
        if name in _ELSEWHERE:
            continue
        parts = value.items() if isinstance(value, Mapping) else [("", value)]
        rows += [
            [f"{name} {part}".strip().replace("_", " "), _text(one, missing="–" if name in _UNSCORED else "not scored")]
            for part, one in parts
        ]
    return f"<div class='figures'>{table(('', ''), rows)}</div>"


def _digests(summary: Mapping[str, Any]) -> str:
    rows = [["log root (all records)", summary["log_root"]], *([name, digest] for name, digest in summary["digests"].items())]
    return table(("what", "sha256"), rows)


def _warnings(warnings: Sequence[Mapping[str, Any]]) -> str:
    """What a user must know before any figure."""
    return "<ul class='alarms'>" + "".join(_warning(warning) for warning in warnings) + "</ul>"


def _warning(warning: Mapping[str, Any]) -> str:
    kind, text, action = (escape(warning[name]) for name in ("kind", "text", "action"))
    when = f" <span class='when'>{escape(warning['event_time'])}</span>" if warning["event_time"] else ""
    return f"<li><strong>{kind}</strong> {text} <em>{action}</em>{when}</li>"


def _notes(notes: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(str(note))}</li>" for note in notes) + "</ul>" if notes else "<p class='note'>None.</p>"


def _text(value: object, *, missing: str) -> str:
    if value is None:
        return missing
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    return number_text(value) if isinstance(value, float) else f"{value:,}"


def _embedded(data: Mapping[str, Any]) -> str:
    """JSON that cannot end the element that it stands in."""
    return orjson.dumps(data).decode().replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _policy(scripts: Sequence[str], style: str) -> str:
    """Only these very scripts and this style may run, and nothing may be fetched from anywhere."""
    *of_scripts, of_style = (f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" for text in (*scripts, style))
    sources = f"script-src {' '.join(of_scripts)}; style-src {of_style}"
    return f"default-src 'none'; img-src data:; {sources}; base-uri 'none'; form-action 'none'"
