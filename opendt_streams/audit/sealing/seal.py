"""Sealing a folder of evidence: every record's digest, every topic's chain, every file, under one root."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from opendt_streams.audit.bundle.packing import MANIFEST_FILE, NAMES, SEALS_FILE
from opendt_streams.audit.evidence import Evidence, RunInfo
from opendt_streams.audit.sealing.digests import Log, RecordSeal, seal_of
from opendt_streams.audit.sealing.digests_file import write_seals
from opendt_streams.audit.sealing.event_times import EventTimes
from opendt_streams.audit.sealing.manifest import Manifest, Partition, partition_of
from opendt_streams.wire import topics
from opendt_streams.wire.record import Record
from opendt_streams.wire.system import read_started
from opendt_streams.wire.topics import ALL_TOPICS

_CHUNK: Final = 2**20


@dataclass(slots=True)
class Sealed:
    """What one reading of all topics gives. `logs` are in the order of ALL_TOPICS."""

    info: RunInfo
    logs: dict[str, Log] = field(default_factory=dict)
    event_time_ms: dict[str, tuple[int, int]] = field(default_factory=dict)
    started: list[str] = field(default_factory=list)

    def add(self, topic: str, records: Iterable[Record]) -> None:
        """All records of the next topic."""
        times, rows = EventTimes(), []
        for record in records:
            rows.append(seal_of(record))
            times.take(record)
            if topic == topics.CONFIG and (started := read_started(record.value)) is not None:
                self.started.append(started.id)
        self.logs[topic] = log_of(self.info, topic, rows)
        if times.range_ms is not None:
            self.event_time_ms[topic] = times.range_ms

    def manifest(self, files: dict[str, str]) -> Manifest:
        return self.manifest_over([partition_of(log) for log in self.logs.values()], files)

    def manifest_over(self, partitions: list[Partition], files: dict[str, str]) -> Manifest:
        info = self.info
        unsigned = Manifest(
            run=info.run,
            datacenter=info.datacenter,
            partition=info.partition,
            partitions=info.partitions,
            code_version=info.code_version,
            started=self.started,
            event_time_ms=self.event_time_ms,
            topics=partitions,
            files=files,
        )
        return unsigned.signed()

    def rows(self) -> dict[str, list[RecordSeal]]:
        return {topic: list(log.rows) for topic, log in self.logs.items()}


def log_of(info: RunInfo, topic: str, rows: list[RecordSeal]) -> Log:
    """With its ends as Kafka told them; those of an evidence that does not say are its first and last record."""
    first, last = (rows[0].offset, rows[-1].offset) if rows else (0, -1)
    start, end = info.log.get(topic, (first, last + 1))
    return Log(topic, info.partition, start, end, rows)


def read_all(evidence: Evidence) -> Sealed:
    """Seal the topics of an evidence.

    Raises:
        DamagedEvidence: one of its files cannot be read.
    """
    sealed = Sealed(evidence.info)
    for topic in ALL_TOPICS:
        sealed.add(topic, evidence.records(topic))
    return sealed


def write_seal(folder: Path, sealed: Sealed) -> Manifest:
    """Complete a folder of evidence with its seals and its manifest; every other file must be there."""
    write_seals(folder / SEALS_FILE, sealed.rows())
    manifest = sealed.manifest(dict(file_digests(folder)))
    (folder / MANIFEST_FILE).write_bytes(manifest.content())
    return manifest


def file_digests(folder: Path) -> Iterator[tuple[str, str]]:
    """sha256 of every file of a bundle but the manifest, in the bundle's order."""
    for name in NAMES:
        if name != MANIFEST_FILE and (folder / name).is_file():
            yield name, sha256_of(folder / name)


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
