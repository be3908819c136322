"""Schema versions: old documents are brought up, unknown versions are never misread."""

from __future__ import annotations

from typing import Any

import pytest

from opendt_streams.errors import BadInput
from opendt_streams.model.canonical import canonical, sha256_hex
from opendt_streams.wire import topics, versions
from opendt_streams.wire.decode import decode
from opendt_streams.wire.kinds import KINDS
from opendt_streams.wire.messages import AlarmRecorded, Heartbeat, Invalid, PowerBatch, Snapshot
from opendt_streams.wire.schemas import VERSION
from tests.unit.twin import said
from tests.unit.twin.said import T0

ALARM = {"message_type": "alarm", "id": "dc|bound|t", "datacenter": "dc", "kind": "bound", "time_ms": T0, "text": "what"}
# As if an alarm had said `message` in version 1 and `words` in version 2.
TABLE: versions.Upcasters = {
    "alarm": (
        lambda d: {"words": d["message"]} | {k: v for k, v in d.items() if k != "message"},
        lambda d: {"text": d["words"]} | {k: v for k, v in d.items() if k != "words"},
    ),
    "power": (lambda d: d | {"power_draw": d["power_kw"] * 1000},),
    "topology-snapshot": (lambda d: d | {"topology": d["site"]},),
}


def alarm(text_key: str) -> dict[str, Any]:
    return {k: v for k, v in ALARM.items() if k != "text"} | {text_key: "what"}


@pytest.mark.parametrize(("version", "key"), [(1, "message"), (2, "words"), (3, "text")])
def test_every_version_is_brought_up_step_by_step(version: int, key: str) -> None:
    assert versions.upcast(f"opendt.alarm.v{version}", alarm(key), TABLE) == ALARM
    message = decode(topics.CALIBRATION, canonical(alarm(key)), {"ce_type": f"opendt.alarm.v{version}"}, TABLE)
    assert isinstance(message, AlarmRecorded)
    assert message.alarm.text == "what"


def test_the_newest_version_is_left_as_it_is() -> None:
    document = alarm("text")
    assert versions.upcast("opendt.alarm.v3", document, TABLE) is document
    assert versions.newest("alarm", TABLE) == 3
    assert versions.newest("task", TABLE) == 1


@pytest.mark.parametrize("ce_type", ["opendt.alarm.v2", "opendt.alarm.v99999", "opendt.rumour.v2"])
def test_a_newer_version_is_invalid_and_both_are_named(ce_type: str) -> None:
    message = decode(topics.CALIBRATION, canonical(ALARM), {"ce_type": ce_type})
    assert isinstance(message, Invalid)
    assert f"schema version {ce_type.rpartition('v')[2]}; expected at most version 1" in message.reason


@pytest.mark.parametrize(
    "ce_type", ["opendt.alarm", "opendt.alarm.v", "opendt.alarm.v0", "opendt.alarm.v1.1", "opendt.alarm.vX", "opendt..v1"]
)
def test_a_type_of_ours_without_a_version_is_invalid(ce_type: str) -> None:
    with pytest.raises(BadInput, match=r"expected opendt\.<kind>.v<number>"):
        versions.upcast(ce_type, ALARM)
    assert isinstance(decode(topics.CALIBRATION, canonical(ALARM), {"ce_type": ce_type}), Invalid)


@pytest.mark.parametrize("ce_type", [None, "", "com.example.alarm.v7", "OPENDT.alarm.v7", "opendt", "opendts.x.v7"])
def test_no_type_and_somebody_elses_mean_nothing(ce_type: str | None) -> None:
    assert versions.upcast(ce_type, ALARM, TABLE) is ALARM
    headers = {} if ce_type is None else {"ce_type": ce_type}
    assert isinstance(decode(topics.WORKLOAD, said.heartbeat(T0), headers), Heartbeat)


def test_datacenters_that_speak_our_types_have_versions_too() -> None:
    old = said.encode(message_type="power", power_kw=1.5, timestamp=T0)
    batch = decode(topics.POWER, old, {"ce_type": "opendt.power.v1"}, TABLE)
    assert isinstance(batch, PowerBatch)
    assert batch.samples[0].power_w == 1500
    assert isinstance(decode(topics.POWER, said.power([(T0, 1.0)]), {"ce_type": "opendt.power.v2"}), Invalid)


def test_a_snapshot_keeps_the_name_that_its_bytes_gave_it() -> None:
    old = said.encode(message_type="topology-snapshot", timestamp=T0, topology={}, site=said.topology(3))
    message = decode(topics.PHYSICAL, old, {"ce_type": "opendt.topology-snapshot.v1"}, TABLE)
    assert isinstance(message, Snapshot)
    assert message.digest == sha256_hex(old)


def test_what_is_written_now_is_the_newest_version_and_has_a_schema() -> None:
    assert {versions.type_name(kind.name) for kind in KINDS} == {f"opendt.{kind.name}.{VERSION}" for kind in KINDS}
