"""Maintainers' tool: resolve a Kafka version anew and record its jars, `python -m opendt_streams.broker.relock 4.4.0`.

Resolution happens here, once per Kafka version, and not on users' machines: they fetch exactly what the lock names.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import jgo

from opendt_streams.broker.lock import LOCK_FILE, Jar, KafkaLock, write_lock

KAFKA = "org.apache.kafka:kafka_2.13"
LOG4J = "org.apache.logging.log4j"


def resolve(kafka_version: str) -> KafkaLock:
    """Kafka's runtime dependencies, and the slf4j binding of the log4j that is among them (Kafka ships none)."""
    artifacts = list(jgo.resolve(f"{KAFKA}:{kafka_version}"))
    log4j_version = next(a.version for a in artifacts if a.groupId == LOG4J and a.artifactId == "log4j-core")
    binding = jgo.resolve(f"{LOG4J}:log4j-slf4j-impl:{log4j_version}")
    artifacts += [a for a in binding if a.artifactId == "log4j-slf4j-impl"]
    jars = []
    for artifact in artifacts:
        content = Path(artifact.resolve()).read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        jars.append(Jar(artifact.groupId, artifact.artifactId, artifact.version, digest, len(content)))
    return KafkaLock(kafka_version, tuple(jars))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kafka_version", help="for example 4.4.0")
    write_lock(resolve(parser.parse_args().kafka_version), LOCK_FILE)


if __name__ == "__main__":
    main()
