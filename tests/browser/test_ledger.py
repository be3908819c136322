"""Changing the topology through the page: what the API says of it is shown, and the ledger shows the event."""

from __future__ import annotations

import json
import re

from playwright.sync_api import Locator, Page, expect

from opendt_streams.topology.change import Edit, Wish, events_of
from opendt_streams.topology.patching import patched
from opendt_streams.wire.twin import event_value
from tests.browser.conftest import Watched
from tests.browser.served import TOKEN, Served, event_record
from tests.unit.api.site import SITE, T0

PATCH = json.dumps([{"op": "replace", "path": "/clusters/0/hosts/0/count", "value": 5}])
NOT_KNOWN = "401 (Unauthorized)"  # what Chromium itself prints when a request is refused


def edit(page: Page, text: str, reason: str) -> Locator:
    """The answer's place, after the form was sent."""
    page.locator("#edit").click()
    expect(page.locator("#editor-head")).not_to_have_text("–")
    expect(page.locator("#editor-text")).not_to_have_value("")
    return send(page, text, reason)


def send(page: Page, text: str, reason: str) -> Locator:
    page.fill("#editor-text", text)
    page.fill("#editor-reason", reason)
    page.get_by_role("button", name="Write the event").click()
    return page.locator("#editor-answer")


def give_token(page: Page, token: str = TOKEN) -> None:
    expect(page.locator("#token")).to_be_visible()
    page.fill("#token-text", token)
    page.keyboard.press("Enter")


def test_an_edit_asks_for_the_token_and_appears_in_the_ledger(served: Served, watched: Watched) -> None:
    watched.expected = (NOT_KNOWN,)
    page = watched.open(served.url)
    expect(page.locator("#ledger .event")).to_have_count(1)
    answer = edit(page, PATCH, "rack 7 is <b>online</b>")
    give_token(page, "wrong")
    expect(page.locator("#token-why")).to_have_text("That token is not known here.")
    give_token(page)
    expect(answer).to_contain_text("accepted")
    expect(answer).to_contain_text("count: 2 -> 5")
    expect(answer).to_contain_text("at the earliest")
    page.keyboard.press("Escape")
    event = page.locator("#ledger .event").first
    expect(event).to_contain_text("ann")
    expect(event.locator(".reason")).to_have_text("rack 7 is <b>online</b>")
    expect(event).to_contain_text("count: 2 -> 5")
    event.locator("summary").click()
    expect(event.locator(".patch")).to_contain_text('"value": 5')
    assert page.evaluate("[sessionStorage.length, localStorage.length, document.cookie]") == [1, 0, ""]
    assert not any(TOKEN in url for url in watched.asked)


def test_who_was_slower_sees_what_changed_and_goes_on(served: Served, watched: Watched) -> None:
    watched.expected = (NOT_KNOWN, "412 (Precondition Failed)")
    page = watched.open(served.url)
    page.locator("#edit").click()
    expect(page.locator("#editor-text")).not_to_have_value("")
    rival(served)
    answer = send(page, PATCH, "mine")
    give_token(page)
    expect(answer).to_contain_text("Others were faster")
    expect(answer).to_contain_text("the rival was faster")
    expect(page.locator("#editor-text")).to_have_value(PATCH)
    page.get_by_role("button", name="Go on from the new head").click()
    expect(answer).to_contain_text("applies to the new head")
    page.get_by_role("button", name="Write the event").click()
    expect(answer).to_contain_text("accepted")


def rival(served: Served) -> None:
    """Somebody else writes first."""
    ledger = served.projection.datacenters[SITE].history().ledger
    change = [{"op": "replace", "path": "/clusters/0/hosts/0/count", "value": 3 + ledger.offset}]
    wish = Wish(Edit(lambda topology: patched(topology, change), f"rival-{ledger.offset}"), "bob", "the rival was faster")
    served.tell(event_record(ledger.offset, event_value(events_of(ledger, wish)[-1]), T0))


def test_a_whole_topology_can_be_written_too(served: Served, watched: Watched) -> None:
    watched.expected = (NOT_KNOWN,)
    page = watched.open(served.url)
    page.locator("#edit").click()
    expect(page.locator("#editor-text")).to_have_value(re.compile("replace"))
    page.get_by_label("Whole topology").check()
    expect(page.locator("#editor-text")).to_have_value(re.compile('"clusters"'))
    answer = send(page, page.input_value("#editor-text").replace('"count": 2', '"count": 9'), "whole")
    give_token(page)
    expect(answer).to_contain_text("count: 2 -> 9")


def test_what_is_no_json_is_said_and_not_sent(served: Served, watched: Watched) -> None:
    page = watched.open(served.url)
    expect(edit(page, "[{", "x")).to_contain_text("No JSON")
    expect(page.locator("#token")).to_be_hidden()


def test_what_the_api_refuses_is_said(served: Served, watched: Watched) -> None:
    watched.expected = (NOT_KNOWN, "409 (Conflict")
    page = watched.open(served.url)
    answer = edit(page, '[{"op": "remove", "path": "/nothing"}]', "x")
    give_token(page)
    expect(answer.locator(".bad")).to_contain_text("nothing")


def test_older_events_come_on_demand_and_stay(served: Served, watched: Watched) -> None:
    for _ in range(15):
        rival(served)
    page = watched.open(served.url)
    events = page.locator("#ledger .event")
    expect(events).to_have_count(12)
    page.get_by_role("button", name="Older events").click()
    expect(events).to_have_count(16)
    expect(page.locator("#older")).to_be_hidden()
    rival(served)
    expect(events).to_have_count(16)
    expect(page.locator("#older")).to_be_visible()
    page.locator("#people").check()
    expect(page.locator("#ledger .machine")).to_have_count(0)
