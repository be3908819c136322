"""An event of the ledger as a document for machines: what it says, and how the log tells its story."""

from __future__ import annotations

from typing import Any

from opendt_streams.model import times
from opendt_streams.topology.history import Entry
from opendt_streams.wire.twin import event_value


def entry_document(entry: Entry) -> dict[str, Any]:
    """Offset, times, verdict and changes beside all fields of the event."""
    return {
        "offset": entry.offset,
        "recorded": entry.recorded,
        "effective": times.iso_or_none(entry.effective_ms),
        "accepted": entry.accepted,
        "verdict": entry.verdict,
        "changes": list(entry.changes),
        **event_value(entry.event),
    }


def entry_summary(entry: Entry) -> dict[str, Any]:
    """The same without the topology that the event carries, and its digest."""
    return {name: value for name, value in entry_document(entry).items() if name not in ("topology", "result", "rules")}
