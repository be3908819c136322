"""report.json: the story that the topics of a run tell. A pure function of the evidence, so whoever has the bundle can make it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import orjson

from opendt_streams.audit.evidence import Evidence
from opendt_streams.audit.replay.machines import logged_machines
from opendt_streams.audit.sealing.manifest import log_root_of, partition_of
from opendt_streams.audit.sealing.seal import Sealed
from opendt_streams.model import times
from opendt_streams.topology.documents import entry_summary
from opendt_streams.topology.history import History, Pins, Written
from opendt_streams.twinlog.digest import TopicDigest
from opendt_streams.twinlog.score import RunFacts
from opendt_streams.wire import topics
from opendt_streams.wire.messages import AlarmRecorded, DecisionRecorded, ResultRecorded
from opendt_streams.wire.record import Record
from opendt_streams.wire.system import read_started
from opendt_streams.wire.twin import read_value

SUMMARY_FILE: Final = "summary.json"
TWINLOG_FILE: Final = "twinlog.json"
_READ: Final = (topics.LEDGER, topics.RESULTS, topics.CALIBRATION, topics.POWER)


def report_document(evidence: Evidence, sealed: Sealed) -> dict[str, Any]:
    """What the topics and the run's own words (summary.json, twinlog.json, where they are there) tell.

    Raises:
        DamagedEvidence: a file of records cannot be read.
        BadConfiguration: this version cannot understand the settings in the log.
    """
    about = read_document(evidence.folder / SUMMARY_FILE)
    grid = logged_machines(evidence).grid
    facts, digests = RunFacts(grid), {topic: TopicDigest() for topic in topics.TWIN_TOPICS}
    written: list[Written] = []
    decisions: dict[int, dict[str, Any]] = {}
    pins: dict[int, int] = {}
    alarms: dict[str, dict[str, Any]] = {}
    first_window_ms: int | None = None
    for topic in _READ:
        for record in evidence.own(topic):
            message = record.message()
            facts.take(topic, record.offset, message)
            if topic in digests:
                digests[topic].feed(evidence.info.datacenter, record.offset, record.value, message)
            match message:
                case ResultRecorded(result) if first_window_ms is None:
                    first_window_ms = result.window_start_ms
                case DecisionRecorded(decision, pin) if decision.instant_ms not in pins:
                    pins[decision.instant_ms] = pin
                    decisions[decision.instant_ms] = _decision(record, message)
                case AlarmRecorded(alarm):
                    alarms.setdefault(
                        alarm.id, {"offset": record.offset, "time": times.iso(alarm.time_ms), "kind": alarm.kind, "text": alarm.text}
                    )
                case _ if topic == topics.LEDGER:
                    written.append(Written.of(record))
    history = History(written, Pins(pins, grid.publish_every_ms, first_window_ms))
    partitions = [partition_of(log) for log in sealed.logs.values()]
    return {
        "run": evidence.info.run,
        "datacenter": evidence.info.datacenter,
        "code_version": evidence.info.code_version,
        "state": about.get("state"),
        "notes": about.get("notes", []),
        "inputs": about.get("inputs", {}),
        "started": [s for record in evidence.own(topics.CONFIG) if (s := _started(record)) is not None],
        "topics": [
            entry.model_dump(exclude={"segments", "topic"}) | {"event_time_ms": sealed.event_time_ms.get(entry.topic), "topic": entry.topic}
            for entry in partitions
        ],
        "log_root": log_root_of([entry.model_dump() for entry in partitions]),
        "figures": asdict(facts.summary()),
        "summary": about.get("summary"),
        "digests": {topic: digest.hexdigest() for topic, digest in digests.items()}
        | {"twinlog": read_document(evidence.folder / TWINLOG_FILE).get("digest")},
        "ledger": [entry_summary(entry) for entry in history.entries],
        "decisions": list(decisions.values()),
        "alarms": list(alarms.values()),
        "dead_letters": [_dead_letter(record) for record in evidence.own(topics.DEAD_LETTER)],
    }


def read_document(path: Path) -> dict[str, Any]:
    """A JSON object in a file; empty where there is none."""
    try:
        document = orjson.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def _started(record: Record) -> dict[str, Any] | None:
    started = read_started(record.value)
    if started is None:
        return None
    said = ("id", "service", "code_version", "engine", "engine_version")
    return {"offset": record.offset} | {name: getattr(started, name) for name in said} | {"libraries": dict(started.libraries)}


def _decision(record: Record, message: DecisionRecorded) -> dict[str, Any]:
    decision = message.decision
    scores = {name: getattr(decision, name) for name in ("score_in_force", "score_before", "score_after")}
    return {
        "offset": record.offset,
        "instant": times.iso(decision.instant_ms),
        "outcome": decision.outcome,
        "reason": decision.reason,
        "method": decision.method,
        "samples": decision.samples,
        "late_samples": decision.late_samples,
        "topology_event": decision.topology_event,
        "pin": message.pin,
        **{name: None if score is None else score.mape_percent for name, score in scores.items()},
    }


def _dead_letter(record: Record) -> dict[str, Any]:
    try:
        document: Mapping[str, Any] = read_value(record.value or b"")
    except ValueError:
        document = {}
    document = document if isinstance(document, dict) else {}
    return (
        {"offset": record.offset}
        | {name: document.get(name) for name in ("topic", "partition", "reason", "length")}
        | {"at": document.get("offset")}
    )
