"""`opendt engine compare`: the native engine against the real OpenDC."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from opendt_streams.assembly import new_simulator, opendc_runner, require_engine
from opendt_streams.audit.evidence import Evidence
from opendt_streams.audit.replay.driver import Driver
from opendt_streams.audit.replay.machines import logged_machines
from opendt_streams.cli import options as o
from opendt_streams.cli.auditing import SomeRun, copied
from opendt_streams.cli.engine_run import OfWhich, run_natively, tried_runner
from opendt_streams.cli.output import AsJson, print_json
from opendt_streams.cli.paths import path_option
from opendt_streams.engine.opendc.checker import Checker, Tally
from opendt_streams.engine.opendc.difference import compare_folders
from opendt_streams.engine.opendc.experiment import run_with_opendc
from opendt_streams.engine.opendc.shadow import ShadowKind
from opendt_streams.errors import BadInput, NegativeAnswer
from opendt_streams.model import times
from opendt_streams.settings import Settings, load

SomeExperiment = Annotated[
    Path | None, path_option(help="OpenDC experiment file; paths in it resolve against the working directory.", dir_okay=False)
]
Every = Annotated[int, typer.Option(min=1, metavar="N", help="Of a run: check every n-th window.")]
From = Annotated[str | None, typer.Option("--from", metavar="TIME", help="Of a run: windows that begin at this time or later.")]
To = Annotated[str | None, typer.Option("--to", metavar="TIME", help="Of a run: windows that end at this time or earlier.")]


def compare(
    experiment: SomeExperiment = None,
    run_dir: SomeRun = None,
    semantics: OfWhich = "2.4f",
    every: Every = 1,
    from_: From = None,
    to: To = None,
    config: o.Config = None,
    as_json: AsJson = False,
) -> None:
    """Let both engines simulate an experiment, or the windows of a run, and compare. Exit 1: the first difference is named.

    Of an experiment every number must be the same, up to rests of OpenDC's running sums. Rows of a run may show the right limit where
    OpenDC's order of events says so; they are counted.

    Example: opendt engine compare --experiment experiment.json
    """
    if (experiment is None) == (run_dir is None):
        raise BadInput("one thing is to be compared", expected="either --experiment FILE or --run-dir DIR")
    if experiment is not None:
        document = _experiment(experiment, config, semantics)
    else:
        span = tuple(None if text is None else times.parse(text) for text in (from_, to))
        document = _run(run_dir or Path(), config, every, span, quiet=as_json)
    if as_json:
        print_json(document)
    else:
        typer.echo(_words(document))
    if not document["equal"]:
        raise typer.Exit(NegativeAnswer.exit_code)


def _experiment(experiment: Path, config: Path | None, semantics: str) -> dict[str, Any]:
    runner = tried_runner(config, semantics)
    with tempfile.TemporaryDirectory(prefix="opendt-compare-") as folder:
        native, opendc = Path(folder) / "native", Path(folder) / "opendc"
        ours = run_natively(experiment, native, semantics)
        run_with_opendc(experiment, opendc, runner)
        name = ours[0].folder.parents[2].relative_to(native)  # above raw-output/0/seed=0
        found = compare_folders(native / name, opendc / name)
    difference = None if found.difference is None else asdict(found.difference) | {"text": str(found.difference)}
    equal = difference is None
    return {"equal": equal, "experiment": str(experiment), "rows": found.rows, "rests": found.rests, "difference": difference}


def _run(run_dir: Path, config: Path | None, every: int, span: tuple[int | None, ...], *, quiet: bool) -> dict[str, Any]:
    """The run's windows, simulated again from its topics as a replay does it, each n-th of them by both engines."""
    local = load(config).settings
    from_ms, to_ms = span

    def asked(start_ms: int, end_ms: int) -> bool:
        return (from_ms is None or start_ms >= from_ms) and (to_ms is None or end_ms <= to_ms)

    with copied(run_dir, quiet=quiet) as evidence:
        tally = check_windows(evidence, local, every, asked)
    complete = tally.windows > 0 and not tally.unanswered
    document = {name: value for name, value in asdict(tally).items() if name != "waiting"}
    return {"equal": complete and not tally.different_rows, "run_dir": str(run_dir), "windows": tally.windows, **document}


def check_windows(evidence: Evidence, local: Settings, every: int, asked: Callable[[int, int], bool]) -> Tally:
    """What comes out for the windows of a run. `local` says where OpenDC is here; the run says everything that decides.

    Raises:
        Unavailable: there is no runner, or not the one of the run's semantics.
    """
    logged = logged_machines(evidence).settings
    here = logged.engine.model_copy(update={"name": "opendc", "opendc": local.engine.opendc})
    require_engine(logged.model_copy(update={"engine": here}))
    checker = Checker(opendc_runner(here), background=False)
    simulator = new_simulator(evidence.info.datacenter, logged, ShadowKind(checker, every, asked))
    Driver(simulator, evidence).feed(None)
    checker.finish()
    return checker.tally


def _words(document: dict[str, Any]) -> str:
    if "experiment" in document:
        rows = ", ".join(f"{table} {count}" for table, count in document["rows"].items())
        rests = f" Values that differ by one step of float32, for rests of OpenDC's sums: {document['rests']}." if document["rests"] else ""
        return f"Equal: {rows} rows.{rests}" if document["equal"] else f"Different: {document['difference']['text']}"
    told = (
        f"{document['windows']:,} windows, {document['rows']:,} rows, {document['right_limit_rows']:,} of them show the right limit; "
        f"{document['invocations']} invocations"
    )
    unchecked = "".join(f", {document[name]:,} windows {name}" for name in ("unanswered", "skipped") if document[name])
    if document["different_rows"]:
        return f"Different: {document['different_rows']:,} rows, first {document['first_difference']} ({told}{unchecked})"
    return f"{'Equal' if document['equal'] else 'Not all compared'}: {told}{unchecked}."
