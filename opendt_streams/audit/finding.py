"""What an audit found to be wrong: where, what, and why it can have come about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Cause: TypeAlias = Literal["damage", "tampering", "input", "configuration", "code version", "retention"]
"""damage: the container or a file cannot be read, or is not the one that was sealed. tampering: a record is not what was sealed, or not
what the twin computes from intact inputs. input: what it was computed from was altered. retention: Kafka has deleted records."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`where` is a place that a person can look up, such as `sim.results|0|17` (topic, partition, offset) or a file in a bundle.

    `field`: key, value, headers, timestamp, offset, or a path inside the value. `what` is one sentence: what was found and what was
    expected. `consequences` counts later differences that follow from this one and are not listed.
    """

    where: str
    what: str
    cause: Cause
    field: str | None = None
    consequences: int = 0


def place(topic: str, partition: int, offset: int) -> str:
    """The name of a record, as dead letters have it too."""
    return f"{topic}|{partition}|{offset}"
