"""Broker addresses, and servers that do not answer as a Kafka should."""

from __future__ import annotations

import asyncio
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opendt_streams.broker import bootstrap_servers, reachable
from opendt_streams.errors import BadInput, BrokerUnavailable

HOSTS = st.from_regex(r"[a-z][a-z0-9-]{0,10}(\.[a-z]{2,5}){0,2}", fullmatch=True)
PORTS = st.integers(1, 65535)


@pytest.mark.parametrize(
    ("url", "servers"),
    [
        ("kafka://one:9093", ["one:9093"]),
        ("kafka://one", ["one:9092"]),
        ("kafka://one:1;kafka://two:2", ["one:1", "two:2"]),
        ("kafka://one:1;two:2", ["one:1", "two:2"]),
        (" kafka://10.0.0.1:9092/ ", ["10.0.0.1:9092"]),
        ("kafka://[::1]:9092", ["[::1]:9092"]),
    ],
)
def test_addresses(url: str, servers: list[str]) -> None:
    assert bootstrap_servers(url) == servers


@given(st.lists(st.tuples(HOSTS, PORTS), min_size=1, max_size=4))
def test_joining_and_splitting_are_inverse(servers: list[tuple[str, int]]) -> None:
    url = ";".join(f"kafka://{host}:{port}" for host, port in servers)
    assert bootstrap_servers(url) == [f"{host}:{port}" for host, port in servers]


@pytest.mark.parametrize(
    "url",
    ["", "one:9092", "http://one:9092", "kafka://", "kafka://one:0", "kafka://one:65536", "kafka://one:x",
     "kafka://one:1;", "kafka://user:secret@one:1", "kafka://one:1/topic", "kafka://one two"],
)  # fmt: skip
def test_anything_else_is_bad_input(url: str) -> None:
    with pytest.raises(BadInput, match="expected kafka://HOST:PORT"):
        bootstrap_servers(url)


async def test_nobody_there() -> None:
    with pytest.raises(BrokerUnavailable, match=r"kafka://127.0.0.1:1: .*connection refused.*embedded"):
        await reachable("kafka://127.0.0.1:1", timeout_s=0.2)


async def test_an_unknown_host_is_not_a_stack_trace() -> None:
    with pytest.raises(BrokerUnavailable, match="no Kafka answers"):
        await reachable("kafka://host.invalid:9092", timeout_s=0.2)


async def test_a_server_that_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"kafka://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(BrokerUnavailable, match="no answer in time"):
            await reachable(url, timeout_s=0.2)


async def test_a_server_of_another_kind() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        url = f"kafka://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(BrokerUnavailable, match="not a Kafka"):
            await reachable(url, timeout_s=0.2)
