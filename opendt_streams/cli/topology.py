"""`opendt topology`: the ledger of topology events of a run."""

from __future__ import annotations

import asyncio
import re
from contextlib import aclosing
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.table import Table

from opendt_streams.cli.output import AsJson, RunDir, people, print_json
from opendt_streams.cli.reading import open_run, records
from opendt_streams.errors import BadInput
from opendt_streams.model import times
from opendt_streams.model.event import MAIN, TopologyEvent
from opendt_streams.model.topology import Topology
from opendt_streams.model.topology_json import power_model_document, to_document
from opendt_streams.streams.deployment import Deployment
from opendt_streams.topology.history import Entry, History, InForce, Pins, Written
from opendt_streams.wire import topics
from opendt_streams.wire.messages import DecisionRecorded, ResultRecorded
from opendt_streams.wire.twin import event_value

app = typer.Typer(help="The topologies that the twin used: who changed what, when and why.", no_args_is_help=True, rich_markup_mode=None)

SHORT: Final = 12
RECORDED: Final = "ce_time"  # header
_DIGEST: Final = re.compile(r"\b[0-9a-f]{64}\b")
_MILLISECONDS: Final = re.compile(r"\.\d+")
Effective = Annotated[
    str | None, typer.Option("--effective", metavar="TIME", help="What the windows at this event time used; default: the newest.")
]


@app.command("log")
def show_log(run_dir: RunDir, as_json: AsJson = False) -> None:
    """List the events of the ledger, accepted and rejected.

    "effective" is the first event time whose windows could use an event.

    Example: opendt topology log --run-dir data/my-run
    """
    datacenter, history = _read(run_dir, quiet=as_json)
    if as_json:
        print_json({"run_dir": str(run_dir), "datacenter": datacenter, "events": [_document(e) for e in history.entries]})
        return
    table = Table(title=f"{datacenter}: {len(history.entries)} topology events", title_justify="left", show_lines=True)
    table.add_column("event", no_wrap=True)
    table.add_column("why and what", overflow="fold")
    for entry in history.entries:
        table.add_row(_event(entry), _what(entry), style=None if entry.accepted else "red")
    people().print(table)


@app.command("show")
def show_topology(run_dir: RunDir, effective: Effective = None, as_json: AsJson = False) -> None:
    """Show the topology as it is now, or as the windows at an event time used it.

    Example: opendt topology show --run-dir data/my-run --effective 2022-10-08T12:00:00Z
    """
    time_ms = None if effective is None else _time(effective)
    datacenter, history = _read(run_dir, quiet=as_json)
    found = history.now() if time_ms is None else history.at(time_ms)
    if as_json:
        asked = None if time_ms is None else times.iso(time_ms)
        print_json({"run_dir": str(run_dir), "datacenter": datacenter, "effective": asked, **_shown(found)})
        return
    console = people()
    console.print(f"{datacenter}: {', '.join(_event(found.entry).splitlines())}", soft_wrap=True)
    console.print(_short(found.entry.event.reason), soft_wrap=True)
    console.print(_hardware(found.topology))


def _read(run_dir: Path, *, quiet: bool) -> tuple[str, History]:
    with open_run(run_dir, quiet=quiet) as deployment:
        return deployment.datacenter, asyncio.run(_history(deployment))


async def _history(deployment: Deployment) -> History:
    written = []
    async for record in records(deployment, topics.LEDGER):
        message = record.message()
        written.append(Written(record.offset, record.headers.get(RECORDED), message if isinstance(message, TopologyEvent) else None))
    offsets: dict[int, int] = {}
    async for record in records(deployment, topics.CALIBRATION):
        message = record.message()
        if isinstance(message, DecisionRecorded):
            offsets.setdefault(message.decision.instant_ms, message.pin)
    return History(written, Pins(offsets, deployment.settings.grid.publish_every_ms, await _first_window_ms(deployment)))


async def _first_window_ms(deployment: Deployment) -> int | None:
    async with aclosing(records(deployment, topics.RESULTS)) as results:
        async for record in results:
            message = record.message()
            if isinstance(message, ResultRecorded):
                return message.result.window_start_ms
    return None


def _time(text: str) -> int:
    try:
        return times.parse(text)
    except BadInput as error:
        raise BadInput(str(error), where="--effective") from None


def _document(entry: Entry) -> dict[str, Any]:
    return {
        "offset": entry.offset,
        "recorded": entry.recorded,
        "effective": None if entry.effective_ms is None else times.iso(entry.effective_ms),
        "accepted": entry.accepted,
        "verdict": entry.verdict,
        "changes": list(entry.changes),
        **event_value(entry.event),
    }


def _shown(found: InForce) -> dict[str, Any]:
    event = _document(found.entry)
    del event["topology"]
    return {"event": event, "topology": to_document(found.topology)}


def _event(entry: Entry) -> str:
    event = entry.event
    branch = "" if event.branch == MAIN else f" on {event.branch}"
    lines = [
        f"#{entry.offset} {event.id[:SHORT]} {event.kind}{branch}",
        f"by {event.actor}, {'accepted' if entry.accepted else 'rejected'}",
    ]
    recorded = "-" if entry.recorded is None else _MILLISECONDS.sub("", entry.recorded)
    effective = "-" if entry.effective_ms is None else times.iso(entry.effective_ms)
    return "\n".join((*lines, f"recorded  {recorded}", f"effective {effective}"))


def _what(entry: Entry) -> str:
    verdict = () if entry.accepted else (f"rejected: {entry.verdict}",)
    return "\n".join(_short(line) for line in (*verdict, entry.event.reason, *entry.changes))


def _short(text: str) -> str:
    """Digests as people compare them: by their first characters."""
    return _DIGEST.sub(lambda found: found[0][:SHORT], text)


def _hardware(topology: Topology) -> Table:
    table = Table()
    for column in ("cluster", "hosts", "count", "cores", "MHz", "memory MiB", "power model (W per host)"):
        table.add_column(column, overflow="fold", justify="right" if column in ("count", "cores", "MHz", "memory MiB") else "left")
    for c, _, group in topology.host_groups:
        model = power_model_document(group.power_model)
        words = ", ".join(f"{k} {v}" for k, v in model.items() if k != "modelType")
        table.add_row(
            topology.clusters[c].name,
            group.name,
            str(group.count),
            str(group.cores),
            f"{group.core_speed_mhz:g}",
            str(group.memory_mib),
            f"{model['modelType']}: {words}",
        )
    return table
