"""manifest.json: what a seal is of, partition by partition and file by file, under one root.

It is canonical JSON (RFC 8785), holds no time of its making, and so is the same, byte for byte, whoever seals the same records.

    log_root    sha256 over the canonical JSON of `topics`: of the records alone, so a run folder and a bundle of it share it
    root        sha256 over the canonical JSON of the whole manifest without `root`
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from opendt_streams.audit.bundle.packing import MANIFEST_FILE
from opendt_streams.audit.evidence import DamagedEvidence
from opendt_streams.audit.sealing.digests import SEGMENT, SHORT, Log
from opendt_streams.model.canonical import LARGEST_EXACT, canonical, digest
from opendt_streams.wire.fields import first_problem
from opendt_streams.wire.topics import ALL_TOPICS

FORMAT: Final = 1

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
_UNSIGNED: Final = "0" * 64


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Segment(_Strict):
    """Up to 1,000 records. `root`: the chain at the last one; `records`: the first 4 bytes of each record's digest, in hexadecimal."""

    first_offset: int
    last_offset: int
    count: int
    root: Sha256
    records: Annotated[str, Field(pattern="^([0-9a-f]{8})*$")]


class Partition(_Strict):
    """The seal of one topic. Times are Kafka's timestamps, the smallest and the largest; None where there is no record."""

    topic: str
    partition: int
    start: int
    end: int
    count: int
    first_offset: int | None
    last_offset: int | None
    first_timestamp_ms: int | None
    last_timestamp_ms: int | None
    gaps: list[tuple[int, int]]
    segments: list[Segment]
    root: Sha256

    def offsets(self) -> Iterator[int]:
        """Of its records, as the ends and the gaps say."""
        at = self.start
        for first, last in [*self.gaps, (self.end, self.end)]:
            yield from range(at, first)
            at = last + 1


class Manifest(_Strict):
    """Attributes:
    started: the ids of the records on sys.config that say with which code and settings the twin spoke.
    event_time_ms: by topic the first and last time that its records speak of.
    files: sha256 of every other file in the bundle; nothing where a run folder was sealed.
    """

    format: int = FORMAT
    run: str
    datacenter: str
    partition: int
    partitions: int
    code_version: str
    started: list[Sha256]
    event_time_ms: dict[str, tuple[int, int]]
    topics: list[Partition]
    files: dict[str, Sha256]
    log_root: Sha256 = _UNSIGNED
    root: Sha256 = _UNSIGNED

    def topic(self, name: str) -> Partition | None:
        return next((t for t in self.topics if t.topic == name), None)

    def content(self) -> bytes:
        return canonical(self.model_dump())

    def signed(self) -> Manifest:
        """The manifest with the roots that belong to what else it says."""
        document = self.model_dump() | {"log_root": log_root_of([t.model_dump() for t in self.topics])}
        return self.model_copy(update={"log_root": document["log_root"], "root": root_of(document)})


def partition_of(log: Log) -> Partition:
    """The entry of one topic in a manifest."""
    chain = log.chain()
    times = [row.timestamp_ms for row in log.rows if abs(row.timestamp_ms) < LARGEST_EXACT]  # what JSON numbers can say
    segments = []
    for first in range(0, len(log.rows), SEGMENT):
        rows = log.rows[first : first + SEGMENT]
        segments.append(
            Segment(
                first_offset=rows[0].offset,
                last_offset=rows[-1].offset,
                count=len(rows),
                root=chain[first + len(rows) - 1].hex(),
                records=b"".join(row.digest[:SHORT] for row in rows).hex(),
            )
        )
    return Partition(
        topic=log.topic,
        partition=log.partition,
        start=log.start,
        end=log.end,
        count=len(log.rows),
        first_offset=log.rows[0].offset if log.rows else None,
        last_offset=log.rows[-1].offset if log.rows else None,
        first_timestamp_ms=min(times, default=None),
        last_timestamp_ms=max(times, default=None),
        gaps=log.gaps,
        segments=segments,
        root=(chain[-1] if chain else bytes(32)).hex(),
    )


def log_root_of(partitions: Sequence[Mapping[str, Any]]) -> str:
    return digest(list(partitions))


def root_of(document: Mapping[str, Any]) -> str:
    return digest({key: value for key, value in document.items() if key != "root"})


def read_manifest(raw: bytes) -> Manifest:
    """A manifest that may have been altered: whether its roots are right is for whoever asks.

    Raises:
        DamagedEvidence: it is no manifest, or not in its canonical form.
    """
    try:
        manifest = Manifest.model_validate_json(raw)
        known = manifest.content() == raw
    except ValidationError as error:
        raise DamagedEvidence(f"no manifest: {first_problem(error)}", where=MANIFEST_FILE) from None
    except (ValueError, RecursionError) as error:
        raise DamagedEvidence(f"no manifest: {error}", where=MANIFEST_FILE) from None
    if not known:
        raise DamagedEvidence("not in its canonical form (RFC 8785)", where=MANIFEST_FILE)
    if manifest.format != FORMAT:
        raise DamagedEvidence(f"a manifest of format {manifest.format}", expected=f"format {FORMAT}", where=MANIFEST_FILE)
    if [t.topic for t in manifest.topics] != list(ALL_TOPICS):
        raise DamagedEvidence("the manifest does not list every topic once, in order", where=MANIFEST_FILE)
    return manifest
