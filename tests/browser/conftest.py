"""A real Chromium, and pages in it that tell at their end what they complained of and whom they asked."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from opendt_streams.wire import topics
from opendt_streams.wire.record import Record
from tests.browser.served import Served, Wall
from tests.unit.api.site import STEP, T0, logs

ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)
WINDOWS = 24
PATIENCE_MS = 10_000


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Package scope: playwright's event loop ends before asynchronous tests of other folders begin."""
    found = shutil.which("chromium")
    if found is None:
        pytest.skip("no chromium on this machine: apt-get install chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=list(ARGUMENTS))
        yield started
        started.close()


@pytest.fixture(scope="session")
def past_and_future() -> tuple[list[Record], list[Record]]:
    """What the topics hold when the page opens: two hours; and what comes after."""
    found = logs(WINDOWS + 6, measured_w=lambda time_ms: 28.0 + time_ms // STEP % 5)
    past = {**found, topics.RESULTS: found[topics.RESULTS][:WINDOWS], topics.POWER: found[topics.POWER][:WINDOWS]}
    order = (topics.LEDGER, topics.CALIBRATION, topics.RESULTS, topics.POWER)
    future = [record for topic in (topics.POWER, topics.RESULTS) for record in found[topic][WINDOWS:]]
    return [record for topic in order for record in past[topic]], future


@pytest.fixture
def served(past_and_future: tuple[list[Record], list[Record]]) -> Iterator[Served]:
    with Served(past_and_future[0], Wall(T0 + 1_000)) as found:
        yield found


class Watched:
    """Contexts of one test: errors on consoles, failed pages, and requests to anywhere but the server."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self.contexts: list[BrowserContext] = []
        self.complaints: list[str] = []
        self.asked: list[str] = []
        self.expected: tuple[str, ...] = ()

    def open(self, url: str, *, size: tuple[int, int] = (1280, 800), **options: Any) -> Page:
        context = self._browser.new_context(viewport={"width": size[0], "height": size[1]}, **options)
        self.contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        context.on("request", lambda request: self.asked.append(request.url))
        page = context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda message: self.complaints.append(message.text) if message.type in ("error", "warning") else None)
        page.goto(url)
        return page

    def unexpected(self) -> list[str]:
        return [text for text in self.complaints if not any(words in text for words in self.expected)]


@pytest.fixture
def watched(browser: Browser) -> Iterator[Watched]:
    """At its end: no complaint but those that a test names as `expected`, and nobody else was asked."""
    found = Watched(browser)
    yield found
    for context in found.contexts:
        context.close()
    assert found.unexpected() == []
    assert [url for url in found.asked if not url.startswith(("http://127.0.0.1:", "file://", "data:"))] == []
