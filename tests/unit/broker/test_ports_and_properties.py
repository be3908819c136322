"""Loopback only, free ports, and a property file that Kafka reads as meant."""

from __future__ import annotations

import random
import socket
from pathlib import Path

from opendt_streams.broker.ports import HIGHEST, LOWEST, answers, free_port, is_free
from opendt_streams.broker.properties import as_text, server_command, server_properties


def test_a_port_that_is_listened_on_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not is_free(port)
        assert answers(port)
    assert is_free(port)
    assert not answers(port)


def test_free_ports_are_below_those_of_outgoing_connections() -> None:
    ports = {free_port(random.Random(seed)) for seed in range(20)}
    assert all(LOWEST <= port <= HIGHEST for port in ports)
    assert len(ports) > 10


def test_a_taken_port_is_passed_over() -> None:
    first = free_port(random.Random(7))
    assert free_port(random.Random(7), besides=first) != first
    with socket.create_server(("127.0.0.1", first)):
        assert free_port(random.Random(7)) != first


def test_nothing_listens_beyond_loopback() -> None:
    properties = server_properties(21_000, 21_001)
    for name in ("listeners", "advertised.listeners", "controller.quorum.voters"):
        assert "127.0.0.1:21" in properties[name]
        assert "0.0.0.0" not in properties[name]


def test_the_property_file_needs_no_escapes() -> None:
    text = as_text(server_properties(1, 2))
    assert text.isascii()
    assert "\\" not in text
    assert text == as_text(dict(reversed(server_properties(1, 2).items())))


def test_every_jar_is_on_the_class_path() -> None:
    jars = [Path("/c/one.jar"), Path("/c/two.jar")]
    command = server_command(Path("/j/java"), jars, data_dir=Path("/d"), log_dir=Path("/l"), properties_file="server.properties")
    assert command[command.index("-cp") + 1] == "/c/one.jar:/c/two.jar"
    assert command[-2:] == ["kafka.Kafka", "server.properties"]
