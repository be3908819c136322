"""`opendt audit replay`: everything that the twin said, computed again from the topics alone."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from opendt_streams.audit.evidence import Evidence
from opendt_streams.audit.replay.span import Span
from opendt_streams.audit.replay.verdict import Recorded, Verdict, judge
from opendt_streams.audit.report.document import TWINLOG_FILE, read_document
from opendt_streams.audit.sealing.kept import FOLDER, Kept
from opendt_streams.audit.sealing.seal import read_all
from opendt_streams.audit.verify.of_bundle import verify_bundle
from opendt_streams.audit.verify.of_run import verify_run
from opendt_streams.audit.verify.verification import Verification
from opendt_streams.cli.audit_files import summary_of
from opendt_streams.cli.auditing import SomeBundle, SomeRun, evidence_of
from opendt_streams.cli.output import AsJson, people, print_json
from opendt_streams.errors import BadInput, NegativeAnswer
from opendt_streams.model import times
from opendt_streams.twinlog.digest import twinlog_digest
from opendt_streams.twinlog.writer import TwinLog, twinlog_folder
from opendt_streams.wire import topics
from opendt_streams.wire.messages import ResultRecorded

SNAPSHOTS: Final = Path(FOLDER) / "snapshots"  # in the run folder

_CONCLUSION: Final = {
    (True, True): "Equal",
    (True, False): "Equal, but the evidence itself is not sound",
    (False, False): "NOT equal",
}

From = Annotated[str | None, typer.Option("--from", metavar="TIME", help="Compare what comes after this event time.")]
To = Annotated[str | None, typer.Option("--to", metavar="TIME", help="Compare what comes until this event time.")]


def replay(run_dir: SomeRun = None, file: SomeBundle = None, from_: From = None, to: To = None, as_json: AsJson = False) -> None:
    """Recompute every window result, decision and projection from the topics alone, and compare them with what was recorded.

    Reads the topics once, with a reader of its own; commits nothing and writes nothing to any topic. Exit 0: all equal. Exit 1: the
    first difference is named, with its cause.

    Example: opendt audit replay --run-dir data/my-run
    """
    span = Span(_time(from_, "--from"), _time(to, "--to"))
    began = time.monotonic()
    with evidence_of(run_dir, file, quiet=as_json) as evidence:
        copied_s = time.monotonic() - began
        recorded = _of_run(run_dir, evidence) if run_dir is not None else _of_bundle(file or Path(), evidence)
        with _progress(evidence, quiet=as_json) as watch:
            verdict = judge(evidence, recorded, span, watch)
    seconds = {"copied": round(copied_s, 3), "replayed": round(time.monotonic() - began - copied_s, 3)}
    if as_json:
        source = {"run_dir": None if run_dir is None else str(run_dir), "file": None if file is None else str(file)}
        print_json({**source, **verdict.document, "seconds": seconds})
    else:
        _show(verdict, seconds)
    if not verdict.ok:
        raise typer.Exit(NegativeAnswer.exit_code)


def _time(text: str | None, flag: str) -> int | None:
    try:
        return None if text is None else times.parse(text)
    except BadInput as error:
        raise BadInput(str(error), where=flag) from None


def _of_run(run_dir: Path, evidence: Evidence) -> Recorded:
    log, kept, integrity = TwinLog(twinlog_folder(run_dir)), Kept.read(run_dir), Verification(str(run_dir), None)
    verify_run(evidence, read_all(evidence), kept, integrity, summary_of(run_dir))
    return Recorded(
        twinlog=twinlog_digest(log.folder) if log.complete else None,
        sealed=integrity.findings,
        has_seal=kept.manifest is not None,
        snapshots=run_dir / SNAPSHOTS if os.access(run_dir, os.W_OK) else None,  # somebody else's run may be read-only
    )


def _of_bundle(file: Path, evidence: Evidence) -> Recorded:
    twinlog = read_document(evidence.folder / TWINLOG_FILE).get("digest")
    return Recorded(twinlog=twinlog, sealed=verify_bundle(file, None).findings, has_seal=True)


@contextmanager
def _progress(evidence: Evidence, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    """A bar over event time, on a terminal."""
    console = people(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda _: None
        return
    ends = [m.result.window_end_ms for r in evidence.own(topics.RESULTS) if isinstance(m := r.message(), ResultRecorded)]
    columns = (TextColumn("replaying"), BarColumn(), TextColumn("{task.fields[at]}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        first, last = min(ends, default=0), max(ends, default=1)
        task = bar.add_task("", total=last - first, at="")
        yield lambda time_ms: bar.update(task, completed=time_ms - first, at=times.iso(time_ms))


def _show(verdict: Verdict, seconds: Mapping[str, float]) -> None:
    document, console = verdict.document, people()
    covers = document["covers"]
    console.print(f"{document['run']} ({document['datacenter']}): {covers['from']} to {covers['to']} recomputed", soft_wrap=True)
    for name, since in covers["resumed"].items():
        console.print(f"The {name} began with the snapshot of {since}; what was before is not covered.", soft_wrap=True)
    console.print(_digests(document["digests"]))
    written, now = document["code_version"]["recorded"], document["code_version"]["now"]
    if written != [now]:
        console.print(f"Written by code {', '.join(written) or 'unknown'}, replayed with {now}.", soft_wrap=True)
    if taken := document["unanswered"]:
        what = "windows without an answer of the engine were taken over from the record"
        console.print(f"{len(taken)} {what}, the first at {taken[0]}.", soft_wrap=True)
    for finding in (*verdict.findings, *verdict.integrity):
        console.print(f"{finding.cause}: {finding.where}: {finding.what}", style="red", soft_wrap=True)
        if finding.consequences:
            console.print(f"  and {finding.consequences} more", style="red")
    took = f"copied in {seconds['copied']:.1f} s, replayed in {seconds['replayed']:.1f} s"
    console.print(f"{_CONCLUSION[document['equal'], verdict.ok]}: {took}.")


def _digests(digests: Mapping[str, Mapping[str, Any]]) -> Table:
    table = Table()
    for column in ("projection", "outputs", "recorded", "replayed", "equal"):
        table.add_column(column, justify="right" if column == "outputs" else "left", no_wrap=True)
    for name, one in digests.items():
        equal = {True: "yes", False: "NO", None: "not compared"}[one["equal"]]
        recorded, replayed = ((one[key] or "-")[:12] for key in ("recorded", "replayed"))
        table.add_row(name, f"{one['compared']:,}" if "compared" in one else "", recorded, replayed, equal)
    return table
