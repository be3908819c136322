"""`opendt topology edit | revert`: people's events on the ledger, and what became of them."""

from __future__ import annotations

import asyncio
import getpass
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import click
import orjson
import typer

from opendt_streams.cli.output import AsJson, RunDir, people, print_json
from opendt_streams.cli.reading import open_run
from opendt_streams.errors import BadInput, NegativeAnswer
from opendt_streams.model import times
from opendt_streams.model.event import MAIN
from opendt_streams.model.topology import Topology
from opendt_streams.streams.deployment import Deployment
from opendt_streams.streams.ledger_writer import Answer, Effect, LedgerWriter
from opendt_streams.topology.change import Edit, Revert, Wish
from opendt_streams.topology.patching import patched, whole
from opendt_streams.wire.headers import OURS

SOURCE: Final = f"{OURS}cli"
SHORT: Final = 12

Parent = Annotated[
    str | None, typer.Option("--parent", metavar="EVENT", help="The event that you saw as the newest; default: the newest as it is now.")
]
Branch = Annotated[str, typer.Option("--branch", metavar="main|what-if/NAME", help="Where to write; a new what-if begins at the parent.")]
Actor = Annotated[str | None, typer.Option("--actor", metavar="NAME", help="Who you are; default: your login name.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept in the ledger for ever.")]


def edit(
    run_dir: RunDir,
    reason: Reason,
    patch: Annotated[str | None, typer.Option("--patch", metavar="FILE|-", help="JSON Patch (RFC 6902) against the parent.")] = None,
    topology: Annotated[str | None, typer.Option("--topology", metavar="FILE|-", help="A whole topology document.")] = None,
    parent: Parent = None,
    branch: Branch = MAIN,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """Change the simulated topology.

    Exit code 1 and who came first, if --parent is not the newest event any more.

    Example: opendt topology edit --run-dir data/my-run --patch more-hosts.json --reason "rack 7 is online"
    """
    what = Edit(_change(patch, topology), str(uuid.uuid4()))
    _fulfil(run_dir, Wish(what, actor or _login(), reason, branch, parent), as_json=as_json)


def revert(
    run_dir: RunDir,
    to: Annotated[str, typer.Option("--to", metavar="EVENT", help="Event whose topology to use again.")],
    reason: Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why; default: that it is a revert.")] = None,
    parent: Parent = None,
    branch: Branch = MAIN,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """Go back to the topology of an earlier event, by a new event.

    Example: opendt topology revert --run-dir data/my-run --to a37fa750c109
    """
    _fulfil(run_dir, Wish(Revert(to), actor or _login(), reason or f"revert to {to[:SHORT]}", branch, parent), as_json=as_json)


def _fulfil(run_dir: Path, wish: Wish, *, as_json: bool) -> None:
    with open_run(run_dir, quiet=as_json) as deployment:
        answer, effect = asyncio.run(_write(deployment, wish))
    step_ms = deployment.settings.grid.publish_every_ms
    if as_json:
        print_json({"run_dir": str(run_dir), "datacenter": deployment.datacenter, **_document(answer, effect, wish, step_ms)})
        if not answer.accepted:
            raise typer.Exit(NegativeAnswer.exit_code)
    elif answer.accepted:
        people().print("\n".join(_told(answer, effect, wish, step_ms)), soft_wrap=True)
    else:
        raise NegativeAnswer("\n".join(_refused(answer)))


async def _write(deployment: Deployment, wish: Wish) -> tuple[Answer, Effect]:
    async with LedgerWriter(deployment, source=SOURCE) as writer:
        answer = await writer.write(wish)
        return answer, await writer.effect(answer)


def _change(patch: str | None, topology: str | None) -> Callable[[Topology], Topology]:
    if (patch is None) == (topology is None):
        raise BadInput(
            "neither a patch nor a topology" if patch is None else "two changes at once", expected="--patch FILE or --topology FILE"
        )
    if patch is not None:
        operations = _read(patch, "--patch")
        return lambda parent: patched(parent, operations)
    made = whole(_read(topology or "", "--topology"))
    return lambda _: made


def _read(source: str, option: str) -> object:
    try:
        raw = click.get_binary_stream("stdin").read() if source == "-" else Path(source).read_bytes()
    except OSError as error:
        raise BadInput(f"cannot be read: {error.strerror}", where=f"{option} {source}") from None
    try:
        document: object = orjson.loads(raw)
    except ValueError as error:
        raise BadInput(f"not JSON: {error}", where=f"{option} {source}") from None
    return document


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container may have no name for its user
        raise BadInput("you have no login name here", expected="--actor NAME") from None


# -- what became of it -----------------------------------------------------------------------------------------------------


def _document(answer: Answer, effect: Effect, wish: Wish, step_ms: int) -> dict[str, Any]:
    return answer.document(wish.branch) | {
        "effective": times.iso_or_none(effect.effective_ms),
        "earliest": times.iso_or_none(effect.earliest_ms),
        "effect": _effect(effect, wish, step_ms) if answer.accepted else None,
    }


def _told(answer: Answer, effect: Effect, wish: Wish, step_ms: int) -> Iterator[str]:
    assert answer.event is not None
    yield f"#{answer.offset} {answer.event.id} {answer.event.kind} on {wish.branch} by {wish.actor}: {answer.verdict}"
    yield from answer.changes
    yield f"In effect: {_effect(effect, wish, step_ms)}"


def _refused(answer: Answer) -> Iterator[str]:
    """The whole explanation: who came first, what changed since, and what to state next time."""
    wrote = "not written" if answer.event is None else f"#{answer.offset} {answer.event.id[:SHORT]} rejected"
    yield f"{wrote}: {answer.verdict}"
    yield f"You built on {answer.parent[:SHORT]}. Since then:"
    for newer in answer.since:
        event, when = newer.accepted.event, newer.recorded or "an unknown time"
        yield f"#{newer.accepted.offset} {event.id[:SHORT]} {event.kind} by {event.actor} at {when}: {event.reason}"
        yield from (f"    {line}" for line in newer.changes)
    yield f"To build on that, look at it and state --parent {answer.head.event.id}"


def _effect(effect: Effect, wish: Wish, step_ms: int) -> str:
    if wish.branch != MAIN:
        return f"in no window of the run: {wish.branch} is a plan beside main"
    if effect.effective_ms is not None:
        return f"in the windows from {times.iso(effect.effective_ms)} on"
    if effect.complete:
        return "in no window: the run is complete"
    least = "" if effect.earliest_ms is None else f", {times.iso(effect.earliest_ms)} at the earliest"
    within = f"at most {step_ms // times.MINUTE} minutes of event time from now"
    return f"from the first instant whose decision pins it{least}: {within}"
