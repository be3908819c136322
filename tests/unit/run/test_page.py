"""Where the page of a run is, and who gives way when a port is taken."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

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
    with pytest.raises(Unavailable, match=f"the port {taken} is taken"):
        find_page(api(taken), asked=True)


def test_a_port_that_nobody_asked_for_gives_way(taken: int) -> None:
    found = find_page(api(taken), asked=False)
    assert found is not None
    assert found.port != taken
    assert str(taken) in found.note


def test_without_the_api_there_is_no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    assert find_page(api(8000), asked=True) is None


@pytest.mark.parametrize(
    ("page", "url"),
    [
        (Page("127.0.0.1", 8000, tls=False), "http://127.0.0.1:8000/"),
        (Page("0.0.0.0", 8000, tls=True), "https://127.0.0.1:8000/"),
        (Page("::1", 9, tls=False), "http://[::1]:9/"),
        (Page("twin.example.org", 443, tls=True), "https://twin.example.org:443/"),
    ],
)
def test_its_address_is_one_to_click_on(page: Page, url: str) -> None:
    assert page.url == url
