"""Where the page of a run is, and who gives way when a port is taken."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from random import Random

import pytest

from opendt_streams.broker.ports import free_port
from opendt_streams.errors import Unavailable
from opendt_streams.run import page as module
from opendt_streams.run.page import Page, find_page
from opendt_streams.settings import load
from opendt_streams.settings.sections import ApiSettings


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def api(port: int, **more: object) -> ApiSettings:
    return load(None, {"api.port": port, **more}).settings.api


def test_a_port_that_was_asked_for_is_not_exchanged(taken: int) -> None:
    with pytest.raises(Unavailable, match=f"nothing can listen on port {taken} of 127.0.0.1"):
        find_page(api(taken), asked=True)


def test_a_port_that_nobody_asked_for_gives_way(taken: int) -> None:
    found = find_page(api(taken), asked=False)
    assert found is not None
    with found.listening:
        assert found.port != taken
    assert str(taken) in found.note


def test_without_the_api_there_is_no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    assert find_page(api(8000), asked=True) is None


@pytest.mark.parametrize(
    ("host", "tls", "url"),
    [
        ("127.0.0.1", False, "http://127.0.0.1:{}/"),
        ("0.0.0.0", True, "https://127.0.0.1:{}/"),
        ("::1", False, "http://[::1]:{}/"),
        ("twin.example.org", False, "http://twin.example.org:{}/"),
    ],
)
def test_its_address_is_one_to_click_on(host: str, tls: bool, url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        assert Page(host, listening, tls).url == url.format(listening.getsockname()[1])


def test_who_comes_early_waits() -> None:
    """The socket listens from the start: a client is connected before anybody serves it."""
    found = find_page(api(free_port(Random())), asked=True)
    assert found is not None
    with found.listening, socket.create_connection(("127.0.0.1", found.port), timeout=5) as client:
        server, _ = found.listening.accept()
        with server:
            server.sendall(b"hello")
        assert client.recv(5) == b"hello"


def test_a_host_that_is_not_ours_is_refused() -> None:
    with pytest.raises(Unavailable, match=r"192\.0\.2\.1"):
        find_page(api(8000, **{"api.host": "192.0.2.1"}), asked=False)
