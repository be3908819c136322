"""What a machine says: records for topics, and rows of the window table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from opendt_streams.model.canonical import JSON


@dataclass(frozen=True, slots=True)
class Publish:
    """A record for a topic of the twin. `value` is a pure function of the inputs; `headers` say from which offsets it came."""

    topic: str
    id: str
    kind: str
    value: Mapping[str, JSON]
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An input that cannot be processed, and why. Whoever drives the machine adds the raw bytes."""

    topic: str
    offset: int
    reason: str


@dataclass(frozen=True, slots=True)
class WindowRow:
    """The state of one window for the window table; `state` None deletes the row."""

    window_start_ms: int
    state: str | None


Output: TypeAlias = Publish | DeadLetter | WindowRow
