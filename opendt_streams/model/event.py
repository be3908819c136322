"""Events of the topology ledger: immutable, content-addressed like commits (PROTOCOL section 5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

from opendt_streams.model.canonical import JSON

EventKind: TypeAlias = Literal["baselined", "calibrated", "edited", "reverted", "branched"]
EVENT_KINDS: Final[tuple[EventKind, ...]] = get_args(EventKind)
MAIN: Final = "main"
RULES: Final = 1


@dataclass(frozen=True, slots=True)
class TopologyEvent:
    """`topology` is the whole resulting document, `result` its digest, `id` the digest of all other fields."""

    id: str
    rules: int
    parent: str | None
    branch: str
    kind: EventKind
    actor: str
    reason: str
    cause: str
    topology: Mapping[str, JSON]
    result: str
