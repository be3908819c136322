"""Walking the ledger finds every kind of tampering at its offset and field, and nothing in a ledger that nobody touched."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opendt_streams.model.canonical import canonical
from opendt_streams.model.event import TopologyEvent
from opendt_streams.model.topology import Topology
from opendt_streams.model.topology_json import to_document
from opendt_streams.topology.ledger import Ledger, Verdict
from opendt_streams.topology.verify import LedgerReport, verify_ledger
from opendt_streams.twinlog.digest import TopicDigest
from opendt_streams.wire.record import Record
from tests.unit.topology.ledgers import ROOT, event, signed, topology
from tests.unit.topology.records import log_of, record, some_log, written

FIRST = event("calibrated", ROOT, topology(2, 60), cause="c1")
SECOND = event("calibrated", FIRST, topology(2, 70), cause="c2")
STALE = event("edited", FIRST, topology(4), cause="late")
THIRD = event("edited", SECOND, topology(3, 70), cause="c3")
LAST = event("calibrated", THIRD, topology(3, 75), cause="c4")
LOG = log_of([ROOT, FIRST, SECOND, STALE, THIRD, LAST])


def altered(one: Record, **fields: Any) -> Record:
    return replace(one, value=canonical(orjson.loads(one.value or b"") | fields))


def with_header(one: Record, key: str, value: bytes | None) -> Record:
    kept = tuple((k, v) for k, v in one.raw_headers if k != key)
    return replace(one, raw_headers=kept if value is None else (*kept, (key, value)))


def put(at: int, one: Record) -> list[Record]:
    return [one if offset == at else old for offset, old in enumerate(LOG)]


def without(at: int) -> list[Record]:
    return [one for offset, one in enumerate(LOG) if offset != at]


def problems(log: list[Record]) -> list[tuple[int, str]]:
    return [(p.offset, p.field) for p in verify_ledger(log).problems]


def test_a_ledger_that_nobody_touched() -> None:
    report = verify_ledger([*LOG, replace(LOG[2], offset=6), record(7, b"garbage")])
    assert report.ok
    assert (report.records, report.accepted, report.rejected, report.repeated, report.foreign) == (8, 5, 1, 1, 1)
    assert report.heads == {"main": LAST.id}


@settings(max_examples=40)
@given(st.randoms(use_true_random=False))
def test_it_judges_as_the_ledger_does_and_has_the_digest_of_the_topic(rng: Random) -> None:
    log = [replace(one, raw_headers=()) for one in some_log(rng)]  # by strangers: nobody repairs what they say
    report, digest, ledger, judged = verify_ledger(log), TopicDigest(), Ledger(), []
    for one in log:
        digest.feed("dc", one.offset, one.value, message := one.message())
        if isinstance(message, TopologyEvent):
            judged.append(ledger.add(one.offset, message))
    accepted = [j for j in judged if j and j.verdict is Verdict.ACCEPTED]
    assert (report.accepted, report.repeated, report.foreign) == (len(accepted), judged.count(None), len(log) - len(judged))
    assert report.rejected == len(judged) - report.accepted - report.repeated
    assert report.heads == {branch: head.event.id for branch, head in ledger.heads.items()}
    assert report.digest == digest.hexdigest()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("branch", "what-if/a"),
        ("kind", "edited"),
        ("rules", 2),
        ("parent", ROOT.id),
        ("parent", None),
        ("id", "0" * 64),
        ("id", ROOT.id),
        ("result", "0" * 64),
        ("topology", topology(2, 71)),
        ("topology", topology(5)),
        ("topology", {"clusters": []}),
    ],
)
def test_an_altered_field_is_named_and_what_follows_is_not_blamed(field: str, value: object) -> None:
    said = to_document(value) if isinstance(value, Topology) else value
    assert problems(put(2, altered(LOG[2], **{field: said}))) == [(2, field)]


def test_another_actor_than_the_service_is_named() -> None:
    one = written(1, signed(replace(FIRST, actor="calibrator")), "calibrator")
    assert problems([LOG[0], altered(one, actor="mallory")]) == [(1, "actor")]


@pytest.mark.parametrize("field", ["actor", "reason", "cause"])
def test_where_the_field_cannot_be_told_it_is_said_to_be_another_one(field: str) -> None:
    (found,) = verify_ledger(put(2, altered(LOG[2], **{field: "other"}))).problems
    assert (found.offset, found.field) == (2, "id")
    assert "other than topology and result" in found.what


@pytest.mark.parametrize(
    ("log", "found"),
    [
        (without(0), (1, "parent")),
        (without(2), (4, "parent")),
        (put(2, record(2, b"")), (4, "parent")),
        (put(2, with_header(LOG[2], "ce_id", b"another")), (2, "ce_id")),
        (put(2, with_header(LOG[2], "ce_id", None)), (2, "ce_id")),
        (put(2, replace(LOG[2], value=(LOG[2].value or b"") + b" ")), (2, "value")),
        (put(2, replace(LOG[2], value=(LOG[2].value or b"")[:-1])), (2, "value")),
        (put(2, replace(LOG[2], value=None)), (2, "value")),
        ([*LOG, replace(LOG[2], offset=6, value=(LOG[2].value or b"").replace(b":", b": "))], (6, "value")),
        ([*LOG, altered(replace(LOG[2], offset=6), reason="other")], (6, "id")),
        ([LOG[0], replace(LOG[2], offset=1), replace(LOG[1], offset=2), *LOG[3:]], (1, "parent")),
    ],
)
def test_the_first_bad_record_is_named(log: list[Record], found: tuple[int, str]) -> None:
    assert problems(log)[0] == found


def test_an_event_that_is_missing_and_one_that_came_too_early_are_told_apart() -> None:
    assert "an event is missing" in verify_ledger(without(1)).problems[0].what
    swapped = [LOG[0], replace(LOG[2], offset=1), replace(LOG[1], offset=2), *LOG[3:]]
    assert f"{FIRST.id} comes after it, at offset 2" in verify_ledger(swapped).problems[0].what


def test_every_fault_is_found_for_itself() -> None:
    log = put(1, altered(LOG[1], topology=ROOT.topology))
    log[4] = altered(log[4], id="0" * 64)
    log[5] = with_header(log[5], "ce_id", b"another")
    assert problems(log) == [(1, "topology"), (4, "id"), (5, "ce_id")]


def forged(report: LedgerReport) -> list[bool]:
    return [p.refused for p in report.problems]


def test_a_forged_event_of_a_stranger_may_have_been_there_all_along() -> None:
    one = written(6, replace(event("edited", LAST, topology(9)), reason="another"), source=None)
    assert forged(verify_ledger([*LOG, one])) == [True]


def test_but_not_if_a_service_built_on_it() -> None:
    people = event("edited", LAST, topology(9))
    after = event("calibrated", people, topology(9, 60), cause="c5")
    log = [*LOG, written(6, people, source=None), written(7, after)]
    assert verify_ledger(log).ok
    assert forged(verify_ledger([*log[:6], altered(log[6], reason="another"), log[7]])) == [False]


@settings(max_examples=100)
@given(st.integers(0, 5), st.data())
def test_any_flipped_byte_of_a_value_is_found_there(at: int, data: st.DataObject) -> None:
    value = LOG[at].value or b""
    place, mask = data.draw(st.integers(0, len(value) - 1)), data.draw(st.integers(1, 255))
    flipped = value[:place] + bytes([value[place] ^ mask]) + value[place + 1 :]
    found = verify_ledger(put(at, replace(LOG[at], value=flipped))).problems
    assert found
    assert found[0].offset == at
