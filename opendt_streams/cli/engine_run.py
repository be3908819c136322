"""`opendt engine run`: simulate OpenDC experiment files, with the native engine or the real OpenDC."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from opendt_streams.assembly import opendc_runner, require_engine
from opendt_streams.cli import options as o
from opendt_streams.cli.paths import path_option
from opendt_streams.engine.experiment import read_experiment
from opendt_streams.engine.export import ScenarioReport, run_experiment
from opendt_streams.engine.native.placement import Semantics
from opendt_streams.engine.opendc.experiment import run_with_opendc
from opendt_streams.engine.opendc.runner import Runner
from opendt_streams.settings import load

EngineName: TypeAlias = Literal["native", "opendc"]
Experiment = Annotated[Path, path_option(help="OpenDC experiment file; paths in it resolve against the working directory.")]
OfWhich = Annotated[Semantics, typer.Option(help="Of which OpenDC: 2.4f, or the placement and memory rule since 2.4g.")]


def run(
    experiment: Experiment,
    output: Annotated[Path, path_option(help="Folder for the results: <name>/raw-output/<scenario>/seed=<seed>/*.parquet.")],
    engine: Annotated[EngineName, typer.Option(help="Which engine simulates.")] = "native",
    semantics: OfWhich = "2.4f",
    config: o.Config = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")] = False,
) -> None:
    """Simulate every scenario of an experiment and write OpenDC's Parquet tables.

    Example: opendt engine run --experiment experiment.json --output results
    """
    begin = time.perf_counter()
    if engine == "opendc":
        reports = run_with_opendc(experiment, output, tried_runner(config, semantics))
    else:
        reports = run_natively(experiment, output, semantics)
    wall_s = time.perf_counter() - begin
    if as_json:
        typer.echo(json.dumps(_document(experiment, engine, semantics, reports, wall_s)))
        return
    for report in reports:
        rows = ", ".join(f"{table} {count}" for table, count in report.rows.items())
        energy = "" if report.energy_kwh is None else f"; energy {report.energy_kwh:,.6g} kWh"
        carbon = "" if report.carbon_kg is None else f", carbon {report.carbon_kg:,.6g} kg CO2"
        typer.echo(f"{report.folder}: {report.simulated_s:.0f} s simulated in {report.wall_s:.2f} s{energy}{carbon}; rows: {rows}")


def tried_runner(config: Path | None, semantics: str) -> Runner:
    """The real OpenDC of the settings, found and tried out.

    Raises:
        Unavailable: there is none, or it is not of these semantics.
    """
    settings = load(config, {"engine.name": "opendc", "engine.semantics": semantics}).settings
    require_engine(settings)
    return opendc_runner(settings.engine)


def run_natively(experiment: Path, output: Path, semantics: str) -> list[ScenarioReport]:
    """With a bar on a terminal."""
    plan = read_experiment(experiment, semantics)
    for words in plan.passed_over:
        typer.echo(words, err=True)
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeElapsedColumn())
    bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    with bar:
        task = bar.add_task("simulating", total=1.0)
        return run_experiment(plan, output, lambda share: bar.update(task, completed=share))


def _document(experiment: Path, engine: str, semantics: str, reports: list[ScenarioReport], wall_s: float) -> dict[str, object]:
    return {
        "experiment": reports[0].folder.parents[2].name if reports else experiment.stem,
        "engine": engine,
        "semantics": semantics,
        "scenarios": [
            {
                "folder": str(r.folder),
                "rows": r.rows,
                "energy_kwh": r.energy_kwh,
                "carbon_kg": r.carbon_kg,
                "simulated_seconds": r.simulated_s,
                "wall_seconds": round(r.wall_s, 3),
            }
            for r in reports
        ],
        "simulated_seconds": sum(r.simulated_s for r in reports),
        "wall_seconds": round(wall_s, 3),
    }
