"""`opendt data`: make and check workload directories."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer
import yaml
from rich.console import Console
from rich.table import Table

from opendt_streams.cli.output import AsJson, people, print_json
from opendt_streams.cli.paths import path_argument, path_option
from opendt_streams.errors import BadInput
from opendt_streams.model.canonical import JSON
from opendt_streams.offline.made_sites import make_queueing_sample, make_site
from opendt_streams.workload.check import Report, check_workload
from opendt_streams.workload.sample import DEFAULT_DAYS, DEFAULT_HOSTS, write_sample
from opendt_streams.workload.sample_bursts import check_load
from opendt_streams.workload.truth.description import of_document, read_truth
from opendt_streams.workload.truth.sites import SITES, site_named

_USUAL_DAYS: Final = f" Usually {DEFAULT_DAYS}, or what the site says."
_USUAL_HOSTS: Final = f" Usually {DEFAULT_HOSTS}, or what the site says."

app = typer.Typer(help="Workload directories: make a synthetic one, check any.", no_args_is_help=True)


@app.command()
def sample(
    out: Annotated[Path, path_option("--out", metavar="DIR", help="A new or empty directory, or an earlier sample to write again.")],
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Same seed, days and hosts: same bytes.")],
    days: Annotated[int | None, typer.Option("--days", metavar="D", help=f"Length in days.{_USUAL_DAYS}")] = None,
    hosts: Annotated[int | None, typer.Option("--hosts", metavar="H", help=f"Number of hosts; jobs grow with it.{_USUAL_HOSTS}")] = None,
    load: Annotated[
        float | None,
        typer.Option("--load", metavar="U", help="Mean share of the cores that is asked for, in bursts: jobs queue. Usually none does."),
    ] = None,
    site: Annotated[str | None, typer.Option("--site", metavar="NAME", help="A site of known truth (see `opendt data sites`).")] = None,
    truth: Annotated[Path | None, path_option("--truth", metavar="FILE", help="The description of a site of known truth (YAML).")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a synthetic datacenter with a known power law, in OpenDT's file formats.

    The true parameters are in its workload.yaml; topology.json holds only what a datasheet says. With --site or --truth it is a site
    whose truth may change and whose meters may fail; truth.json then says everything that `opendt calibrate` needs to judge a method, and
    so it does with --load.

    Example: opendt data sample --out sample --seed 7 --days 2 --load 0.5
    """
    if site is not None and truth is not None:
        raise BadInput("a site has one truth", expected="--site or --truth", where="--truth")
    if load is not None:
        check_load(load)
    if site is None and truth is None:
        size = DEFAULT_DAYS if days is None else days, DEFAULT_HOSTS if hosts is None else hosts
        made = write_sample(out, seed, *size) if load is None else make_queueing_sample(out, seed, *size, load)
    else:
        described = read_truth(truth) if truth is not None else site_named(site or "")
        changed = {key: value for key, value in (("days", days), ("hosts", hosts), ("load", load)) if value is not None}
        described = of_document(described.model_dump() | changed, str(truth or "--site"))
        made = make_site(out, described, seed, site or (truth.stem if truth is not None else "site"))
    if as_json:
        print_json(asdict(made))
        return
    typer.echo(f"{made.directory}: {made.hosts} hosts, {made.days} days, {made.tasks} tasks, {made.fragments} fragments")
    if made.queued:
        typer.echo(f"{made.queued} tasks had to wait for a host.")
    typer.echo(
        f"Noise floor: {made.noise_floor_percent:.2f} % MAPE, which the true power law itself has against the readings of the meter."
    )
    typer.echo(f"Next: opendt run --workload {shlex.quote(made.directory)}")


@app.command()
def sites(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One of them, to print it as a file for --truth.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the sites of known truth, or print one as the YAML that `opendt data sample --truth` reads.

    Example: opendt data sites step
    """
    chosen = SITES if name is None else {name: site_named(name)}
    if as_json:
        print_json({key: described.model_dump(mode="json") for key, described in chosen.items()})
    elif name is not None:
        typer.echo(yaml.safe_dump(chosen[name].model_dump(mode="json"), sort_keys=False), nl=False)
    else:
        listed = _table("", "site", "what it shows")
        for key, described in SITES.items():
            listed.add_row(key, described.about)
        people().print(listed)


@app.command()
def check(
    directory: Annotated[Path, path_argument(metavar="DIR", help="A workload directory.")],
    as_json: AsJson = False,
) -> None:
    """Find everything that is wrong in a workload directory; show the units assumed and what it holds.

    Exit code 0 if it can be run (warnings allowed), 2 if not.

    Example: opendt data check workload/SURF
    """
    report = check_workload(directory)
    if as_json:
        print_json(report.as_document())
    else:
        _show(report, people())
    if report.errors:
        raise typer.Exit(BadInput.exit_code)


def _show(report: Report, console: Console) -> None:
    if report.facts:
        facts = _table("Content", "", "")
        for section, values in report.facts.items():
            for key, value in _flat(section, values):
                facts.add_row(key, value)
        console.print(facts)
    if report.assumptions:
        units = _table("Units assumed", "file", "column", "unit", "note")
        for a in report.assumptions:
            units.add_row(a.file, a.column, a.unit, a.note)
        console.print(units)
    if report.findings:
        problems = _table("Findings", "", "where", "what", "expected")
        for f in (*report.errors, *report.warnings):
            style = "red" if f.severity == "error" else "yellow"
            problems.add_row(
                f.severity, f.where or report.directory, ". ".join(filter(None, (f.what, f.hint))), f.expected or "", style=style
            )
        console.print(problems)
    verdict = "cannot be run" if report.errors else "can be run"
    console.print(f"{report.directory} {verdict}: {len(report.errors)} errors, {len(report.warnings)} warnings")


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", show_header=any(columns))
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _flat(prefix: str, value: JSON) -> list[tuple[str, str]]:
    """Nested facts as lines: tasks.count, power.samples, ..."""
    if isinstance(value, dict):
        return [line for key, inner in value.items() for line in _flat(f"{prefix}.{key}", inner)]
    return [(prefix, "yes" if value is True else "no" if value is False else str(value))]
