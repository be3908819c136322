"""`opendt calibrate`: all calibration methods side by side, offline, over a workload directory or a run."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from pydantic import TypeAdapter, ValidationError
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from opendt_streams.assembly import new_method
from opendt_streams.audit.replay.machines import logged_machines
from opendt_streams.calibration import METHODS
from opendt_streams.cli.auditing import SomeRun, copied
from opendt_streams.cli.calibrate_table import show
from opendt_streams.cli.options import Config
from opendt_streams.cli.output import AsJson, people, print_json
from opendt_streams.cli.paths import path_option
from opendt_streams.errors import BadInput
from opendt_streams.model import times
from opendt_streams.model.topology import Topology
from opendt_streams.offline.comparison import Line, compare
from opendt_streams.offline.from_log import READS, record_log
from opendt_streams.offline.plotting import plot, require_plot
from opendt_streams.offline.recording import Recording
from opendt_streams.offline.simulating import record_workload
from opendt_streams.run.manifest import MANIFEST_FILE, Manifest
from opendt_streams.run.report import DOUBTS
from opendt_streams.settings import Settings, load
from opendt_streams.settings.fields import Duration, duration_text
from opendt_streams.wire.fields import first_problem
from opendt_streams.workload.check import check_workload
from opendt_streams.workload.power import CONSUMPTION
from opendt_streams.workload.reader import read_workload
from opendt_streams.workload.replay import ReplaySettings
from opendt_streams.workload.truth.known import NOTHING, Known, known_truth

HORIZONS: Final = (5 * times.MINUTE, 15 * times.MINUTE, times.HOUR, 6 * times.HOUR, 24 * times.HOUR)
_DURATION: Final = TypeAdapter(Duration)
_RECORDING_SHARE: Final = 0.2  # of the progress bar

Workload = Annotated[Path | None, path_option("--workload", metavar="DIR", help="Workload directory to simulate once and calibrate on.")]
Method = Annotated[list[str] | None, typer.Option("--method", metavar="NAME", help="One method, or repeat it. Default: all.")]
Horizon = Annotated[
    list[str] | None,
    typer.Option("--horizon", metavar="TIME", help="Publication interval, such as 15m, or repeat it. Default: 5m, 15m, 1h, 6h, 24h."),
]
TrainDays = Annotated[int, typer.Option("--train-days", metavar="N", min=0, help="Score only what comes after the first N days.")]
Delay = Annotated[str | None, typer.Option("--delay", metavar="TIME", help="Windows use what was published so much earlier.")]
Csv = Annotated[Path | None, path_option("--csv", metavar="FILE", help="Write every figure into this file.")]
Plot = Annotated[Path | None, path_option("--plot", metavar="FILE", help="Draw error and skill into this .svg, .png or .pdf.")]


def calibrate(
    run_dir: SomeRun = None,
    workload: Workload = None,
    method: Method = None,
    horizon: Horizon = None,
    train_days: TrainDays = 0,
    delay: Delay = None,
    config: Config = None,
    csv_file: Csv = None,
    plot_file: Plot = None,
    as_json: AsJson = False,
) -> None:
    """Compare calibration methods offline, each driven as the twin drives it, at several publication intervals.

    The datacenter is simulated once; a method costs a few sums. Scores are nowcasts of the pure model by the official rule, with
    persistence at the same interval beside them; where the truth of a made site is known, methods are judged against it too.

    Example: opendt calibrate --workload sample --horizon 1h --method recursive
    """
    if (run_dir is None) == (workload is None):
        what = "nothing to calibrate on is given" if run_dir is None else "a run and a workload are given"
        raise BadInput(what, expected="--run-dir DIR or --workload DIR")
    names = list(dict.fromkeys(method or METHODS))
    for name in names:
        if name not in METHODS:
            raise BadInput(f"there is no calibration method {name!r}", expected="one of " + ", ".join(METHODS), where="--method")
    horizons = sorted({_duration(text, "--horizon") for text in horizon} if horizon else HORIZONS)
    delay_ms = 0 if delay is None else _duration(delay, "--delay")
    if plot_file is not None:
        require_plot(plot_file)
    with _bar(quiet=as_json) as progress:
        recording, known, settings = _record(run_dir, workload, config, lambda share: progress(share * _RECORDING_SHARE, "simulating"))
        lines = compare(
            recording,
            names,
            horizons,
            lambda name, every: new_method(settings, name, every),
            truth=known.truth,
            noise_floor_percent=known.noise_floor_percent,
            train_days=train_days,
            delay_ms=delay_ms,
            clock=time.process_time,
            progress=lambda share, what: progress(_RECORDING_SHARE + share * (1 - _RECORDING_SHARE), what),
        )
    if csv_file is not None:
        _write_csv(lines, csv_file)
    if plot_file is not None:
        plot(lines, recording.datacenter, plot_file)
    about = {
        "datacenter": recording.datacenter,
        "from": times.iso(recording.start_ms),
        "until": times.iso(recording.end_ms),
        "train_days": train_days,
        "delay": duration_text(delay_ms) if delay_ms else None,
        "edits_left_out": recording.edits,
        "noise_floor_percent": known.noise_floor_percent,
    }
    doubts = _doubts(run_dir, workload)
    if known.note is not None:
        people(stderr=True).print(f"Note: {known.note}", soft_wrap=True)
    if as_json:
        print_json({**about, "warnings": doubts, "rows": [line.as_document() for line in lines]})
    else:
        for doubt in doubts:
            people().print(f"Warning: {doubt}")
        show(about, lines, people())


def _doubts(run_dir: Path | None, workload: Path | None) -> list[str]:
    """What to know before any score: what `opendt data check` says of the measured power, or what the run said of itself."""
    if workload is not None:
        found = [f for f in check_workload(workload).warnings if f.file == CONSUMPTION]
        return [". ".join(filter(None, (f"{f.where}: {f.what}", f.hint))) for f in found]
    assert run_dir is not None
    if not (run_dir / MANIFEST_FILE).exists():
        return []
    return [str(w["text"]) for w in Manifest.read(run_dir).warnings if str(w["kind"]).startswith(DOUBTS)]


def _record(
    run_dir: Path | None, workload: Path | None, config: Path | None, progress: Callable[[float], None]
) -> tuple[Recording, Known, Settings]:
    if workload is not None:
        settings = load(config).settings
        engine, plan = settings.engine, settings.workload
        content = read_workload(workload)
        recording = record_workload(
            content,
            settings.grid,
            policy=settings.simulator.policy,
            semantics=engine.semantics,
            plan=ReplaySettings(plan.heartbeat, plan.power_batch, plan.until),
            progress=progress,
        )
        return recording, known_truth(workload, content), settings
    assert run_dir is not None
    with copied(run_dir, quiet=True) as evidence:
        machines = logged_machines(evidence)
        messages = ((topic, r.offset, r.message()) for topic in READS for r in evidence.own(topic))
        recording = record_log(evidence.info.datacenter, machines.grid, messages)
    settings = load(config).settings if config is not None else machines.settings
    directory = machines.settings.workload.directory
    return recording, _known_of_run(directory, recording.topology_at(0)), settings


def _known_of_run(directory: Path | None, topology: Topology) -> Known:
    """What the workload that a run replayed says, if it is still there."""
    try:
        return NOTHING if directory is None or not directory.is_dir() else known_truth(directory, read_workload(directory), topology)
    except BadInput:  # not what it was: the run has a log of its own
        return NOTHING


def _duration(text: str, flag: str) -> int:
    try:
        return _DURATION.validate_python(text)
    except ValidationError as error:
        raise BadInput(first_problem(error).what, where=flag) from None


def _write_csv(lines: list[Line], path: Path) -> None:
    rows: list[dict[str, Any]] = [line.as_row() for line in lines]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    except OSError as error:
        raise BadInput(f"not writable: {error.strerror}", where=str(path)) from None


@contextmanager
def _bar(*, quiet: bool) -> Iterator[Callable[[float, str], None]]:
    """A bar on a terminal."""
    console = people(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task("simulating", total=1.0)
        yield lambda share, what: bar.update(task, completed=share, description=what)
