"""The topics of a sealed folder against the seal: every record, and what the manifest says of them all together."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Final, Literal

from opendt_streams.audit.bundle.packing import MANIFEST_FILE, SEALS_FILE, TOPIC_FILES
from opendt_streams.audit.bundle.rows import Unreadable, rows
from opendt_streams.audit.evidence import DamagedEvidence
from opendt_streams.audit.finding import Finding, place
from opendt_streams.audit.sealing.compare import differences
from opendt_streams.audit.sealing.digests import CHAIN_START, SHORT, Log, RecordSeal
from opendt_streams.audit.sealing.digests_file import Seals
from opendt_streams.audit.sealing.manifest import Manifest, Partition, partition_of
from opendt_streams.audit.sealing.seal import Sealed, log_of
from opendt_streams.wire.record import Record

MOST_LISTED: Final = 20  # findings of a topic; the rest is counted
_EXTRA: Final = 10_000  # records that are read beyond those that were sealed

Damage = Literal["damage", "tampering"]


@dataclass(frozen=True, slots=True)
class TopicFile:
    """A topic's file in an unpacked bundle. `probe` says why it cannot even be tried to read it; None if it can.

    `seals_whole`: the bundle's seals are the file that was sealed.
    """

    path: Path
    intact: bool
    cause: Damage
    probe: Callable[[Path], str | None]
    seals_whole: bool


def topic_findings(topic: str, file: TopicFile, manifest: Manifest, seals: Seals, into: Sealed) -> Iterator[Finding]:
    """What is not as it was sealed; the records are added to `into` on the way, if they can be read."""
    entry = manifest.topic(topic)
    assert entry is not None  # a manifest lists all topics
    broken = None if file.intact or not file.path.is_file() else file.probe(file.path)
    if broken is not None:
        yield Finding(TOPIC_FILES[topic], broken, "damage")
        return
    unreadable: list[Unreadable] = []
    try:
        into.add(topic, _read(file.path, topic, manifest.partition, entry.count + _EXTRA, unreadable))
    except DamagedEvidence as error:
        into.logs.pop(topic, None)
        yield Finding(TOPIC_FILES[topic], error.what, "damage")
        return
    log = into.logs[topic]
    before = sealed_rows(entry, seals.get(topic, []), whole=file.seals_whole)
    for hole in unreadable:
        lost, before = before[hole.first : hole.first + hole.count], _without(before, hole)
        yield _lost(topic, manifest.partition, lost, hole)
    found = [replace(f, cause=file.cause) for f in differences(topic, manifest.partition, *_comparable(before, log.rows))]
    yield from capped(found, topic)
    if not found and not unreadable:
        yield from _entry_differences(entry, log_of(into.info, topic, list(log.rows)))


def _read(path: Path, topic: str, partition: int, most: int, unreadable: list[Unreadable]) -> Iterator[Record]:
    for row in rows(path, topic, partition, most):
        if isinstance(row, Unreadable):
            unreadable.append(row)
        else:
            yield row


def sealed_rows(entry: Partition, seals: Sequence[RecordSeal], *, whole: bool) -> list[RecordSeal]:
    """What the manifest knows of each record, and what the seals add where the manifest agrees with them.

    `whole`: the seals are the file that was sealed. Of others nothing is believed that the manifest does not say, but which part changed.
    """
    known: list[RecordSeal] = []
    for i, (offset, short) in enumerate(zip(islice(entry.offsets(), entry.count), shorts(entry), strict=False)):
        seal = seals[i] if i < len(seals) else None
        agrees = seal is not None and seal.offset == offset and seal.digest[:SHORT] == short
        if seal is None or not agrees:
            known.append(RecordSeal(offset, 0, short, None))
        else:
            known.append(seal if whole else replace(seal, digest=short))
    return known


def shorts(entry: Partition) -> Iterator[bytes]:
    for segment in entry.segments:
        raw = bytes.fromhex(segment.records)
        yield from (raw[at : at + SHORT] for at in range(0, len(raw), SHORT))


def capped(found: list[Finding], topic: str) -> Iterator[Finding]:
    yield from found[:MOST_LISTED]
    if len(found) > MOST_LISTED:
        rest = found[MOST_LISTED:]
        what = f"{len(rest)} more differences, the last at {rest[-1].where}"
        yield Finding(topic, what, rest[0].cause, consequences=len(rest) + sum(f.consequences for f in rest))


def _comparable(before: Sequence[RecordSeal], now: Sequence[RecordSeal]) -> tuple[Sequence[RecordSeal], Sequence[RecordSeal]]:
    """Digests of equal length on both sides."""
    if all(len(row.digest) > SHORT for row in before):
        return before, now
    return [_shortened(row) for row in before], [_shortened(row) for row in now]


def _shortened(row: RecordSeal) -> RecordSeal:
    return replace(row, digest=row.digest[:SHORT])


def _without(before: list[RecordSeal], hole: Unreadable) -> list[RecordSeal]:
    return before[: hole.first] + before[hole.first + hole.count :]


def _lost(topic: str, partition: int, lost: Sequence[RecordSeal], hole: Unreadable) -> Finding:
    where = place(topic, partition, lost[0].offset) if lost else TOPIC_FILES[topic]
    span = f"records from offset {lost[0].offset} to {lost[-1].offset}" if lost else f"{hole.count} rows"
    return Finding(where, f"{span} cannot be read: {hole.reason}", "damage", hole.field, max(0, hole.count - 1))


def _entry_differences(entry: Partition, log: Log) -> Iterator[Finding]:
    """Every record is as sealed, so it is the manifest that says otherwise."""
    expected = partition_of(log)
    link = CHAIN_START
    at = 0
    for i, segment in enumerate(entry.segments):
        members = log.rows[at : at + segment.count]
        at += segment.count
        for row in members:
            link = hashlib.sha256(link + row.digest).digest()
        if members and link.hex() != segment.root:
            where = f"{MANIFEST_FILE}: {place(log.topic, log.partition, members[0].offset)}"
            what = f"the records from here to offset {members[-1].offset} give the root {link.hex()}, not {segment.root}"
            yield Finding(where, what, "tampering", f"segments.{i}.root")
            link = bytes.fromhex(segment.root)
    for name, value in _said(entry).items():
        if (should := _said(expected)[name]) != value:
            what = f"it is {value}; the records give {should}"
            yield Finding(f"{MANIFEST_FILE}: {log.topic}", what, "tampering", name)


def _said(entry: Partition) -> dict[str, Any]:
    """What an entry says, but for the roots of segments."""
    document = entry.model_dump()
    segments = [{k: v for k, v in s.items() if k != "root"} for s in document.pop("segments")]
    return document | {f"segments.{i}": s for i, s in enumerate(segments)} | {"segments": len(segments)}


def seals_differ(manifest: Manifest, seals: Seals) -> Iterator[Finding]:
    """Seals that are the file that was sealed, and still not those of the manifest's records."""
    for entry in manifest.topics:
        rows_, known = seals.get(entry.topic, []), sealed_rows(entry, seals.get(entry.topic, []), whole=True)
        wrong = [row for row in known if row.parts is None]
        if wrong or len(rows_) != len(known):
            offset = wrong[0].offset if wrong else entry.end
            what = f"from here on {len(wrong) or abs(len(rows_) - len(known))} of the seals are not those of the manifest"
            yield Finding(f"{SEALS_FILE}: {place(entry.topic, entry.partition, offset)}", what, "tampering", "digest")
