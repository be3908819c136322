"""Which field of an event was altered, and what it was before, as far as what is left of it tells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from opendt_streams.model.event import EVENT_KINDS, RULES
from opendt_streams.topology.events import event_id
from opendt_streams.topology.reading import Reading
from opendt_streams.wire.headers import ID, OURS, SOURCE


@dataclass(frozen=True, slots=True)
class Alteration:
    """`before`: what the field said, None where that cannot be told."""

    field: str
    what: str
    before: object = None


def alteration(reading: Reading, heads: dict[str, str]) -> Alteration | None:
    """What was altered in an event that is not what its digests say; None if they hold. `heads`: by branch, before it."""
    if reading.result != reading.content_result:
        return _of_topology(reading)
    if reading.id == reading.content_id:
        return None
    if reading.headers.get(ID) == reading.content_id:
        what = f"id is {reading.id}; its header {ID} and the digest of all other fields are {reading.content_id}"
        return Alteration("id", what, reading.content_id)
    event = reading.event()
    for field, before in _likely(reading, heads):
        if event_id(replace(event, **{field: before})) == reading.id:
            return Alteration(field, f"{field} is {getattr(reading, field)!r}; id was made over {before!r}", before)
    what = f"id is {reading.id}; the digest of all other fields is {reading.content_id}: one other than topology and result was altered"
    return Alteration("id", what)


def _of_topology(reading: Reading) -> Alteration:
    found = f"result is {reading.result}; the topology's digest is {reading.content_result}"
    if reading.id == reading.content_id:
        return Alteration("result", f"{found}, and id was made over both")
    if event_id(replace(reading.event(), result=reading.content_result)) == reading.id:
        return Alteration("result", f"{found}, as id says", reading.content_result)
    return Alteration("topology", found)


def _likely(reading: Reading, heads: dict[str, str]) -> Iterator[tuple[str, Any]]:
    """(field, what it may have been) for fields of which only a few values make sense."""
    yield "parent", heads.get(reading.branch)
    yield "rules", RULES
    yield from _each("kind", EVENT_KINDS)
    yield from _each("branch", heads)
    yield "actor", reading.headers.get(SOURCE, "").removeprefix(OURS)


def _each(field: str, values: Iterable[str]) -> Iterator[tuple[str, str]]:
    return ((field, value) for value in values)
