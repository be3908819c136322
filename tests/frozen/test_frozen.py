"""Every version there has ever been is still understood as it was: verdicts, heads, digests, and what each record says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from opendt_streams.model.event import EVENT_KINDS
from opendt_streams.topology.ledger import Verdict
from opendt_streams.wire import topics
from opendt_streams.wire.kinds import KINDS
from tests.frozen.frozen import FOLDER, load, store, understood

LOGS = sorted(FOLDER.glob("*.jsonl.gz"))


def expected(log: Path) -> dict[str, Any]:
    return dict(json.loads(log.with_name(log.name.replace(".jsonl.gz", ".expected.json")).read_bytes()))


def compared(found: dict[str, Any], frozen: dict[str, Any]) -> Iterator[str]:
    """What differs, each as one line that says where."""
    found = json.loads(json.dumps(found))
    for part in frozen.keys() - {"says"}:
        if found[part] != frozen[part]:
            yield f"{part}: {found[part]} was {frozen[part]}"
    for topic, said in frozen["says"].items():
        for offset, (now, then) in enumerate(zip(found["says"][topic], said, strict=True)):
            if now != then:
                yield f"{topic} offset {offset}: {now} was {then}"


def test_there_is_a_log() -> None:
    assert "rules1-v1.jsonl.gz" in [log.name for log in LOGS]


@pytest.mark.parametrize("log", LOGS, ids=lambda log: log.name)
def test_a_frozen_log_is_understood_as_it_was(log: Path) -> None:
    assert list(compared(understood(load(log)), expected(log))) == []


@pytest.mark.parametrize("log", LOGS, ids=lambda log: log.name)
def test_a_frozen_log_holds_every_kind_of_message_and_event_and_every_verdict(log: Path) -> None:
    records, frozen = load(log), expected(log)
    types = {record.headers["ce_type"].split(".")[1] for record in records if "ce_type" in record.headers}
    said = {(topic, facts[0]) for topic, all_facts in frozen["says"].items() for facts in all_facts}
    assert types >= {"topology-event", "window-result", "calibration-decision", "alarm", "silence", "started", "dead-letter", "end"}
    assert len(said - {(topic, "Invalid") for topic in topics.ALL_TOPICS}) >= len(KINDS)
    accepted = {facts[3] for facts, verdict in zip(frozen["says"][topics.LEDGER], frozen["verdicts"], strict=True) if verdict == "ACCEPTED"}
    assert accepted == set(EVENT_KINDS)
    assert set(frozen["verdicts"]) >= {None, "ACCEPTED", "STALE", "BAD_DIGEST", "INVALID", "UNKNOWN_RULES", "NO_PARENT"}
    assert set(frozen["verdicts"]) - {None} <= set(Verdict.__members__)


@pytest.mark.parametrize("log", LOGS, ids=lambda log: log.name)
def test_whatever_is_changed_in_a_frozen_log_is_seen(log: Path) -> None:
    """So the test above can fail."""
    records = load(log)
    for index, record in enumerate(records):
        if record.value is not None and record.topic not in (topics.CONFIG, topics.DEAD_LETTER):
            shorter = replace(record, value=record.value[:-1])
            assert list(compared(understood([*records[:index], shorter, *records[index + 1 :]]), expected(log))), record


@pytest.mark.parametrize("log", LOGS, ids=lambda log: log.name)
def test_a_log_is_stored_as_it_was_read(log: Path, tmp_path: Path) -> None:
    store(tmp_path / "log", load(log))
    assert load(tmp_path / "log") == load(log)
