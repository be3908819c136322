"""The short way of reading an event gives what the long way gives, and knows when to leave it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opendt_streams.model.canonical import canonical, digest
from opendt_streams.model.event import TopologyEvent
from opendt_streams.topology.events import event_id
from opendt_streams.topology.reading import Reader, Reading
from opendt_streams.wire.messages import Invalid
from opendt_streams.wire.record import Record
from opendt_streams.wire.twin import event_value
from tests.unit.topology.ledgers import ROOT, event, topology
from tests.unit.topology.records import record, some_log, written


def the_same(one: Record) -> None:
    """Against the decoder, and digests against their definition."""
    reading, message = Reader().read(one), one.message()
    if not isinstance(message, TopologyEvent):
        assert isinstance(reading, Invalid)
        return
    assert isinstance(reading, Reading)
    assert reading.event() == message
    assert reading.content_id == event_id(message)
    assert reading.content_result == digest(message.topology)
    assert reading.document == canonical(message.topology)
    assert reading.canonical == (one.value == canonical(event_value(message)))


@settings(max_examples=40)
@given(st.randoms(use_true_random=False))
def test_every_record_is_read_as_the_decoder_reads_it(rng: object) -> None:
    for one in some_log(rng):  # type: ignore[arg-type]
        the_same(one)


@settings(max_examples=200)
@given(
    number=st.one_of(st.integers(), st.floats(allow_nan=False), st.sampled_from(["1.0", "1e3", "-0", "-0.0", "1E-7", "0.00001", "1e400"])),
    text=st.text(),
    key=st.text(max_size=3),
)
def test_numbers_texts_and_keys_of_any_kind(number: object, text: str, key: str) -> None:
    shown = number if isinstance(number, str) else json.dumps(number)
    document = f'{{"clusters":[{{"{"hosts"}":{shown}}}],{json.dumps(key)}:{json.dumps(text)}}}'
    value = canonical(event_value(replace(ROOT, topology={}, reason="x")))
    the_same(record(0, value.replace(b'"topology":{}', b'"topology":' + document.encode())))
    the_same(record(0, value.replace(b'"reason":"x"', b'"reason":' + json.dumps(text, ensure_ascii=False).encode("utf-8", "replace"))))


@pytest.mark.parametrize("text", [',"topology":{}', '","id":"', "}", '"cpuPowerModel":{}', "1.0,", ":1e5", "\\", "ä", "\x7f"])
def test_texts_that_look_like_something_else(text: str) -> None:
    one = event("edited", ROOT, topology(name="H" + text), cause=text)
    reading = Reader().read(written(0, one))
    assert isinstance(reading, Reading)
    assert reading.digests_hold()
    the_same(written(0, one))


@pytest.mark.parametrize(
    "changed",
    [
        replace(ROOT, id="0" * 64),
        replace(ROOT, rules=2),
        replace(ROOT, parent="0" * 64),
        replace(ROOT, branch="other"),
        replace(ROOT, kind="edited"),
        replace(ROOT, actor="other"),
        replace(ROOT, reason="other"),
        replace(ROOT, cause="other"),
        replace(ROOT, result="0" * 64),
        replace(ROOT, topology=event("edited", ROOT, topology(9)).topology),
    ],
)
def test_every_field_of_an_event_counts(changed: TopologyEvent) -> None:
    reading = Reader().read(written(0, changed))
    assert isinstance(reading, Reading)
    assert not reading.digests_hold()
