"""Whether what records say of other records' bytes is so: dead letters of what could not be processed, heartbeats of snapshots."""

from __future__ import annotations

import base64
from collections.abc import Iterator

from opendt_streams.audit.finding import Finding, place
from opendt_streams.model.canonical import sha256_hex
from opendt_streams.wire.headers import ID
from opendt_streams.wire.messages import Heartbeat, Message
from opendt_streams.wire.record import Record
from opendt_streams.wire.system import UnprocessedRecord, read_unprocessed
from opendt_streams.wire.topics import DEAD_LETTER, PHYSICAL


class Mentions:
    """Takes sys.dead-letter first, then the topics in any order. `missing` says, at the end, what is mentioned and not there."""

    def __init__(self) -> None:
        self._letters: dict[tuple[str, int], tuple[Record, UnprocessedRecord]] = {}
        self._snapshots: set[str] = set()
        self._named: dict[str, Record] = {}

    def take(self, record: Record, message: Message | None) -> Iterator[Finding]:
        if record.topic == DEAD_LETTER:
            yield from self._take_letter(record)
            return
        if record.topic == PHYSICAL:
            self._snapshots.add(sha256_hex(record.value or b""))  # invalid ones count as read too
        if isinstance(message, Heartbeat) and message.snapshot is not None:
            self._named.setdefault(message.snapshot, record)
        known = self._letters.get((record.topic, record.offset))
        if known is not None:
            letter, said = known
            value = record.value or b""
            if (len(value), sha256_hex(value)) != (said.length, said.sha256):
                what = f"a dead letter ({place(letter.topic, letter.partition, letter.offset)}) has other bytes of this record"
                yield Finding(place(record.topic, record.partition, record.offset), what, "tampering", "value")

    def missing(self, *, snapshots: bool) -> Iterator[Finding]:
        """`snapshots`: whether dc.topology is all there."""
        for digest, record in self._named.items() if snapshots else ():
            if digest not in self._snapshots:
                what = f"the heartbeat names the snapshot {digest}; no record on {PHYSICAL} has these bytes"
                yield Finding(place(record.topic, record.partition, record.offset), what, "tampering", "snapshot")

    def _take_letter(self, record: Record) -> Iterator[Finding]:
        letter = read_unprocessed(record.value)
        if letter is None:
            yield self._letter_finding(record, "value", "this is no dead letter")
            return
        self._letters.setdefault((letter.topic, letter.offset), (record, letter))
        expected = place(letter.topic, letter.partition, letter.offset)
        if letter.id != expected or record.headers.get(ID) != expected:
            yield self._letter_finding(
                record, "id", f"the id is {letter.id}, the header {ID} {record.headers.get(ID)}; it is about {expected}"
            )
        if letter.raw_base64 is not None:
            try:
                kept = base64.b64decode(letter.raw_base64, validate=True)
            except ValueError:
                kept = None
            if kept is None or (len(kept), sha256_hex(kept)) != (letter.length, letter.sha256):
                yield self._letter_finding(record, "raw_base64", "the bytes that it keeps are not those that its length and sha256 are of")

    @staticmethod
    def _letter_finding(record: Record, field: str, what: str) -> Finding:
        return Finding(place(record.topic, record.partition, record.offset), what, "tampering", field)
