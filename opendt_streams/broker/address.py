"""Broker addresses, and whether somebody answers there."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aiokafka.conn import create_conn
from aiokafka.errors import KafkaError
from aiokafka.protocol.metadata import MetadataRequest

from opendt_streams.errors import BadInput, BrokerUnavailable

SCHEME = "kafka://"
DEFAULT_PORT = 9092
LOOK_S = 0.02
_SERVER = re.compile(r"(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>\d{1,5}))?/?")


def bootstrap_servers(url: str) -> list[str]:
    """`kafka://one:9092;kafka://two` as the list that Kafka clients take: `["one:9092", "two:9092"]`.

    Raises `BadInput` for anything else.
    """
    return [f"{host}:{port}" for host, port in _servers(url)]


async def reachable(url: str, timeout_s: float = 5.0, cluster_id: str | None = None) -> None:
    """Return once one of the servers of `url` answers as a Kafka with a broker in service.

    Args:
        url: `kafka://HOST:PORT`, several joined by `;`.
        timeout_s: how long to go on asking.
        cluster_id: take the answer of this very cluster only.

    Raises `BadInput` for a bad address, `BrokerUnavailable` with the ways out when none does within `timeout_s`.
    """
    servers = _servers(url)
    deadline = time.monotonic() + timeout_s
    while True:
        for host, port in servers:
            left_s = max(0.05, deadline - time.monotonic()) / len(servers)
            try:
                answer = await _ask(host.strip("[]"), port, left_s)
                if not answer.brokers:
                    reason = "it has no broker in service"
                elif cluster_id not in (None, answer.cluster_id):
                    reason = "another cluster answers"
                else:
                    return
            except (TimeoutError, OSError, KafkaError) as error:
                reason = _reason(error)
        if time.monotonic() >= deadline:
            raise BrokerUnavailable(
                f"no Kafka answers: {reason}",
                where=";".join(f"{SCHEME}{host}:{port}" for host, port in servers),
                hint="Check the address and that the cluster runs, or leave out --broker and OPENDT_BROKER to use the embedded one",
            )
        await asyncio.sleep(LOOK_S)


def require_reachable(url: str, timeout_s: float = 5.0) -> None:
    """`reachable` for callers that are not in a coroutine (whether or not their thread runs an event loop)."""
    with ThreadPoolExecutor(1, thread_name_prefix="reachable") as thread:
        thread.submit(asyncio.run, reachable(url, timeout_s)).result()


def _servers(url: str) -> Sequence[tuple[str, int]]:
    parts = url.strip().split(";")
    servers = []
    for part in parts:
        match = _SERVER.fullmatch(part.strip().removeprefix(SCHEME))
        port = int(match["port"] or DEFAULT_PORT) if match else 0
        if not match or not 0 < port < 65536 or not url.strip().startswith(SCHEME):
            raise BadInput(
                f"{part.strip()!r} is not a Kafka address",
                expected="kafka://HOST:PORT, several joined by ;",
                where="--broker or OPENDT_BROKER",
            )
        servers.append((match["host"], port))
    return servers


async def _ask(host: str, port: int, timeout_s: float) -> Any:
    """What the server at this address knows of its cluster. A starting Kafka answers when it is ready to serve."""
    async with asyncio.timeout(timeout_s):
        connection = await create_conn(host, port, client_id="opendt", request_timeout_ms=int(timeout_s * 1000) + 1)
        try:
            return await connection.send(MetadataRequest([]))
        finally:
            connection.close()


def _reason(error: BaseException) -> str:
    if isinstance(error, asyncio.TimeoutError):
        return "no answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return "what answers there is not a Kafka, or wants TLS or a login"
