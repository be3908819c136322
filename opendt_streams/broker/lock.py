"""The recorded set of jars that make up the embedded Kafka: Maven coordinates, sizes and sha256 digests.

The lock decides which code runs; nothing is resolved on a user's machine. It holds names and versions only, so any
mirror of Maven Central can serve it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

LOCK_FILE = Path(__file__).with_name("kafka.lock.json")


@dataclass(frozen=True, slots=True)
class Jar:
    """One jar of the lock."""

    group: str
    artifact: str
    version: str
    sha256: str
    size_bytes: int

    @property
    def filename(self) -> str:
        return f"{self.artifact}-{self.version}.jar"

    @property
    def path(self) -> str:
        """Where the jar lies in a Maven repository, relative to the repository's root."""
        return f"{self.group.replace('.', '/')}/{self.artifact}/{self.version}/{self.filename}"


@dataclass(frozen=True, slots=True)
class KafkaLock:
    """The Kafka version and every jar of its class path."""

    kafka_version: str
    jars: tuple[Jar, ...]


def read_lock(path: Path = LOCK_FILE) -> KafkaLock:
    """The lock that ships with the package."""
    document = json.loads(path.read_text(encoding="utf-8"))
    jars = []
    for entry in document["jars"]:
        group, artifact, version = entry["coordinates"].split(":")
        jars.append(Jar(group, artifact, version, entry["sha256"], entry["size_bytes"]))
    return KafkaLock(document["kafka_version"], tuple(jars))


def write_lock(lock: KafkaLock, path: Path = LOCK_FILE) -> None:
    """Write the lock in its canonical form: sorted, one jar per entry, the same bytes for the same jars."""
    entries = [
        {"coordinates": f"{jar.group}:{jar.artifact}:{jar.version}", "sha256": jar.sha256, "size_bytes": jar.size_bytes}
        for jar in sorted(lock.jars, key=lambda jar: (jar.group, jar.artifact))
    ]
    document = {"kafka_version": lock.kafka_version, "jars": entries}
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
