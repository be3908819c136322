"""The settings of the single KRaft node and the Java command lines that format and run it.

All paths are relative to the data folder, which is Java's working directory: Kafka splits `log.dirs` at commas and
reads property files as Latin-1, so a path of the user's does not belong in them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from opendt_streams.broker.ports import LOOPBACK
from opendt_streams.java import class_path
from opendt_streams.wire.topics import MAX_VALUE_BYTES

LOG_FOLDER = "log"
MAX_MESSAGE_BYTES = MAX_VALUE_BYTES
HEADROOM_BYTES = 64 * 2**10  # a record's key, headers and batch framing, on top of its value
FOR_EVER = -1

JVM_OPTIONS = (
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",  # a dead broker is restarted, a crippled one is not
    "-XX:-UsePerfData",
    "-Djava.awt.headless=true",
    "-Dkafka.logs.dir=.",
)


SINGLE = (
    "node.id",
    "num.partitions",
    "default.replication.factor",
    "min.insync.replicas",
    "offsets.topic.num.partitions",
    "offsets.topic.replication.factor",
    "transaction.state.log.num.partitions",
    "transaction.state.log.replication.factor",
    "transaction.state.log.min.isr",
    "share.coordinator.state.topic.num.partitions",
    "share.coordinator.state.topic.replication.factor",
    "share.coordinator.state.topic.min.isr",
)
"""Settings that are 1 because there is one node and nothing here needs a second partition or copy."""


def server_properties(port: int, controller_port: int, log_folder: str = LOG_FOLDER) -> dict[str, str]:
    """The broker's settings; figures and reasons are from measurements of start, restart and memory."""
    one = dict.fromkeys(SINGLE, "1")
    return one | {
        "process.roles": "broker,controller",
        "controller.quorum.voters": f"1@{LOOPBACK}:{controller_port}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"CLIENT://{LOOPBACK}:{port},CONTROLLER://{LOOPBACK}:{controller_port}",
        "advertised.listeners": f"CLIENT://{LOOPBACK}:{port}",
        "inter.broker.listener.name": "CLIENT",
        "listener.security.protocol.map": "CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": log_folder,
        # A topic that nobody declared is a mistake: it must fail, not appear with a wrong partition count.
        "auto.create.topics.enable": "false",
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",
        # After a kill -9 the old registration must expire before the broker is let in again.
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "500",
        "message.max.bytes": str(MAX_MESSAGE_BYTES + HEADROOM_BYTES),
        # The log is the truth, and a run may be resumed after months: nothing expires, committed offsets neither.
        "log.retention.ms": str(FOR_EVER),
        "offsets.retention.minutes": str(2**31 - 1),
        # One node on a laptop: the defaults size these for a server.
        "log.cleaner.dedupe.buffer.size": str(16 * 2**20),
        "num.network.threads": "2",
        "num.io.threads": "4",
        "background.threads": "2",
    }


def as_text(properties: Mapping[str, str]) -> str:
    """In the form of a Java property file; our values need no escapes."""
    return "".join(f"{name}={value}\n" for name, value in sorted(properties.items()))


def format_command(java: Path, jars: Sequence[Path], cluster_id: str, properties_file: str) -> list[str]:
    """Prepares an empty log folder, once in its life."""
    return _java(java, jars, (), "kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", properties_file)


def server_command(java: Path, jars: Sequence[Path], *, data_dir: Path, log_dir: Path, properties_file: str) -> list[str]:
    """Runs the broker. Temporary files (native libraries of the compressors) stay in the data folder.

    Where Java and log4j look for `%` and `${` in a path, it is the one from the data folder, in which there is no name of the user's.
    """
    logs = os.path.relpath(log_dir.resolve(), data_dir.resolve())
    options = (
        f"-Djava.io.tmpdir={data_dir / 'tmp'}",
        f"-XX:ErrorFile={logs}/kafka-crash-%p.log",
        f"-Dlog4j2.configurationFile={Path(__file__).with_name('log4j2.xml').as_uri()}",
        f"-Dopendt.kafka.log={logs}/kafka.log",
    )
    return _java(java, jars, options, "kafka.Kafka", properties_file)


def _java(java: Path, jars: Sequence[Path], options: Sequence[str], main: str, *arguments: str) -> list[str]:
    return [str(java), *JVM_OPTIONS, *options, "-cp", class_path(jars), main, *arguments]
