"""`opendt runs`: what was run, and how it went."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from opendt_streams.cli.output import DATA, AsJson, people, print_json
from opendt_streams.cli.paths import path_option
from opendt_streams.errors import BadInput
from opendt_streams.run.manifest import MANIFEST_FILE, Manifest
from opendt_streams.run.report import show_warnings

app = typer.Typer(help="Runs on this machine.", no_args_is_help=True, rich_markup_mode=None)

Data = Annotated[Path, path_option("--data", metavar="DIR", help="Folder that the runs are in.", file_okay=False)]


@app.command("list")
def list_runs(data: Data = DATA, as_json: AsJson = False) -> None:
    """List the runs, the newest last.

    Example: opendt runs list --data data
    """
    _require_folder(data)
    runs = sorted((_describe(path.parent) for path in data.glob(f"*/{MANIFEST_FILE}")), key=lambda d: (d.get("started") or "", d["run"]))
    if as_json:
        print_json({"data": str(data), "runs": runs})
        return
    if not runs:
        people().print(f"No runs in {data}. `opendt run` makes one.")
        return
    table = Table()
    for column in ("run", "datacenter", "state", "started", "windows", "MAPE %", "skill", "warnings"):
        table.add_column(column, overflow="fold", justify="right" if column in ("windows", "MAPE %", "skill", "warnings") else "left")
    for run in runs:
        summary = run.get("summary") or {}
        figures = [_figure(summary.get(name)) for name in ("windows", "mape_percent", "skill")]
        figures.append(_figure(len(summary["warnings"]) if summary.get("warnings") is not None else None))
        table.add_row(run["run"], run.get("datacenter") or "-", run["state"], run.get("started") or "-", *figures)
    console = people()
    console.print(table)
    for run in runs:
        if problem := run.get("problem"):
            console.print(problem, style="red")


@app.command("show")
def show_run(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Id of the run: the name of its folder.")],
    data: Data = DATA,
    as_json: AsJson = False,
) -> None:
    """Show everything about one run: what it was made of, how it ended, its figures.

    Example: opendt runs show 20240304T000000Z-SURF
    """
    run_dir = data / run
    manifest = Manifest.read(run_dir)
    document = _document(run_dir, manifest)
    if as_json:
        print_json(document)
        return
    show_warnings(manifest.warnings, people())
    table = Table(show_header=False)
    for name, value in _flat(document):
        table.add_row(name, value)
    people().print(table)


def _describe(run_dir: Path) -> dict[str, Any]:
    try:
        return _document(run_dir, Manifest.read(run_dir))
    except BadInput as error:
        return {"run": run_dir.name, "run_dir": str(run_dir), "state": "unreadable", "problem": str(error)}


def _document(run_dir: Path, manifest: Manifest) -> dict[str, Any]:
    return manifest.model_dump() | {"run_dir": str(run_dir), "state": manifest.state_now(run_dir)}


def _require_folder(data: Path) -> None:
    if not data.is_dir():
        raise BadInput("no such folder", expected="the folder that the runs are in", where=str(data), hint="`opendt run` makes one.")


def _figure(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _one(value: object) -> str:
    """An entry of a list; of a warning what people read."""
    return f"{value['kind']}: {value['text']} {value['action']}" if isinstance(value, Mapping) and "text" in value else str(value)


def _flat(document: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested values as lines: summary.windows, inputs.tasks.parquet, ..."""
    lines: list[tuple[str, str]] = []
    for key, value in document.items():
        if isinstance(value, Mapping):
            lines += _flat(value, f"{prefix}{key}.")
        elif isinstance(value, list):
            lines.append((f"{prefix}{key}", "\n".join(map(_one, value)) or "-"))
        else:
            lines.append((f"{prefix}{key}", "-" if value is None else str(value)))
    return lines
