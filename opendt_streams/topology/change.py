"""What a person wishes, as events of the ledger: edited, reverted, branched (PROTOCOL section 5).

Pure: whoever calls has folded the log, and writes what comes out. Nothing comes out that the fold would reject as things stand.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from opendt_streams.errors import BadInput, NegativeAnswer
from opendt_streams.model.canonical import canonical
from opendt_streams.model.event import MAIN, EventKind, TopologyEvent
from opendt_streams.model.topology import Topology
from opendt_streams.topology.events import make_event
from opendt_streams.topology.ledger import Accepted, Ledger
from opendt_streams.topology.log_index import EVENT_ID
from opendt_streams.wire.topics import MAX_VALUE_BYTES
from opendt_streams.wire.twin import event_value

WHAT_IF: Final = "what-if/"
_BRANCH: Final = re.compile(r"what-if/[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
# Machines' causes are `datacenter|instant` and so on, and an instant has colons: whatever the datacenter is called, no key makes one.
_KEY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)
_LONGEST_ACTOR: Final = 200
_LONGEST_REASON: Final = 10_000


@dataclass(frozen=True, slots=True)
class Edit:
    """`change` makes the new topology of the parent's. `key` is the request's own: sent twice, it changes the topology once."""

    change: Callable[[Topology], Topology]
    key: str


@dataclass(frozen=True, slots=True)
class Revert:
    """Back to the topology of an earlier accepted event, of any branch; its id or the beginning of it."""

    to: str


@dataclass(frozen=True, slots=True)
class Wish:
    """Who wants what, why and where. `parent` is the event that the person saw, id or beginning of it; None: the head as it is now.

    A branch `what-if/<name>` that is new starts from `parent`, by default from the head of main.
    """

    what: Edit | Revert
    actor: str
    reason: str
    branch: str = MAIN
    parent: str | None = None


Events: TypeAlias = tuple[TopologyEvent, ...]


class Stale(NegativeAnswer):
    """Others changed the branch after the event that was stated as parent: `since`, oldest first. The newest of them is the head."""

    def __init__(self, branch: str, parent: Accepted, since: tuple[Accepted, ...]) -> None:
        head = since[-1].event
        super().__init__(
            f"{parent.event.id} is not the head of {branch} any more: {head.actor} wrote {head.kind} {head.id}",
            expected="the head as parent",
        )
        self.parent, self.since = parent, since


def events_of(ledger: Ledger, wish: Wish) -> Events:
    """The events to write, in order; the last one is what was wished, one before it makes its branch.

    Raises:
        BadInput: the wish cannot be fulfilled by anybody: no such event, no topology comes out, nothing changes.
        Stale: the stated parent was the head once.
    """
    _require_text(wish.actor, "actor", _LONGEST_ACTOR)
    _require_text(wish.reason, "reason", _LONGEST_REASON)
    if wish.branch != MAIN and _BRANCH.fullmatch(wish.branch) is None:
        raise BadInput(
            f"{wish.branch!r} is no branch", expected="main, or what-if/ and a name of letters, digits and . _ -", where="branch"
        )
    if wish.branch != MAIN and wish.branch not in ledger.heads:
        start = _newest(ledger, MAIN) if wish.parent is None else named(ledger, wish.parent, "parent")
        first = _event(wish, "branched", start, start.topology, f"branch|{wish.branch}")
        return first, _changed(ledger, wish, Accepted(ledger.offset, first, start.topology))
    return (_repeated(ledger, wish) or _changed(ledger, wish, _head(ledger, wish)),)


def named(ledger: Ledger, text: str, where: str) -> Accepted:
    """The accepted event whose id is, or begins with, `text`.

    Raises:
        BadInput: there is none, or not only one.
    """
    if EVENT_ID.fullmatch(text) is None:
        raise BadInput(f"{text[:80]!r} is no event", expected="an event's id, or its first 8 characters or more", where=where)
    found = [identity for identity in ledger.verdicts if identity.startswith(text)]
    if len(found) != 1:
        what = f"{len(found)} events begin with {text}" if found else f"the ledger holds no event {text}"
        raise BadInput(what, where=where, hint="`opendt topology log` shows them.")
    accepted = ledger.accepted(found[0])
    if accepted is None:
        raise BadInput(f"the event {found[0]} was rejected: {ledger.verdicts[found[0]]}", expected="an accepted event", where=where)
    return accepted


def newer_than(ledger: Ledger, branch: str, parent: str) -> tuple[Accepted, ...]:
    """The events of a branch after `parent`, oldest first; where it does not descend from that, all that were written on it."""
    newer: list[Accepted] = []
    for accepted in lineage(ledger, branch):
        if accepted.event.id == parent:
            return tuple(reversed(newer))
        newer.append(accepted)
    return tuple(a for a in reversed(newer) if a.event.branch == branch)


def lineage(ledger: Ledger, branch: str) -> Iterator[Accepted]:
    """From the head of a branch back to the first baseline, through the event that it started from."""
    at = ledger.heads.get(branch)
    while at is not None:
        yield at
        at = ledger.accepted(at.event.parent or "")


def _repeated(ledger: Ledger, wish: Wish) -> TopologyEvent | None:
    """The event that this very request made before; a client that got no answer asks again."""
    if not isinstance(wish.what, Edit):
        return None
    cause = _cause(wish.what)
    done = next((a for a in lineage(ledger, wish.branch) if a.event.cause == cause and a.event.branch == wish.branch), None)
    if done is None:
        return None
    parent = ledger.accepted(done.event.parent or "")
    if parent is None or _changed(ledger, wish, parent) != done.event:
        raise BadInput(
            f"the key {wish.what.key} made another change: {done.event.id}", expected="a key of its own for each change", where="key"
        )
    return done.event


def _head(ledger: Ledger, wish: Wish) -> Accepted:
    head = _newest(ledger, wish.branch)
    if wish.parent is None:
        return head
    parent = named(ledger, wish.parent, "parent")
    if parent is head:
        return head
    if all(accepted is not parent for accepted in lineage(ledger, wish.branch)):
        raise BadInput(f"the event {parent.event.id} is not on {wish.branch} but on {parent.event.branch}", where="parent")
    raise Stale(wish.branch, parent, newer_than(ledger, wish.branch, parent.event.id))


def _newest(ledger: Ledger, branch: str) -> Accepted:
    head = ledger.heads.get(branch)
    if head is None:
        raise BadInput(
            "the ledger holds no topology yet", expected="a first baseline", hint="The simulator writes it once the datacenter speaks."
        )
    return head


def _changed(ledger: Ledger, wish: Wish, parent: Accepted) -> TopologyEvent:
    kind: EventKind
    if isinstance(wish.what, Edit):
        kind, cause, topology = "edited", _cause(wish.what), wish.what.change(parent.topology)
    else:
        target = named(ledger, wish.what.to, "to")
        kind, cause, topology = "reverted", f"revert|{target.event.id}", target.topology
    if topology == parent.topology:
        raise BadInput(f"changes nothing: {parent.event.id} has the same topology", expected="another topology")
    return _event(wish, kind, parent, topology, cause)


def _cause(edit: Edit) -> str:
    if _KEY.fullmatch(edit.key) is None:
        raise BadInput(f"{edit.key[:80]!r} is no key", expected="letters, digits and . _ -, at most 100", where="key")
    return f"edit|{edit.key}"


def _event(wish: Wish, kind: EventKind, parent: Accepted, topology: Topology, cause: str) -> TopologyEvent:
    event = make_event(
        parent=parent.event.id, kind=kind, actor=wish.actor, reason=wish.reason, cause=cause, topology=topology, branch=wish.branch
    )
    if (size := len(canonical(event_value(event)))) > MAX_VALUE_BYTES:
        raise BadInput(f"an event of {size} bytes", expected=f"at most {MAX_VALUE_BYTES}, which is what a topic takes")
    return event


def _require_text(text: str, what: str, longest: int) -> None:
    """Text that terminals and logs of others can show: no control characters, nothing that is not Unicode."""
    if not text.strip() or len(text) > longest:
        raise BadInput(f"{len(text)} characters" if text.strip() else "nothing is said", expected=f"1 to {longest} characters", where=what)
    if any(unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t" for c in text):
        raise BadInput(f"{text[:80]!r} holds control characters or bytes that are no text", expected="text", where=what)
