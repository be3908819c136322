"""What people call an event of the ledger: its offset, its id or the beginning of it, a time, the head and how far before it."""

from __future__ import annotations

import re
from typing import Final

from opendt_streams.errors import BadInput
from opendt_streams.model.event import MAIN
from opendt_streams.model.topology_json import read_topology
from opendt_streams.topology.history import Entry, History, InForce
from opendt_streams.topology.log_index import PLACES, LogIndex, read_time

_HEAD: Final = re.compile(r"(head|main|what-if/[^~]+)(?:~([0-9]{1,9}))?", re.ASCII)


def place(history: History, asked: str, where: str) -> InForce:
    """The event that is asked for, and its topology: by offset, id, event time (what windows then used), `head`, `head~2`, `what-if/x~1`.

    Raises:
        BadInput: there is no such event, or it holds no valid topology.
    """
    if head := _HEAD.fullmatch(asked):
        return _before_head(history, MAIN if head[1] == "head" else head[1], int(head[2] or 0), where)
    index = LogIndex()
    for entry in history.entries:
        index.append(entry.offset, 0, entry.event.id)
    row = index.row(asked, where)
    if row is None:
        return history.at(read_time(asked, where, f"{PLACES}; head, head~1 or a branch"))
    found = history.entries[row]
    if index.is_offset(asked) and found.offset != int(asked):
        raise BadInput(f"no event at offset {asked}", where=where, hint="`opendt topology log` shows them.")
    return _with_topology(found, where)


def _before_head(history: History, branch: str, steps: int, where: str) -> InForce:
    at = history.now(branch).entry
    by_id = {e.event.id: e for e in reversed(history.entries)}
    for step in range(steps):
        before = by_id.get(at.event.parent or "")
        if before is None:
            raise BadInput(f"only {step} events come before the head of {branch}", where=where)
        at = before
    return _with_topology(at, where)


def _with_topology(entry: Entry, where: str) -> InForce:
    try:
        return InForce(entry, read_topology(entry.event.topology, "opendc"))
    except BadInput as error:
        raise BadInput(f"the event at offset {entry.offset} holds no topology: {error}", where=where) from None
