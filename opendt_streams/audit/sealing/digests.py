"""The seal of a record and of a partition: digests that an auditor can compute without this package (docs/audit.md).

Everything is hashed in one unambiguous form: an integer is 8 bytes, big-endian, signed; bytes are their length as such an integer and then
themselves; nothing (a missing key, value or header value) is the length -1. So no two records have the same form.

    digest of a record    sha256(topic, partition, offset, timestamp, key, number of headers, (name, value) of each, value)
    digest of a part      the first 8 bytes of sha256(the part in the form above): they say which part of a record was changed
    chain                 c[0] = 32 zero bytes, c[i] = sha256(c[i-1] + digest of record i)
    root of a segment     the chain at its last record, in hexadecimal; a segment is 1,000 records
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from opendt_streams.wire.record import Record

SEGMENT: Final = 1_000  # records
SHORT: Final = 4  # bytes of a record's digest that the manifest keeps
PART_BYTES: Final = 8
PARTS: Final = ("key", "timestamp", "headers", "value")
CHAIN_START: Final = bytes(32)

Gap = tuple[int, int]


@dataclass(frozen=True, slots=True)
class RecordSeal:
    """What is kept of a record. `parts` are the digests of PARTS; None where only the digest, or its beginning, is known."""

    offset: int
    timestamp_ms: int
    digest: bytes
    parts: tuple[bytes, ...] | None


@dataclass(frozen=True, slots=True)
class Log:
    """One topic's partition as it was sealed: records with start <= offset < end.

    `start` is where Kafka's log began: what was before it, retention has deleted. `end` is the offset of the next record.
    """

    topic: str
    partition: int
    start: int
    end: int
    rows: Sequence[RecordSeal]

    @property
    def gaps(self) -> list[Gap]:
        """Ranges of offsets, both ends included, that hold no record."""
        edges = [self.start - 1, *(row.offset for row in self.rows), self.end]
        return [(a + 1, b - 1) for a, b in pairwise(edges) if b > a + 1]

    def chain(self) -> list[bytes]:
        """The chain after each record."""
        link, links = CHAIN_START, []
        for row in self.rows:
            link = hashlib.sha256(link + row.digest).digest()
            links.append(link)
        return links


def seal_of(record: Record) -> RecordSeal:
    timestamp, key, value = _integer(record.timestamp_ms), _optional(record.key), _optional(record.value)
    headers = b"".join((_integer(len(record.raw_headers)), *(_text(name) + _optional(v) for name, v in record.raw_headers)))
    place = _text(record.topic) + _integer(record.partition) + _integer(record.offset)
    digest = hashlib.sha256(place + timestamp + key + headers + value).digest()
    parts = tuple(hashlib.sha256(part).digest()[:PART_BYTES] for part in (key, timestamp, headers, value))
    return RecordSeal(record.offset, record.timestamp_ms, digest, parts)


def sealed(records: Iterable[Record]) -> list[RecordSeal]:
    return [seal_of(record) for record in records]


def _integer(number: int) -> bytes:
    return number.to_bytes(8, "big", signed=True)


def _text(text: str) -> bytes:
    return _optional(text.encode("utf-8", "surrogateescape"))


def _optional(content: bytes | None) -> bytes:
    return _integer(-1) if content is None else _integer(len(content)) + content
