"""`opendt run`: the whole twin on one machine."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from opendt_streams.cli import options as o
from opendt_streams.cli.output import DATA, INTERRUPTED, AsJson, people, print_json
from opendt_streams.errors import OpenDTError
from opendt_streams.model import times
from opendt_streams.run.conduct import Outcome, conduct
from opendt_streams.run.manifest import Manifest
from opendt_streams.run.plan import Plan, input_digests, make_plan
from opendt_streams.run.report import show_report
from opendt_streams.run.watch import Progress
from opendt_streams.streams.clock import now_ms
from opendt_streams.streams.service import log_to
from opendt_streams.version import code_version


def run(
    workload: o.Workload = None,
    external: Annotated[bool, typer.Option("--external", help="No dc-mock: others feed the dc topics.")] = False,
    datacenter: o.Datacenter = None,
    run_dir: Annotated[
        Path | None, typer.Option("--run-dir", metavar="DIR", help="Folder of the run; default: a new one in data/.")
    ] = None,
    config: o.Config = None,
    speed: o.Speed = None,
    until: o.Until = None,
    engine: o.Engine = None,
    calibration: o.Calibration = None,
    broker: o.Broker = None,
    namespace: o.Namespace = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --run-dir.")] = False,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="End when the streams end.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run the twin until its streams end, and report. Without --workload: a sample datacenter.

    Example: opendt run --workload workload/SURF --speed max --no-serve --json
    """
    began = time.monotonic()
    flags = o.as_settings(
        workload=workload,
        datacenter=datacenter,
        speed=speed,
        until=until,
        engine=engine,
        calibration=calibration,
        broker=broker,
        namespace=namespace,
    )
    plan = make_plan(run_dir=run_dir, config=config, flags=flags, external=external, resume=resume, data_dir=DATA, now_ms=now_ms())
    console = people(stderr=True)
    for note in plan.notes:
        console.print(f"Note: {note}")
    if not as_json:
        console.print(f"Run folder: {plan.run_dir}")
    outcome = _conduct(plan, console, began, quiet=as_json)
    if as_json:
        print_json(outcome.summary)
    else:
        show_report(outcome.summary, outcome.state, outcome.notes, people())
    if outcome.state != "complete":
        raise typer.Exit(INTERRUPTED)


def _conduct(plan: Plan, console: Console, began: float, *, quiet: bool) -> Outcome:
    """Run it, and keep the manifest true on every way out."""
    manifest = Manifest(
        run=plan.run_dir.name,
        datacenter=plan.datacenter,
        state="running",
        started=_now(),
        ended=None,
        code_version=code_version(),
        engine=plan.settings.engine.name,
        calibration=plan.settings.calibrator.method,
        workload=str(plan.settings.workload.directory) if plan.settings.workload.directory else None,
        inputs=input_digests(plan),
        summary=None,
    )
    manifest.write(plan.run_dir)
    try:
        with _log_file(plan), _bar(plan, console, quiet=quiet) as bar:
            outcome = asyncio.run(conduct(plan, quiet=quiet, show=bar, began=began))
    except OpenDTError as error:
        manifest.model_copy(update={"state": "failed", "ended": _now(), "notes": [str(error)]}).write(plan.run_dir)
        raise
    ended = {"state": outcome.state, "ended": _now(), "summary": outcome.summary, "notes": outcome.notes}
    manifest.model_copy(update=ended).write(plan.run_dir)
    return outcome


def _now() -> str:
    return times.iso(times.floor(now_ms(), times.SECOND))


class _Show:
    """Moves the bar: simulated time out of all there is, and how fast."""

    def __init__(self, bar: Bar, plan: Plan) -> None:
        self._bar, self._plan, self._since = bar, plan, time.monotonic()
        total = (plan.span.last_ms - plan.span.first_ms) if plan.span else None
        self._task = bar.add_task("starting", total=total, speed="")

    def __call__(self, progress: Progress) -> None:
        if progress.simulated_until_ms is None or progress.first_window_ms is None:
            return
        first_ms = self._plan.span.first_ms if self._plan.span else progress.first_window_ms
        simulated_ms = progress.simulated_until_ms - first_ms
        speed = (progress.simulated_until_ms - progress.first_window_ms) / times.SECOND / max(time.monotonic() - self._since, 1e-3)
        self._bar.update(
            self._task, completed=simulated_ms, description=times.iso(progress.simulated_until_ms), speed=f"{speed:,.0f} x real time"
        )


@contextmanager
def _log_file(plan: Plan) -> Iterator[None]:
    """What the supervisor and the Kafka client have to say goes to logs/run.log: the terminal is for the bar and the report."""
    path = plan.run_dir / "logs" / "run.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        log_to(file)
        handler = logging.StreamHandler(file)
        logging.getLogger().addHandler(handler)
        try:
            yield
        finally:
            logging.getLogger().removeHandler(handler)


@contextmanager
def _bar(plan: Plan, console: Console, *, quiet: bool) -> Iterator[_Show]:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TextColumn("{task.fields[speed]}"))
    with Bar(*columns, TimeElapsedColumn(), console=console, transient=True, disable=quiet or not console.is_terminal) as bar:
        yield _Show(bar, plan)
