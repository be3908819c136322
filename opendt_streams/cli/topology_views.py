"""Topology events and topologies as documents for machines and as tables for people."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from rich.table import Table

from opendt_streams.model import times
from opendt_streams.model.event import MAIN
from opendt_streams.model.topology import Topology
from opendt_streams.model.topology_json import power_model_document, to_document
from opendt_streams.topology.documents import entry_document
from opendt_streams.topology.history import Entry, InForce
from opendt_streams.topology.verify import LedgerReport

SHORT: Final = 12
_DIGEST: Final = re.compile(r"\b[0-9a-f]{64}\b")
_MILLISECONDS: Final = re.compile(r"\.\d+")


def shown_document(found: InForce) -> dict[str, Any]:
    """The event without the document that it carries, and the topology in its normal form."""
    event = entry_document(found.entry)
    del event["topology"]
    return {"event": event, "topology": to_document(found.topology)}


def report_document(report: LedgerReport) -> dict[str, Any]:
    return {
        "ok": report.ok,
        "records": report.records,
        "accepted": report.accepted,
        "rejected": report.rejected,
        "repeated": report.repeated,
        "foreign": report.foreign,
        "heads": report.heads,
        "digest": report.digest,
        "problems": [
            {"topic": p.topic, "offset": p.offset, "field": p.field, "what": p.what, "refused": p.refused} for p in report.problems
        ],
    }


def log_table(title: str, entries: Sequence[Entry]) -> Table:
    table = Table(title=title, title_justify="left", show_lines=True)
    table.add_column("event", no_wrap=True)
    table.add_column("why and what", overflow="fold")
    for entry in entries:
        table.add_row(event_words(entry), _what(entry), style=None if entry.accepted else "red")
    return table


def event_words(entry: Entry) -> str:
    event = entry.event
    branch = "" if event.branch == MAIN else f" on {event.branch}"
    lines = [
        f"#{entry.offset} {event.id[:SHORT]} {event.kind}{branch}",
        f"by {event.actor}, {'accepted' if entry.accepted else 'rejected'}",
    ]
    recorded = "-" if entry.recorded is None else _MILLISECONDS.sub("", entry.recorded)
    effective = times.iso_or_none(entry.effective_ms) or "-"
    return "\n".join((*lines, f"recorded  {recorded}", f"effective {effective}"))


def in_one_line(entry: Entry) -> str:
    return ", ".join(event_words(entry).splitlines())


def short(text: str) -> str:
    """Digests as people compare them: by their first characters."""
    return _DIGEST.sub(lambda found: found[0][:SHORT], text)


def hardware_table(topology: Topology) -> Table:
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


def _what(entry: Entry) -> str:
    verdict = () if entry.accepted else (f"rejected: {entry.verdict}",)
    return "\n".join(short(line) for line in (*verdict, entry.event.reason, *entry.changes))
