"""Headers: CloudEvents 1.0 in binary mode, and what a value must not hold: offsets, configuration, run (PROTOCOL 2.1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from pydantic import TypeAdapter, ValidationError

from opendt_streams.errors import BadInput
from opendt_streams.model.canonical import JSON, canonical
from opendt_streams.wire.versions import TYPE, type_name

ID: Final = "ce_id"
SOURCE: Final = "ce_source"  # OURS and the service that wrote the record; opendt/cli or opendt/api where people write
RECORDED: Final = "ce_time"  # when it was written, by the writer's clock
OURS: Final = "opendt/"
SEQUENCE: Final = "opendt_sequence"  # of dc-mock: how many messages it had sent on this topic before
INPUTS: Final = "opendt_inputs"  # {topic: next offset}: what the writer had read
CONFIG: Final = "opendt_config"  # digest of the writer's `started` record
LEDGER: Final = "opendt_ledger"  # ledger offset that the writer had folded
PIN: Final = "opendt_pin"  # ledger offset that the windows up to the next instant use
RESUME: Final = "opendt_resume"  # where a calibrator goes on from this decision

_LONGEST_OFFSET: Final = 19  # digits of an int64
_OFFSETS: Final = TypeAdapter(dict[str, int])


def cloud_event(*, event_id: str, event_type: str, source: str, time: str) -> dict[str, str]:
    return {
        "ce_specversion": "1.0",
        ID: event_id,
        TYPE: type_name(event_type),
        SOURCE: source,
        RECORDED: time,
        "content-type": "application/json",
    }


def json_header(value: JSON) -> str:
    return canonical(value).decode()


def to_kafka(headers: Mapping[str, str]) -> list[tuple[str, bytes]]:
    return [(k, v.encode()) for k, v in headers.items()]


def from_kafka(headers: Iterable[tuple[str, bytes | None]]) -> dict[str, str]:
    """The last value of each key; nothing, and bytes that are not UTF-8, are somebody else's and are left out."""
    readable: dict[str, str] = {}
    for key, raw in headers:
        if raw is None:
            continue
        try:
            readable[key] = raw.decode()
        except UnicodeDecodeError:
            continue
    return readable


def writer_of(headers: Mapping[str, str]) -> str | None:
    """Which service of ours wrote the record; None for strangers."""
    source = headers.get(SOURCE, "")
    return source.removeprefix(OURS) if source.startswith(OURS) else None


def read_inputs(headers: Mapping[str, str]) -> dict[str, int] | None:
    """Next offset of every topic that the writer read; None where the header does not say."""
    try:
        return _OFFSETS.validate_json(headers.get(INPUTS, ""))
    except ValidationError:
        return None


def read_int(headers: Mapping[str, str], key: str) -> int:
    text = headers.get(key, "")
    if not text.isascii() or not text.isdigit() or len(text) > _LONGEST_OFFSET:
        raise BadInput(f"the header {key} is {text[: 2 * _LONGEST_OFFSET]!r}", expected="an offset")
    return int(text)
