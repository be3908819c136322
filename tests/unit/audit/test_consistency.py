"""What records say of each other: sound runs pass, whatever went wrong in them, and each lie that a seal cannot show is found."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from opendt_streams.audit.finding import Finding
from opendt_streams.audit.verify.checks.consistency import Consistency
from opendt_streams.model.canonical import canonical
from opendt_streams.model.event import TopologyEvent
from opendt_streams.topology.events import event_id
from opendt_streams.wire import topics
from opendt_streams.wire.record import Record
from opendt_streams.wire.twin import read_value
from tests.unit.audit.folders import records_of, write_evidence
from tests.unit.twin.logs import Logs
from tests.unit.twin.scenario import Faults
from tests.unit.twinlog.worlds import logs_of

Records = dict[str, list[Record]]


PEACEFUL_SEED = 3


def peaceful() -> Records:
    """A run in which nothing went wrong."""
    return records_of(logs_of(PEACEFUL_SEED, Faults()))


def found(folder: Path, records: Records, summary: Mapping[str, Any] | None = None) -> list[Finding]:
    return list(Consistency(write_evidence(folder, records), summary).findings())


def somebody_signed_wrongly(logs: Logs) -> bool:
    """An event of people whose digest is wrong cannot be told from one that was altered."""
    events = [r.message for r in logs[topics.LEDGER]]
    return any(isinstance(e, TopologyEvent) and e.id != event_id(e) for e in events)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_a_sound_run_passes_whatever_went_wrong_in_it(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    """With kills, double workers, redelivery, silence, people's edits, and rubbish on the topics."""
    logs = logs_of(seed)
    assume(not somebody_signed_wrongly(logs))
    assert found(tmp_path_factory.mktemp("world"), records_of(logs)) == []


# -- one lie each ------------------------------------------------------------------------------------------------------------


def changed(record: Record, **fields: Any) -> Record:
    return replace(record, value=canonical(read_value(record.value or b"") | fields))


def with_header(record: Record, name: str, value: str | None) -> Record:
    others = tuple((k, v) for k, v in record.raw_headers if k != name)
    return replace(record, raw_headers=others if value is None else (*others, (name, value.encode())))


def without_last(log: list[Record]) -> list[Record]:
    return log[:-1]


def renumbered(log: list[Record]) -> list[Record]:
    return [replace(r, offset=i) for i, r in enumerate(log)]


def dropped(log: list[Record], at: int) -> list[Record]:
    """A record removed and the gap closed."""
    return renumbered(log[:at] + log[at + 1 :])


def at(log: list[Record], offset: int, change: Callable[[Record], Record]) -> list[Record]:
    return [change(r) if r.offset == offset else r for r in log]


LIES: dict[str, tuple[str, Callable[[list[Record]], list[Record]], str]] = {
    "positional id": (topics.RESULTS, lambda log: at(log, 4, lambda r: changed(r, id="dc|main|elsewhere")), "id"),
    "id of a decision": (topics.CALIBRATION, lambda log: at(log, 0, lambda r: changed(r, id="dc|elsewhere")), "id"),
    "header of the id": (topics.RESULTS, lambda log: at(log, 4, lambda r: with_header(r, "ce_id", "another")), "ce_id"),
    "no header of the id": (topics.RESULTS, lambda log: at(log, 4, lambda r: with_header(r, "ce_id", None)), "ce_id"),
    "no configuration": (topics.RESULTS, lambda log: at(log, 4, lambda r: with_header(r, "opendt_config", None)), "opendt_config"),
    "unknown configuration": (
        topics.CALIBRATION,
        lambda log: at(log, 0, lambda r: with_header(r, "opendt_config", "0" * 64)),
        "opendt_config",
    ),
    "somebody else's": (
        topics.RESULTS,
        lambda log: at(log, 4, lambda r: with_header(r, "ce_source", "opendt/calibrator")),
        "opendt_config",
    ),
    "inputs that are none": (topics.RESULTS, lambda log: at(log, 4, lambda r: with_header(r, "opendt_inputs", "{")), "opendt_inputs"),
    "inputs beyond": (
        topics.RESULTS,
        lambda log: at(log, 4, lambda r: with_header(r, "opendt_inputs", '{"dc.workload":99999}')),
        "opendt_inputs",
    ),
    "inputs of no topic": (topics.RESULTS, lambda log: at(log, 4, lambda r: with_header(r, "opendt_inputs", '{"x":1}')), "opendt_inputs"),
    "key": (topics.RESULTS, lambda log: at(log, 4, lambda r: replace(r, key=b"other")), "key"),
    "a window is missing": (topics.RESULTS, lambda log: dropped(log, 4), "window_start_ms"),
    "an instant is missing": (topics.CALIBRATION, lambda log: dropped(log, 1), "instant_ms"),
    "an event is missing": (topics.LEDGER, lambda log: dropped(log, 1), "parent"),
    "the configuration is another": (topics.CONFIG, lambda log: at(log, 0, lambda r: changed(r, code_version="9.9")), "id"),
    "the input ends early": (topics.WORKLOAD, without_last, "opendt_inputs"),
    "the snapshot is another": (topics.PHYSICAL, lambda log: [replace(r, value=(r.value or b"") + b" ") for r in log], "snapshot"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_found(tmp_path: Path, lie: str) -> None:
    records = peaceful()
    topic, tell, field = LIES[lie]
    assert field in {f.field for f in found(tmp_path, records | {topic: tell(records[topic])})}


def test_two_records_that_say_otherwise_under_one_id(tmp_path: Path) -> None:
    records = peaceful()
    log = records[topics.RESULTS]
    document = read_value(log[4].value or b"")
    document["tasks"]["completed"] += 1
    forged = replace(log[4], value=canonical(document))
    answer = found(tmp_path, records | {topics.RESULTS: renumbered([*log[:4], forged, *log[4:]])})
    assert ("sim.results|0|5", "value") in {(f.where, f.field) for f in answer}


def test_a_dead_letter_holds_the_bytes_of_its_record(tmp_path: Path) -> None:
    seed = next(s for s in range(100) if logs_of(s)[topics.DEAD_LETTER] and not somebody_signed_wrongly(logs_of(s)))
    records = records_of(logs_of(seed))
    letter = json.loads(records[topics.DEAD_LETTER][0].value or b"")
    topic, offset = letter["topic"], letter["offset"]
    answer = found(tmp_path / "a", records | {topic: at(records[topic], offset, lambda r: replace(r, value=b"{}"))})
    assert (f"{topic}|0|{offset}", "value") in {(f.where, f.field) for f in answer}
    rewritten = at(records[topics.DEAD_LETTER], 0, lambda r: changed(r, raw_base64="AAAA"))
    assert "raw_base64" in {f.field for f in found(tmp_path / "b", records | {topics.DEAD_LETTER: rewritten})}


def test_the_digests_that_the_run_said_at_its_end_must_come_out(tmp_path: Path) -> None:
    records = peaceful()
    answer = found(tmp_path, records, {"digests": {topics.RESULTS: "0" * 64}})
    assert [(f.where, f.field) for f in answer] == [(topics.RESULTS, "digest")]


def test_a_copy_of_a_live_run_may_name_inputs_that_came_later(tmp_path: Path) -> None:
    records = peaceful()
    live = records | {topics.RESULTS: records[topics.RESULTS][:-9]}
    consistency = Consistency(write_evidence(tmp_path, live), None)
    assert [f for f in consistency.findings() if f.field == "opendt_inputs"] == []
    assert any("came after this copy" in note for note in consistency.notes)
