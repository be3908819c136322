"""The embedded broker keeps what it acknowledged, comes back where its clients look for it, and fails in words."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from opendt_streams.broker import EmbeddedBroker, LogInUse, TopicSettings, bootstrap_servers, declare
from opendt_streams.errors import BrokerUnavailable, Unavailable

pytestmark = pytest.mark.broker

TOPIC = "kept"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker(tmp_path / "kafka", tmp_path / "logs", quiet=True) as running:
        yield running


async def write(producer: AIOKafkaProducer, values: range) -> None:
    for value in values:
        await producer.send_and_wait(TOPIC, str(value).encode(), partition=0)


async def read(url: str) -> list[int]:
    partition = TopicPartition(TOPIC, 0)
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap_servers(url)) as consumer:
        consumer.assign([partition])
        await consumer.seek_to_beginning(partition)
        end = (await consumer.end_offsets([partition]))[partition]
        values: list[int] = []
        while await consumer.position(partition) < end:
            values += [int(record.value) for record in (await consumer.getmany(partition)).get(partition, [])]
    return values


async def test_no_acknowledged_record_is_lost(broker: EmbeddedBroker) -> None:
    """Over a kill -9 with a client that stays connected, and over a clean stop and start."""
    await declare(broker.url, {TOPIC: TopicSettings()}, partitions=1)
    url, first_pid = broker.url, broker.pid
    async with AIOKafkaProducer(bootstrap_servers=bootstrap_servers(url), acks="all") as producer:
        await write(producer, range(100))
        os.kill(broker.pid, signal.SIGKILL)
        broker.restart()
        assert broker.url == url
        assert broker.pid != first_pid
        await write(producer, range(100, 200))
    assert await read(url) == list(range(200))
    broker.stop()
    assert not broker.alive
    broker.start()
    assert await read(broker.url) == list(range(200))


async def test_one_log_one_user(broker: EmbeddedBroker, tmp_path: Path) -> None:
    with pytest.raises(LogInUse, match=rf"{tmp_path / 'kafka'}: .* in use by process {os.getpid()} .*run folder"):
        EmbeddedBroker(tmp_path / "kafka", tmp_path / "elsewhere", quiet=True).start()
    assert broker.alive
    assert broker.start() is broker  # the same one is not a second


def test_a_taken_port_is_said_at_once(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        broker = EmbeddedBroker(tmp_path / "kafka", tmp_path / "logs", port, quiet=True)
        with pytest.raises(BrokerUnavailable, match=rf"port {port} is taken.*another port") as caught:
            broker.start()
    assert caught.value.exit_code == 3
    assert not broker.alive


def test_a_damaged_log_is_explained_in_kafkas_words(broker: EmbeddedBroker, tmp_path: Path) -> None:
    broker.stop()
    meta = tmp_path / "kafka" / "log" / "meta.properties"
    meta.write_text(meta.read_text().replace("node.id=1", "node.id=7"))
    with pytest.raises(BrokerUnavailable, match=r"did not start: Stored node id 7 .*The whole log is .*kafka\.log"):
        broker.start()
    assert not broker.alive


def test_a_java_that_cannot_run_kafka_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "java").write_text('#!/bin/sh\n[ "$1" = -version ] && echo \'version "21"\' >&2 || echo out of luck\n')
    (tmp_path / "java").chmod(0o755)
    monkeypatch.setenv("OPENDT_JAVA", str(tmp_path / "java"))
    with pytest.raises(Unavailable, match=r"did not start: out of luck\. .*kafka-format\.log"):
        EmbeddedBroker(tmp_path / "kafka", tmp_path / "logs", quiet=True).start()


def test_what_is_not_there_says_so(tmp_path: Path) -> None:
    broker = EmbeddedBroker(tmp_path / "kafka", tmp_path / "logs")
    broker.stop()
    assert not broker.alive
    with pytest.raises(BrokerUnavailable, match="does not run"):
        _ = broker.pid
    with pytest.raises(BrokerUnavailable, match="was not started"):
        _ = broker.url
