"""Decisions and results that do not refer to the ledger as the protocol says are found, each at its offset and header or field."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from opendt_streams.model import times
from opendt_streams.model.canonical import canonical
from opendt_streams.topology.verify import verify_ledger
from opendt_streams.wire import headers as h
from opendt_streams.wire import topics
from opendt_streams.wire.record import Record
from tests.unit.audit.folders import records_of
from tests.unit.twinlog.worlds import logs_of

WITH_PEOPLE = 3  # a world of many events, some repeated
WORLD = records_of(logs_of(WITH_PEOPLE))
LEDGER, DECISIONS, RESULTS = (WORLD[topic] for topic in (topics.LEDGER, topics.CALIBRATION, topics.RESULTS))


def problems(
    ledger: list[Record] = LEDGER, decisions: list[Record] = DECISIONS, results: list[Record] = RESULTS
) -> list[tuple[str, int, str]]:
    return [(p.topic, p.offset, p.field) for p in verify_ledger(ledger, decisions, results).problems]


def said(one: Record) -> dict[str, Any]:
    document: dict[str, Any] = orjson.loads(one.value or b"")
    return document


def altered(one: Record, **fields: Any) -> Record:
    return replace(one, value=canonical(said(one) | fields))


def with_header(one: Record, key: str, value: str) -> Record:
    return replace(one, raw_headers=tuple((k, value.encode() if k == key else v) for k, v in one.raw_headers))


def put(log: list[Record], one: Record) -> list[Record]:
    return [one if old.offset == one.offset else old for old in log]


def firsts(log: list[Record], kind: str) -> list[Record]:
    """The first record of each id."""
    found: dict[str, Record] = {}
    for one in log:
        if (one.value or b"").startswith(b"{") and said(one).get("message_type") == kind:
            found.setdefault(said(one)["id"], one)
    return list(found.values())


KEPT, USED = firsts(DECISIONS, "calibration-decision"), firsts(RESULTS, "window-result")
CALIBRATED = [one for one in KEPT if said(one).get("topology_event")]
LATER = next(one for one in reversed(USED) if said(one)["topology_event"] != said(USED[0])["topology_event"])


@pytest.mark.parametrize("seed", range(12))
def test_whatever_a_run_met_its_references_hold(seed: int) -> None:
    """Crashes, redelivery, double workers, silence and people: the worlds' people forge events, too, which everybody rejected."""
    world = records_of(logs_of(seed))
    report = verify_ledger(world[topics.LEDGER], world[topics.CALIBRATION], world[topics.RESULTS])
    assert all(p.refused for p in report.problems)


def test_a_result_that_names_another_accepted_event() -> None:
    one = altered(LATER, topology_event=said(USED[0])["topology_event"])
    assert problems(results=put(RESULTS, one)) == [(topics.RESULTS, LATER.offset, "topology_event")]


def test_a_result_that_names_no_event() -> None:
    assert problems(results=put(RESULTS, altered(LATER, topology_event="0" * 64))) == [(topics.RESULTS, LATER.offset, "topology_event")]


def test_a_decision_that_names_no_event_or_one_that_was_not_made_for_it() -> None:
    last = CALIBRATED[-1]
    for other in ("0" * 64, said(CALIBRATED[0])["topology_event"]):
        found = problems(decisions=put(DECISIONS, altered(last, topology_event=other)))
        assert found == [(topics.CALIBRATION, last.offset, "topology_event")]


def test_pins_beyond_the_ledger_and_backwards() -> None:
    end = LEDGER[-1].offset + 1
    for one, pin in ((KEPT[-1], end + 1), (KEPT[-1], 0)):
        found = problems(decisions=put(DECISIONS, with_header(one, h.PIN, str(pin))))
        assert found[0] == (topics.CALIBRATION, one.offset, h.PIN)


def test_a_decision_that_is_missing_is_missed_by_the_first_window_that_needs_it() -> None:
    gone = KEPT[1]
    ids = said(gone)["id"]
    decisions = [one for one in DECISIONS if not ((one.value or b"").startswith(b"{") and said(one).get("id") == ids)]
    found = verify_ledger(LEDGER, decisions, RESULTS).problems
    first = next(one for one in USED if said(one)["window_start_ms"] >= said(gone)["instant_ms"])
    assert (found[0].topic, found[0].offset) == (topics.RESULTS, first.offset)
    assert f"the decision of {times.iso(said(gone)['instant_ms'])}" in found[0].what


def test_a_simulator_that_had_folded_more_than_there_is_or_less_than_it_needs() -> None:
    for ledger in (str(LEDGER[-1].offset + 2), "0"):
        found = problems(results=put(RESULTS, with_header(LATER, h.LEDGER, ledger)))
        assert found == [(topics.RESULTS, LATER.offset, h.LEDGER)]


def test_headers_and_bytes_of_what_the_services_wrote() -> None:
    for log, one in ((DECISIONS, KEPT[-1]), (RESULTS, LATER)):
        broken = put(log, replace(one, value=(one.value or b"")[:-1]))
        renamed = put(log, with_header(one, "ce_id", "another"))
        for changed, field in ((broken, "value"), (renamed, "ce_id")):
            found = problems(decisions=changed) if log is DECISIONS else problems(results=changed)
            assert (one.topic, one.offset, field) in found


def test_events_that_are_missing_at_the_end_are_missed() -> None:
    shorter = [one for one in LEDGER if one.offset < len(LEDGER) // 2]
    assert {topic for topic, _, _ in problems(ledger=shorter)} == {topics.CALIBRATION, topics.RESULTS}
