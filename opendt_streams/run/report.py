"""The report of a run for people, on the terminal."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from opendt_streams.calibration.metrics import ASHRAE_HOURLY_CVRMSE_PERCENT, ASHRAE_HOURLY_NMBE_PERCENT, times_noise_floor
from opendt_streams.charts.amounts import carbon_text, energy_text, unknown_carbon
from opendt_streams.model import times
from opendt_streams.run.report_page import REPORT_FILE

DOUBTS: Final = ("window-", "meter-", "power-", "reading-", "telemetry-", "waiting-")
"""How the kinds of warnings begin that put scores in doubt."""
_NOT_SCORED: Final = "not scored"


def show_report(summary: Mapping[str, Any], state: str, notes: Sequence[str], console: Console) -> None:
    """What the twin did, how well it predicts, what it cost, what happened on the way, and where to look next."""
    console.print(f"\nRun {summary['run']}: {state}", style="bold")
    show_warnings(summary["warnings"], console)
    _section(console, "What was simulated", _simulated(summary))
    _section(console, "Measured against simulated power (pure model, one publication interval ahead)", _accuracy(summary))
    if doubts := [w["kind"] for w in summary["warnings"] if w["kind"].startswith(DOUBTS)]:
        console.print(f"Read these with the warnings above: {', '.join(dict.fromkeys(doubts))}.", style="yellow", markup=False)
    if len(summary["days"]) > 1:
        console.print(_days(summary["days"]))
    _section(console, "The run", _run(summary))
    for note in notes:
        console.print(note, markup=False)
    folder, parent = (shlex.quote(str(path)) for path in (Path(summary["run_dir"]), Path(summary["run_dir"]).parent))
    console.print(f"\nThe report:       {summary['run_dir']}/{REPORT_FILE}", soft_wrap=True)
    console.print(f"The twinning log: {summary['run_dir']}/twinlog/agg_results.parquet", soft_wrap=True)
    console.print(f"The ledger:       opendt topology log --run-dir {folder}", soft_wrap=True)
    console.print(f"The proof:        opendt audit replay --run-dir {folder}", soft_wrap=True)
    console.print(f"Again, as JSON:   opendt runs show {shlex.quote(summary['run'])} --data {parent} --json", soft_wrap=True)


def show_warnings(warnings: Sequence[Mapping[str, Any]], console: Console) -> None:
    """What a user must know before any figure."""
    for warning in warnings:
        console.print()
        console.print(f"Warning: {warning['text']}", style="yellow", markup=False, highlight=False)
        console.print(f"         {warning['action']}", markup=False, highlight=False)


def _section(console: Console, title: str, rows: list[tuple[str, str]]) -> None:
    table = Table(title=title, title_justify="left", title_style="bold", show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(min_width=22)
    table.add_column()
    for row in rows:
        table.add_row(*row)
    console.print()
    console.print(table)


def _simulated(s: Mapping[str, Any]) -> list[tuple[str, str]]:
    span, drain, failed = s["span"], s["drain"], s["failed_windows"]
    why, ended = unknown_carbon(s["clusters"]), " by the end of the drain" if drain["seconds"] else ""
    rows = [
        ("datacenter", str(s["datacenter"])),
        ("data", f"{span['from']} to {span['until']} ({_days_of(s['simulated_seconds'])})"),
        ("windows", f"{s['windows']:,}" + (f", of which {failed:,} have no rows and count in no total" if failed else "")),
        ("tasks", f"{s['tasks']:,}, of which {s['tasks_completed']:,} completed{ended}, {s['tasks_empty']:,} empty"),
        ("energy", f"{energy_text(s['energy_kwh'])} simulated"),
        ("carbon", carbon_text(s["carbon_kg"]) + (f"  (unknown: {why})" if why else "")),
        ("topology events", f"{s['topology_events']:,}, of which {s['calibrations']:,} calibrations"),
    ]
    if drain["seconds"]:
        amounts = f"{energy_text(drain['energy_kwh'])}, carbon {carbon_text(drain['carbon_kg'])}"
        rows.insert(6, ("drain, beside these", f"{_days_of(drain['seconds'])} after the data, until nothing ran: {amounts}"))
    if s["late_tasks"] or s["duplicate_tasks"]:
        rows.append(("late, duplicate", f"{s['late_tasks']:,}, {s['duplicate_tasks']:,} tasks"))
    if s["dead_letters"]:
        rows.append(("dead letters", f"{s['dead_letters']:,} messages could not be processed: topic sys.dead-letter says why"))
    return rows


def _days_of(seconds: float) -> str:
    return f"{seconds * times.SECOND / times.DAY:.2f} days"


def _accuracy(s: Mapping[str, Any]) -> list[tuple[str, str]]:
    if s["mape_percent"] is None:
        return [("error", f"{_NOT_SCORED}: no measured power after the first publication instant")]
    rows = [
        ("MAPE", f"{s['mape_percent']:.2f} %{_against_noise(s)}"),
        ("persistence MAPE", f"{_percent(s['persistence_mape_percent'])}  (the last sample before the instant holds)"),
        ("skill", _NOT_SCORED if s["skill"] is None else f"{s['skill']:.3f}  (1 is perfect, 0 is persistence)"),
        ("under 10 % error", f"{_percent(s['share_under_10_percent'])} of the time"),
        ("bias", f"{s['bias_percent']:+.2f} %"),
        ("CV-RMSE", f"{_percent(s['cvrmse_percent'])}  ({_ashrae(s)})"),
        ("95 % of errors below", _percent(s["p95_percent"])),
        ("energy of the samples", f"{energy_text(s['energy_kwh_simulated'])} simulated, {energy_text(s['energy_kwh_measured'])} measured"),
        ("90 % interval", f"covers {_percent(s['interval_coverage_percent'])} of the samples"),
    ]
    if s["corrected_mape_percent"] is not None:
        skill = _NOT_SCORED if s["corrected_skill"] is None else f"{s['corrected_skill']:.3f}"
        rows.append(
            (
                "corrected",
                f"MAPE {s['corrected_mape_percent']:.2f} %, skill {skill}  (with the discrepancy; all else is the pure model)",
            )
        )
    return rows


def _against_noise(s: Mapping[str, Any]) -> str:
    times_floor = times_noise_floor(s["mape_percent"], s.get("noise_floor_percent"))
    return "" if times_floor is None else f"  ({times_floor:.2f} times the noise floor of its meter, {s['noise_floor_percent']:.2f} %)"


def _days(days: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(title="\nDay by day (UTC), in percent", title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
    for heading in ("day", "MAPE", "persistence", "skill", "bias", "energy", "covered"):
        table.add_column(heading, justify="left" if heading == "day" else "right")
    for day in days:
        skill = _NOT_SCORED if day["skill"] is None else f"{day['skill']:.3f}"
        figures = [_number(day[name]) for name in ("bias_percent", "energy_error_percent", "interval_coverage_percent")]
        table.add_row(day["day"], _number(day["mape_percent"]), _number(day["persistence_mape_percent"]), skill, *figures)
    return table


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _ashrae(s: Mapping[str, Any]) -> str:
    met = s["cvrmse_percent"] <= ASHRAE_HOURLY_CVRMSE_PERCENT and abs(s["bias_percent"]) <= ASHRAE_HOURLY_NMBE_PERCENT
    bounds = f"{ASHRAE_HOURLY_CVRMSE_PERCENT:.0f} % and a bias within {ASHRAE_HOURLY_NMBE_PERCENT:.0f} %"
    return f"ASHRAE guideline 14, {bounds}: {'met' if met else 'not met'}"


def _run(s: Mapping[str, Any]) -> list[tuple[str, str]]:
    restarts = ", ".join(f"{name} {n}" for name, n in s["restarts_by_service"].items() if n)
    memory = ", ".join(f"{name} {mb:.0f}" for name, mb in s["peak_rss_mb"].items())
    return [
        ("wall time", f"{s['wall_seconds']:.1f} s after {s['startup_seconds']:.1f} s of start-up"),
        ("speed", f"{s['speedup']:,.0f} x real time, over the data" if s["speedup"] else "-"),
        ("restarts", restarts or "none"),
        ("peak memory, MB", memory),
        *([("shadow", _shadow(s["shadow"]))] if s.get("shadow") else []),
        *((f"digest {name}", digest[:16]) for name, digest in s["digests"].items()),
        ("log root", f"{s['log_root'][:16]}  (keep all of it elsewhere: --json has it)"),
    ]


def _shadow(tally: Mapping[str, Any]) -> str:
    """What the real OpenDC found, where it checked windows."""
    limits = f"{tally['right_limit_rows']:,} of {tally['rows']:,} rows show the right limit"
    found = f"{tally['different_rows']:,} differ, first {tally['first_difference']}" if tally["different_rows"] else "no other difference"
    missing = {name: tally[name] for name in ("unanswered", "skipped", "waiting") if tally[name]}
    unchecked = "".join(f", {n:,} {name}" for name, n in missing.items())
    return f"{tally['windows']:,} windows checked by the real OpenDC: {limits}, {found}{unchecked}"


def _percent(value: float | None) -> str:
    return _NOT_SCORED if value is None else f"{value:.2f} %"
