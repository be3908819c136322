"""Digests cover what is true, and nothing of how it came about."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opendt_streams.model.canonical import canonical
from opendt_streams.twinlog.digest import TopicDigest, twinlog_digest
from opendt_streams.twinlog.rebuild import rebuild
from opendt_streams.twinlog.writer import TwinLog
from opendt_streams.wire import headers as h
from opendt_streams.wire import topics
from opendt_streams.wire.messages import Message
from tests.unit.twin.logs import DATACENTER, Logs, Record
from tests.unit.twin.people import folded
from tests.unit.twin.scenario import GRID, Faults
from tests.unit.twinlog.disk import Impatient
from tests.unit.twinlog.worlds import by_topic, logs_of

SEEDS = st.integers(0, 10_000)
TOPICS = topics.TWIN_TOPICS


def digest_of(records: list[Record], datacenter: str = DATACENTER) -> str:
    digest = TopicDigest()
    for offset, record in enumerate(records):
        digest.feed(datacenter, offset, record.value, record.message)
    return digest.hexdigest()


@settings(max_examples=5, deadline=None)
@given(SEEDS)
def test_what_kills_and_double_workers_repeat_leaves_no_trace(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    """The same datacenter, once in peace and once with kills: the scenario is drawn before anything goes wrong."""
    peaceful, killed = (logs_of(seed, faults) for faults in (Faults(), Faults(redeliver=True, crash=True, double=True)))
    for topic in TOPICS:
        assert digest_of(killed[topic]) == digest_of(peaceful[topic])
    folder = tmp_path_factory.mktemp("twinlogs")
    assert written(folder / "killed", killed) == written(folder / "peaceful", peaceful)


@settings(max_examples=12, deadline=None)
@given(SEEDS)
def test_what_does_not_count_leaves_no_trace(seed: int) -> None:
    logs, rng = logs_of(seed), Random(seed)
    for topic in TOPICS:
        if not logs[topic]:
            continue
        log = list(logs[topic])
        for _ in range(5):  # repetitions and rubbish
            log.insert(rng.randrange(1, len(log) + 1), rng.choice([log[0], Record(topic, b"{"), Record(topic, b"")]))
        assert digest_of(log) == digest_of(logs[topic])
    verdicts = folded(logs[topics.LEDGER])
    accepted = [Record(topics.LEDGER, logs[topics.LEDGER][a.offset].value) for a in verdicts.main]
    assert digest_of(accepted) == digest_of(logs[topics.LEDGER]) or verdicts.heads.keys() > {"main"}


@pytest.mark.parametrize("topic", TOPICS)
def test_any_value_that_counts_is_covered(topic: str) -> None:
    logs = logs_of(3, Faults(), 3)
    assert digest_of(logs[topic][:-1]) != digest_of(logs[topic])


def test_a_changed_number_changes_the_digest_and_its_spelling_does_not() -> None:
    log = list(logs_of(3, Faults(), 3)[topics.RESULTS])
    document: dict[str, Any] = dict(log[0].document)
    spelt = [Record(topics.RESULTS, canonical(document) + b" \n", log[0].headers), *log[1:]]
    assert digest_of(spelt) == digest_of(log)
    document["tasks"] = {**document["tasks"], "late": 99}
    assert digest_of([Record(topics.RESULTS, canonical(document), log[0].headers), *log[1:]]) != digest_of(log)


def test_datacenters_are_in_order_of_their_names_however_their_records_mix() -> None:
    log = logs_of(3, Faults(), 3)[topics.RESULTS]
    first, second = TopicDigest(), TopicDigest()
    for offset, record in enumerate(log):
        for digest, names in ((first, "AB"), (second, "BA")):
            for name in names:
                digest.feed(name, offset, record.value, record.message)
    assert first.hexdigest() == second.hexdigest() != digest_of(log, "A")


def written(folder: Path, logs: Logs) -> str:
    rebuild(TwinLog(folder, Impatient()), DATACENTER, GRID, by_topic(logs))
    return twinlog_digest(folder)


def test_the_digest_of_the_twinlog_covers_rows_and_not_offsets_of_the_ledger(tmp_path: Path) -> None:
    logs = logs_of(3, Faults(), 3)
    digest = written(tmp_path / "as it was", logs)
    repeated = {topic: [_doubled(record) for record in records] for topic, records in logs.items()}
    repeated[topics.LEDGER] = [record for record in logs[topics.LEDGER] for _ in range(2)]
    assert written(tmp_path / "repeated", repeated) == digest
    fewer = dict(logs)
    fewer[topics.POWER] = [r for r in logs[topics.POWER] if not _has_samples(r.message)]
    assert written(tmp_path / "without power", fewer) != digest


def _doubled(record: Record) -> Record:
    """The record, had everything on the ledger been written twice."""
    moved = {key: str(2 * int(record.headers[key])) for key in (h.LEDGER, h.PIN) if key in record.headers}
    return Record(record.topic, record.value, record.headers | moved)


def _has_samples(message: Message) -> bool:
    return hasattr(message, "samples")


def test_an_empty_folder_has_a_digest_of_no_rows(tmp_path: Path) -> None:
    assert twinlog_digest(tmp_path / "a") == twinlog_digest(tmp_path / "b")
