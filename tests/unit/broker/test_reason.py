"""One sentence out of Kafka's logs."""

from __future__ import annotations

from pathlib import Path

import pytest

from opendt_streams.broker.reason import size_of, why_not_started

OLD = "2026-01-01T00:00:00.000Z ERROR KafkaServer an error of last week\n"
INFO = "2026-01-01T00:00:01.000Z INFO  KafkaServer starting\n"
BIND = """\
2026-01-01T00:00:02.000Z ERROR KafkaRaftServer Exiting Kafka due to fatal exception during startup.
org.apache.kafka.common.KafkaException: Socket server failed to bind to 127.0.0.1:9092: Address already in use.
\tat kafka.network.Acceptor.openServerSocket(SocketServer.scala:678)
Caused by: java.net.BindException: Address already in use
"""


@pytest.mark.parametrize(
    ("log", "console", "reason"),
    [
        (INFO + BIND, "", "Socket server failed to bind to 127.0.0.1:9092: Address already in use"),
        ("2026-01-01T00:00:02.000Z ERROR BrokerServer No space   left\n", "", "No space left"),
        ("2026-01-01T00:00:02.000Z FATAL X died\njava.lang.NullPointerException\n", "", "NullPointerException"),
        (INFO, "WARNING: x\nError: could not allocate heap.\n\n", "Error: could not allocate heap"),
        (INFO, "Exception in thread main\n\tat a.B.c(D.java:1)\n", "Exception in thread main"),
        ("", "", "it ended without a word"),
    ],
)
def test_reasons(tmp_path: Path, log: str, console: str, reason: str) -> None:
    log_file, console_file = tmp_path / "kafka.log", tmp_path / "console"
    log_file.write_text(OLD)
    begins_at = size_of(log_file)
    log_file.write_text(OLD + log)
    console_file.write_text(console)
    assert why_not_started(log_file, begins_at, console_file) == reason


def test_logs_that_were_never_written(tmp_path: Path) -> None:
    assert size_of(tmp_path / "no") == 0
    assert why_not_started(tmp_path / "no", 0, tmp_path / "neither") == "it ended without a word"


def test_a_log_that_was_rolled_meanwhile_is_read_from_its_start(tmp_path: Path) -> None:
    (tmp_path / "log").write_text(BIND)
    assert "Address already in use" in why_not_started(tmp_path / "log", 10_000_000, tmp_path / "console")
