"""Ports for servers that we start: free ones on loopback, and listening on one that was asked for."""

from __future__ import annotations

import random
import socket

from opendt_streams.errors import BrokerUnavailable

LOOPBACK = "127.0.0.1"
# Below the range from which systems take the ports of outgoing connections: a client that keeps trying to reconnect
# to a stopped broker would otherwise sooner or later get the broker's own port, and connect to itself.
LOWEST, HIGHEST = 20_000, 32_000
TRIES = 200


def is_free(port: int) -> bool:
    """Whether a server could listen on `port` now (connections of an earlier one, still closing, do not count)."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_port(choose: random.Random, *, besides: int | None = None) -> int:
    """A port that is free now, other than `besides`."""
    for _ in range(TRIES):
        port = choose.randint(LOWEST, HIGHEST)
        if port != besides and is_free(port):
            return port
    raise BrokerUnavailable(f"no free port on {LOOPBACK} between {LOWEST} and {HIGHEST}")


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens on a port of the host, on any with port 0.

    Raises:
        OSError: somebody has the port, or the host is not ours.
    """
    return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)


def answers(port: int, timeout_s: float = 1.0) -> bool:
    """Whether something listens on `port`."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=timeout_s):
            return True
    except OSError:
        return False
