"""Every way of being no message: it becomes an `Invalid` that says what is wrong and where, never an exception (issue 3, 'Bad input')."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opendt_streams.errors import BadInput
from opendt_streams.model.canonical import sha256_hex
from opendt_streams.wire import topics
from opendt_streams.wire.decode import decode
from opendt_streams.wire.headers import read_int
from opendt_streams.wire.messages import Invalid, TaskSubmitted
from tests.unit.twin import said
from tests.unit.twin.said import T0
from tests.unit.wire.reasons import reason

READ: Final = (*topics.DATACENTER_TOPICS, *topics.TWIN_TOPICS)
TIME: Final = "2022-10-06T22:00:00Z"


def task_with(**changed: Any) -> bytes:
    document = json.loads(said.task(1, T0))
    document["task"] |= changed
    return json.dumps(document).encode()


def fragments(durations: Any, usages: Any) -> bytes:
    return task_with(fragments={"duration_ms": durations, "cpu_usage_mhz": usages})


# -- no JSON object at all -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("topic", READ)
@pytest.mark.parametrize(
    ("value", "says"),
    [
        (None, "a tombstone"),
        (b"", "an empty message"),
        (b'{"message_type": "task", "task": {"id"', "not JSON"),
        (b"\xff\xfe{}", "not JSON"),
        (b"[]", "list at the top"),
        (b"7", "int at the top"),
        (b"null", "NoneType at the top"),
        (b'"end"', "str at the top"),
        (b'{"a": NaN}', "not JSON"),
        (b'{"a": Infinity}', "not JSON"),
        (b'{"a": -Infinity}', "not JSON"),
        (b'{"a": "\\ud800"}', "not JSON"),
        (b'{"a":' * 5000, "not JSON"),
        (b"[" * 100_000, "not JSON"),
    ],
)
def test_what_is_no_object_is_invalid_on_every_topic(topic: str, value: bytes | None, says: str) -> None:
    assert says in reason(topic, value)


@pytest.mark.parametrize("topic", READ)
def test_an_unknown_or_missing_type_is_invalid_on_every_topic(topic: str) -> None:
    reason(topic, b"{}")
    reason(topic, b'{"message_type": "nonsense"}')
    reason(topic, b'{"message_type": ["end"]}')


def test_the_reason_names_the_types_that_are_known() -> None:
    assert reason(topics.WORKLOAD, b'{"message_type":"tusk"}') == (
        "message_type: unknown message type 'tusk'; expected task, heartbeat or end"
    )


def test_an_invalid_message_carries_the_digest_of_its_bytes() -> None:
    message = decode(topics.PHYSICAL, b"{", {})
    assert isinstance(message, Invalid)
    assert message.digest == sha256_hex(b"{")


@given(st.sampled_from(READ), st.one_of(st.none(), st.binary(max_size=60)), st.dictionaries(st.text(max_size=5), st.text(max_size=5)))
def test_no_bytes_raise(topic: str, value: bytes | None, headers: dict[str, str]) -> None:
    decode(topic, value, headers)


JSON_VALUES: Final = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**400), 10**400) | st.floats() | st.text(max_size=3) | st.just(TIME),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "hosts", "name", "x"]), inner, max_size=3),
    max_leaves=6,
)
KEYS: Final = [
    "message_type",
    "timestamp",
    "task",
    "snapshot",
    "samples",
    "power_draw",
    "instant",
    "topology",
    "carbon",
    "clusters",
    "id",
    "rules",
    "parent",
    "branch",
    "kind",
    "actor",
    "reason",
    "cause",
    "result",
    "unplaceable",
    "estimate",
]
TYPES: Final = ["task", "heartbeat", "end", "power", "silence", "topology-snapshot", "window-result", "calibration-decision", "alarm"]


@given(st.sampled_from(READ), st.sampled_from(TYPES), st.dictionaries(st.sampled_from(KEYS), JSON_VALUES))
def test_no_document_raises(topic: str, message_type: str, document: dict[str, Any]) -> None:
    """NaN and infinity included, which Python writes as JSON does not allow."""
    decode(topic, json.dumps({"message_type": message_type, **document}).encode(), {"opendt_ledger": "1", "opendt_pin": "1"})


@pytest.mark.parametrize("digits", [400, 5000])
@pytest.mark.parametrize(
    ("topic", "value"),
    [
        (topics.WORKLOAD, said.heartbeat(T0).replace(b'"2022-10-06T22:00:00Z"', b"7")),
        (topics.WORKLOAD, task_with(cpu_capacity=7)),
        (topics.WORKLOAD, task_with(id=7)),
        (topics.POWER, said.power([(7, 1.0)])),
        (topics.PHYSICAL, said.snapshot(T0, said.topology(7))),
        (topics.PHYSICAL, said.snapshot(T0, said.topology(1)).replace(b'"maxPower": 150.0', b'"maxPower": 7')),
        (topics.PHYSICAL, said.snapshot(T0, said.topology(1)).replace(b'"memorySize": 1024', b'"memorySize": 7')),
    ],
)
def test_absurdly_long_numbers_are_invalid(topic: str, value: bytes, digits: int) -> None:
    assert value.count(b"7") == 1 or topic == topics.WORKLOAD
    reason(topic, value.replace(b": 7", b": " + b"9" * digits).replace(b"[7", b"[" + b"9" * digits))


# -- size ----------------------------------------------------------------------------------------------------------------------


def test_a_message_over_the_limit_is_invalid_and_says_its_size() -> None:
    assert "10485761 bytes; expected at most 10485760" in reason(topics.WORKLOAD, b" " * (topics.MAX_VALUE_BYTES + 1))


def test_a_valid_message_of_nine_megabytes_is_read() -> None:
    count = 450_000
    value = fragments([30_000] * count, [33_600.5] * count).replace(b" ", b"")
    value += b" " * (9_000_000 - len(value))
    assert 9_000_000 <= len(value) <= topics.MAX_VALUE_BYTES
    message = decode(topics.WORKLOAD, value, {})
    assert isinstance(message, TaskSubmitted)
    assert len(message.task.fragments) == count


# -- tasks and heartbeats --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (task_with(id="one"), "task.id: 'one' is not a task id"),
        (task_with(id=-1), "task.id"),
        (task_with(id=1.5), "task.id"),
        (task_with(id=True), "task.id"),
        (task_with(id="task-"), "task.id"),
        (task_with(id=2**63), "task.id"),
        (task_with(duration=-1), "task.duration"),
        (task_with(duration="9"), "task.duration"),
        (task_with(duration=1.5), "task.duration"),
        (task_with(cpu_count=-1), "task.cpu_count"),
        (task_with(cpu_capacity=-0.1), "task.cpu_capacity"),
        (task_with(mem_capacity=None), "task.mem_capacity"),
        (task_with(submission_time="2022-10-06T22:00:00"), "task.submission_time: the time 2022-10-06T22:00:00 has no time zone"),
        (task_with(submission_time="yesterday"), "task.submission_time: 'yesterday' is not a time"),
        (task_with(submission_time=None), "task.submission_time"),
        (task_with(submission_time=True), "task.submission_time"),
        (task_with(submission_time=10**20), "task.submission_time"),
        (task_with(fragments="none"), "task.fragments"),
        (task_with(fragments=[7]), "task.fragments[0]"),
        (task_with(fragments=[{"duration": -5, "cpu_usage": 1.0}]), "task.fragments[0].duration"),
        (task_with(fragments=[{"duration": 5}]), "task.fragments[0].cpu_usage"),
        (fragments([1, 2], [1.0]), "task.fragments: columns of unequal length: 2 duration_ms, 1 cpu_usage_mhz"),
        (fragments([1, -2], [1.0, 1.0]), "task.fragments.duration_ms[1]"),
        (fragments([1], [-1.0]), "task.fragments.cpu_usage_mhz[0]"),
        (fragments([1], ["1"]), "task.fragments.cpu_usage_mhz[0]"),
        (fragments([1], [1e300]), "task.fragments.cpu_usage_mhz[0]"),
        (fragments([True], [1.0]), "task.fragments.duration_ms[0]"),
        (b'{"message_type": "task"}', "task: Field required"),
        (b'{"message_type": "task", "task": null}', "task"),
        (b'{"message_type": "heartbeat"}', "timestamp: Field required"),
        (b'{"message_type": "heartbeat", "timestamp": "2022-10-06T22:00:00"}', "has no time zone"),
        (b'{"message_type": "heartbeat", "timestamp": "2022-10-06T22:00:00Z", "snapshot": "abc"}', "snapshot"),
    ],
)
def test_a_broken_task_or_heartbeat_says_where(value: bytes, says: str) -> None:
    assert says in reason(topics.WORKLOAD, value)


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_numbers_that_are_not_finite_are_invalid(literal: str) -> None:
    value = said.task(1, T0).replace(b'"cpu_capacity": 100.0', f'"cpu_capacity": {literal}'.encode())
    assert literal.encode() in value
    reason(topics.WORKLOAD, value)
    reason(topics.POWER, said.power([(T0, 1.0)]).replace(b"[1.0]", f"[{literal}]".encode()))


# -- the twin's own topics -----------------------------------------------------------------------------------------------------------


def test_a_bare_opendt_topology_on_the_ledger_is_told_the_right_way() -> None:
    says = reason(topics.LEDGER, json.dumps(said.topology(1)).encode())
    assert "a bare topology" in says
    assert "REST API" in says


@pytest.mark.parametrize("number", [10**30, 2**53 + 1])
def test_an_event_with_numbers_that_have_no_canonical_form_is_invalid(number: int) -> None:
    """Nobody could compute its digest, and no fold may stumble over it."""
    event = dict.fromkeys(("id", "parent", "branch", "actor", "reason", "cause", "result"), "x")
    value = said.encode(**event, rules=1, kind="edited", topology={"clusters": [number]})
    assert "canonical" in reason(topics.LEDGER, value)


@pytest.mark.parametrize("unplaceable", ["x", None, 1.5, [1]])
def test_an_end_of_results_with_a_broken_count_is_invalid(unplaceable: object) -> None:
    assert "unplaceable" in reason(topics.RESULTS, said.encode(message_type="end", id="dc|end", datacenter="dc", unplaceable=unplaceable))


@pytest.mark.parametrize("offset", ["", "-1", "x", "1.0", "٣", "9" * 5000])
def test_a_header_that_is_no_offset_is_named(offset: str) -> None:
    with pytest.raises(BadInput, match="opendt_ledger"):
        read_int({"opendt_ledger": offset}, "opendt_ledger")
