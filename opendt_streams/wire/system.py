"""Messages of the sys topics, which machines do not read: who speaks with which configuration, and what could not be processed."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import TypeAdapter, ValidationError

from opendt_streams.model.canonical import JSON, digest, sha256_hex

MAX_DEAD_LETTER_BYTES: Final = 2**20


@dataclass(frozen=True, slots=True)
class Started:
    """With what a deciding service speaks from now on (PROTOCOL section 3); its id is in the opendt_config header of all it says.

    `deciding` are the settings that outputs are a function of; `settings` all of them; `libraries` the versions of those that matter.
    """

    id: str
    service: str
    code_version: str
    engine: str
    engine_version: str
    deciding: Mapping[str, JSON]
    settings: Mapping[str, JSON]
    libraries: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class UnprocessedRecord:
    """A record that could not be processed, and why (PROTOCOL 2.6): its bytes up to 1 MiB; a longer one stays at its offset."""

    id: str
    topic: str
    partition: int
    offset: int
    reason: str
    length: int
    sha256: str
    raw_base64: str | None = None


STARTED: Final = TypeAdapter(Started)
UNPROCESSED: Final = TypeAdapter(UnprocessedRecord)


def started_value(record: Started) -> dict[str, JSON]:
    """The record with its id: the digest of everything else in it."""
    value: dict[str, JSON] = {"message_type": "started", **STARTED.dump_python(record)}
    del value["id"]
    return value | {"id": digest(value)}


def dead_letter_value(topic: str, partition: int, offset: int, reason: str, raw: bytes | None) -> dict[str, JSON]:
    record = raw or b""
    kept = base64.b64encode(record).decode() if raw is not None and len(raw) <= MAX_DEAD_LETTER_BYTES else None
    letter = UnprocessedRecord(
        f"{topic}|{partition}|{offset}", topic, partition, offset, reason, len(record), sha256_hex(record), raw_base64=kept
    )
    return {"message_type": "dead-letter", **UNPROCESSED.dump_python(letter, exclude_none=True)}


def read_unprocessed(value: bytes | None) -> UnprocessedRecord | None:
    """What a record of sys.dead-letter says; None for what is none of ours."""
    try:
        return UNPROCESSED.validate_json(value or b"", strict=True)
    except ValidationError:
        return None


def read_started(value: bytes | None) -> Started | None:
    """What a record of sys.config says; None for what is none of ours."""
    try:
        return STARTED.validate_json(value or b"", strict=True)
    except ValidationError:
        return None
