"""What the page says when things are not as they should be: no data yet, old data, no connection, no token."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from opendt_streams.model.canonical import canonical
from opendt_streams.topology.change import Edit, Wish, events_of
from opendt_streams.topology.patching import patched
from opendt_streams.wire import topics
from opendt_streams.wire.record import Record
from opendt_streams.wire.system import dead_letter_value
from opendt_streams.wire.twin import event_value
from tests.browser.conftest import Watched
from tests.browser.served import Served, Wall, event_record
from tests.browser.test_ledger import NOT_KNOWN, give_token
from tests.unit.api.site import SITE, T0

HOSTILE = "<img src=x onerror=document.title='taken'><script>alert(1)</script>"
DRAWN = re.compile(r"M.+L.+")


def test_before_the_first_window_it_waits(watched: Watched, past_and_future: tuple[list[Record], list[Record]]) -> None:
    with Served([], Wall(T0)) as served:
        page = watched.open(served.url)
        expect(page.locator("#status")).to_contain_text("waiting")
        expect(page.locator("#power")).to_contain_text("Waiting for the first window")
        expect(page.locator("#notice")).to_be_hidden()
        served.tell(*past_and_future[0])
        expect(page.locator("#power path.simulated")).to_have_attribute("d", DRAWN)
        expect(page.locator("#ledger .event")).to_have_count(1)
        expect(page.locator("#status")).to_contain_text("live")


def test_old_data_looks_old_until_new_data_comes(
    served: Served, watched: Watched, past_and_future: tuple[list[Record], list[Record]]
) -> None:
    served.wall.ms += 120_000
    page = watched.open(served.url)
    expect(page.locator("#notice")).to_contain_text("No new result for more than a minute")
    expect(page.locator("#status")).to_contain_text("stale")
    expect(page.locator("#power svg")).to_have_css("opacity", "0.45")
    served.wall.ms -= 120_000
    served.tell(*past_and_future[1])
    expect(page.locator("#notice")).to_be_hidden()
    expect(page.locator("#power svg")).to_have_css("opacity", "1")


def test_a_lost_connection_is_said_and_made_again(watched: Watched, past_and_future: tuple[list[Record], list[Record]]) -> None:
    watched.expected = ("ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_CONNECTION_RESET")
    with Served(past_and_future[0], Wall(T0 + 1_000)) as served:
        page = watched.open(served.url)
        expect(page.locator("#status")).to_contain_text("live")
        port = served.port
    expect(page.locator("#notice")).to_contain_text("No connection since")
    expect(page.locator("#power svg")).to_have_css("opacity", "0.45")
    with Served(past_and_future[0], Wall(T0 + 1_000), port=port):
        expect(page.locator("#status")).to_contain_text("live", timeout=15_000)
        expect(page.locator("#notice")).to_be_hidden()


def test_off_loopback_the_page_asks_for_the_token_before_it_reads(
    watched: Watched, past_and_future: tuple[list[Record], list[Record]]
) -> None:
    watched.expected = (NOT_KNOWN,)
    with Served(past_and_future[0], Wall(T0 + 1_000), host="10.0.0.1") as served:
        page = watched.open(served.url)
        expect(page.locator("#power path.simulated")).to_have_count(0)
        give_token(page)
        expect(page.locator("#power path.simulated")).to_have_attribute("d", DRAWN)
        expect(page.locator("#status")).to_contain_text("live")
        served.tell(*past_and_future[1])
        expect(page.locator("#progress")).to_contain_text("30")


def test_what_people_and_records_say_stays_text(served: Served, watched: Watched) -> None:
    ledger = served.projection.datacenters[SITE].history().ledger
    change = [{"op": "replace", "path": "/clusters/0/name", "value": HOSTILE}]
    event = events_of(ledger, Wish(Edit(lambda topology: patched(topology, change), "k"), "<b>mallory</b>", HOSTILE))[-1]
    letter = dead_letter_value(topics.WORKLOAD, 0, 7, HOSTILE, b"{")
    served.tell(
        event_record(ledger.offset, event_value(event), T0),
        Record(topics.DEAD_LETTER, 0, 0, SITE.encode(), canonical(letter), (), T0),
    )
    page = watched.open(served.url)
    expect(page.locator("#ledger .reason").first).to_have_text(HOSTILE)
    expect(page.locator("#ledger strong").first).to_have_text("<b>mallory</b>")
    expect(page.locator("#letters")).to_contain_text(HOSTILE)
    assert page.locator("img, main script").count() == 0
    assert "taken" not in page.title()
