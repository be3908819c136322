"""What `opendt run` does once it is known what will run: conduct it, show it, and keep its manifest true on every way out."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from opendt_streams.cli.output import INTERRUPTED, people, print_json
from opendt_streams.errors import NegativeAnswer, OpenDTError
from opendt_streams.model import times
from opendt_streams.run.conduct import Outcome, conduct
from opendt_streams.run.manifest import Manifest
from opendt_streams.run.page import Page
from opendt_streams.run.plan import Plan, input_digests
from opendt_streams.run.report import show_report
from opendt_streams.run.watch import Progress
from opendt_streams.streams.clock import now_ms
from opendt_streams.streams.service import log_to
from opendt_streams.version import code_version


def do(plan: Plan, page: Page | None, *, stay: bool, as_json: bool, began: float) -> None:
    """Run it and report.

    Raises:
        typer.Exit: it was interrupted, or no window got an answer of the engine.
    """
    console = people(stderr=True)
    for note in plan.notes:
        console.print(f"Note: {note}", soft_wrap=True)
    if not as_json:
        console.print(f"Run folder: {plan.run_dir}", soft_wrap=True)
    manifest = _first_manifest(plan, page)
    manifest.write(plan.run_dir)
    audience = _Audience(plan, manifest, page if stay else None, as_json=as_json)
    try:
        with _log_file(plan), audience.bar:
            asyncio.run(conduct(plan, page, audience, quiet=as_json, stay=stay, began=began))
    except OpenDTError as error:
        if audience.outcome is None:
            manifest.model_copy(update={"state": "failed", "ended": _now(), "notes": [str(error)]}).write(plan.run_dir)
        raise
    if audience.outcome is None or audience.outcome.state != "complete":
        raise typer.Exit(INTERRUPTED)
    if not audience.outcome.answered:
        people(stderr=True).print("No window was simulated: there is nothing in any total.")
        raise typer.Exit(NegativeAnswer.exit_code)


def _first_manifest(plan: Plan, page: Page | None) -> Manifest:
    return Manifest(
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
        page=page.url if page else None,
        summary=None,
    )


def _now() -> str:
    return times.iso(times.floor(now_ms(), times.SECOND))


class _Audience:
    """A bar that shows simulated time out of all there is, and how fast; at the end the report, and the manifest brought up to date."""

    def __init__(self, plan: Plan, manifest: Manifest, staying: Page | None, *, as_json: bool) -> None:
        self._plan, self._manifest, self._staying, self._as_json, self._since = plan, manifest, staying, as_json, time.monotonic()
        self.outcome: Outcome | None = None
        console = people(stderr=True)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[speed]}"),
        )
        hidden = as_json or not console.is_terminal
        self.bar = Bar(*columns, TimeElapsedColumn(), console=console, transient=True, disable=hidden)
        total = (plan.span.last_ms - plan.span.first_ms) if plan.span else None
        self._task = self.bar.add_task("starting", total=total, speed="")

    def progress(self, progress: Progress) -> None:
        if progress.simulated_until_ms is None or progress.first_window_ms is None:
            return
        first_ms = self._plan.span.first_ms if self._plan.span else progress.first_window_ms
        simulated_ms = progress.simulated_until_ms - first_ms
        speed = (progress.simulated_until_ms - progress.first_window_ms) / times.SECOND / max(time.monotonic() - self._since, 1e-3)
        self.bar.update(
            self._task, completed=simulated_ms, description=times.iso(progress.simulated_until_ms), speed=f"{speed:,.0f} x real time"
        )

    def ended(self, outcome: Outcome) -> None:
        self.outcome = outcome
        ended = {"state": outcome.state, "ended": _now(), "summary": outcome.summary, "notes": outcome.notes}
        self._manifest.model_copy(update=ended).write(self._plan.run_dir)
        self.bar.stop()
        if self._as_json:
            print_json(outcome.summary)
        else:
            show_report(outcome.summary, outcome.state, outcome.notes, people())
        sys.stdout.flush()
        if self._staying is not None and outcome.state == "complete":
            people(stderr=True).print(f"\nThe page stays at {self._staying.url} until Ctrl-C.")


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
