"""`opendt topology`: the ledger of topology events of a run."""

from __future__ import annotations

from typing import Annotated

import typer

from opendt_streams.cli import topology_edit
from opendt_streams.cli import topology_views as views
from opendt_streams.cli.output import AsJson, RunDir, people, print_json
from opendt_streams.cli.topology_reading import read_history, read_report
from opendt_streams.errors import BadInput, NegativeAnswer
from opendt_streams.model import times
from opendt_streams.model.event import MAIN
from opendt_streams.topology.asked import place
from opendt_streams.topology.documents import entry_document
from opendt_streams.topology.log_index import read_time
from opendt_streams.topology.patching import patch_between
from opendt_streams.topology.words import changes

app = typer.Typer(help="The topologies that the twin used: who changed what, when and why.", no_args_is_help=True, rich_markup_mode=None)
app.command("edit")(topology_edit.edit)
app.command("revert")(topology_edit.revert)

Effective = Annotated[
    str | None, typer.Option("--effective", metavar="TIME", help="What the windows at this event time used; default: the newest.")
]
Believed = Annotated[
    str | None,
    typer.Option(
        "--believed",
        metavar="R",
        help="As the log was then: a time of recording, an offset of sim.topology or an event's id (8 characters do).",
    ),
]
SomeBranch = Annotated[str | None, typer.Option("--branch", metavar="main|what-if/NAME", help="Only this branch; default: all.")]
OneBranch = Annotated[str, typer.Option("--branch", metavar="main|what-if/NAME", help="Whose newest topology.")]
Place = typer.Argument(metavar="EVENT", help="Offset, id (8 characters do), event time, head, head~1 or a branch.")


@app.command("log")
def show_log(run_dir: RunDir, branch: SomeBranch = None, as_json: AsJson = False) -> None:
    """List the events of the ledger, accepted and rejected.

    "effective" is the first event time whose windows could use an event.

    Example: opendt topology log --run-dir data/my-run
    """
    found = read_history(run_dir, quiet=as_json)
    entries = [e for e in found.history.entries if branch in (None, e.event.branch)]
    if branch is not None and not entries:
        named = dict.fromkeys(e.event.branch for e in found.history.entries)
        raise BadInput(f"no event names the branch {branch}", expected=", ".join(named) or "a ledger with events", where="--branch")
    if as_json:
        events = [entry_document(e) for e in entries]
        print_json({"run_dir": str(run_dir), "datacenter": found.datacenter, "branch": branch, "events": events})
        return
    people().print(views.log_table(f"{found.datacenter}: {len(entries)} topology events", entries))


@app.command("show")
def show_topology(
    run_dir: RunDir, effective: Effective = None, believed: Believed = None, branch: OneBranch = MAIN, as_json: AsJson = False
) -> None:
    """Show the topology as it is now, or as the windows at an event time used it; as of now, or as the log was before.

    Example: opendt topology show --run-dir data/my-run --effective 2022-10-08T12:00:00Z --believed 2026-03-01T14:05:00Z
    """
    time_ms = None if effective is None else read_time(effective, "--effective", "ISO 8601, such as 2022-10-06T22:00:00Z")
    if time_ms is not None and branch != MAIN:
        raise BadInput(f"no window uses {branch}: it is what somebody tries out", expected="--effective or --branch", where="--effective")
    found = read_history(run_dir, quiet=as_json, believed=believed)
    shown = found.history.now(branch) if time_ms is None else found.history.at(time_ms)
    if as_json:
        asked = {
            "effective": times.iso_or_none(time_ms),
            "believed": times.iso_or_none(found.believed_ms),
        }
        print_json({"run_dir": str(run_dir), "datacenter": found.datacenter, **asked, **views.shown_document(shown)})
        return
    console = people()
    console.print(f"{found.datacenter}: {views.in_one_line(shown.entry)}", soft_wrap=True)
    console.print(views.short(shown.entry.event.reason), soft_wrap=True)
    console.print(views.hardware_table(shown.topology))


@app.command("diff")
def diff(
    run_dir: RunDir,
    a: Annotated[str, Place] = "head~1",
    b: Annotated[str, Place] = "head",
    as_json: AsJson = False,
) -> None:
    """Show what is different between the topologies of two events; default: what the newest one changed.

    An EVENT is an offset of sim.topology, an id or its beginning, an event time (what windows then used), head, head~2, or a branch
    such as what-if/fewer-hosts. With --json there is also a JSON Patch (RFC 6902) that makes B's topology document of A's.

    Example: opendt topology diff --run-dir data/my-run 0 head
    """
    history = (found := read_history(run_dir, quiet=as_json)).history
    before, after = place(history, a, "A"), place(history, b, "B")
    lines = changes(before.topology, after.topology)
    if as_json:
        print_json(
            {
                "run_dir": str(run_dir),
                "datacenter": found.datacenter,
                "a": views.shown_document(before),
                "b": views.shown_document(after),
                "changes": lines,
                "patch": list(patch_between(before.topology, after.topology)),
            }
        )
        return
    console = people()
    for name, shown in (("A", before), ("B", after)):
        console.print(f"{name}: {views.in_one_line(shown.entry)}", soft_wrap=True)
    for line in lines or ["the same topology"]:
        console.print(line, soft_wrap=True)


@app.command("verify")
def verify(run_dir: RunDir, as_json: AsJson = False) -> None:
    """Check the ledger: every digest, the chain of parents, and that decisions and results refer to it as they must.

    Exit code 1 and the first bad event with offset and field, if anything is wrong. Events that were rejected for good reason are
    evidence, not wrong.

    Example: opendt topology verify --run-dir data/my-run
    """
    datacenter, report = read_report(run_dir, quiet=as_json)
    if as_json:
        print_json({"run_dir": str(run_dir), "datacenter": datacenter, **views.report_document(report)})
        if not report.ok:
            raise typer.Exit(NegativeAnswer.exit_code)
        return
    for problem in report.problems[1:]:
        typer.echo(views.short(str(problem)), err=True)
    if not report.ok:
        first, more = report.problems[0], len(report.problems) - 1
        raise NegativeAnswer(f"the ledger of {datacenter} is not intact: {first}" + (f" ({more} more above)" if more else ""))
    console = people()
    console.print(
        f"{datacenter}: {report.records} records: {report.accepted} events accepted, {report.rejected} rejected, "
        f"{report.repeated} repeated, {report.foreign} others"
    )
    for branch, head in report.heads.items():
        console.print(f"head of {branch}: {head}", soft_wrap=True)
    console.print(f"digest of the accepted events of main: {report.digest}", soft_wrap=True)
