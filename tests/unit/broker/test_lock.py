"""The lock names exactly what runs, and nothing about where it comes from."""

from __future__ import annotations

import re
from pathlib import Path

from opendt_streams.broker.lock import LOCK_FILE, Jar, KafkaLock, read_lock, write_lock


def test_the_shipped_lock_has_kafka_its_tools_and_a_log_binding() -> None:
    lock = read_lock()
    versions = {jar.artifact: jar.version for jar in lock.jars}
    assert versions["kafka_2.13"] == versions["kafka-clients"] == lock.kafka_version
    assert versions["log4j-slf4j-impl"] == versions["log4j-core"] == versions["log4j-api"]
    assert all(re.fullmatch("[0-9a-f]{64}", jar.sha256) and jar.size_bytes > 0 for jar in lock.jars)
    assert len({jar.filename for jar in lock.jars}) == len(lock.jars)


def test_the_shipped_lock_is_canonical(tmp_path: Path) -> None:
    write_lock(read_lock(), tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == LOCK_FILE.read_bytes()


def test_the_shipped_lock_names_no_host() -> None:
    assert "://" not in LOCK_FILE.read_text(encoding="utf-8")


def test_a_jar_knows_its_place_in_a_maven_repository() -> None:
    jar = Jar("org.apache.kafka", "kafka_2.13", "4.4.0", "0" * 64, 1)
    assert jar.path == "org/apache/kafka/kafka_2.13/4.4.0/kafka_2.13-4.4.0.jar"


def test_the_order_of_resolution_does_not_show(tmp_path: Path) -> None:
    jars = (Jar("b", "x", "1", "1" * 64, 1), Jar("a", "y", "2", "2" * 64, 2))
    write_lock(KafkaLock("1", jars), tmp_path / "one")
    write_lock(KafkaLock("1", jars[::-1]), tmp_path / "two")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert read_lock(tmp_path / "one").jars == jars[::-1]
