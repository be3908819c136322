"""Evidence without Kafka: the topics of a random world, with the headers and records that live services would have written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from opendt_streams.assembly import started_now
from opendt_streams.audit.bundle.packing import pack
from opendt_streams.audit.evidence import RUN_FILE, Evidence, RunInfo, TopicWriter
from opendt_streams.audit.report.files import report_files
from opendt_streams.audit.sealing.manifest import Manifest
from opendt_streams.audit.sealing.seal import read_all, write_seal
from opendt_streams.model.canonical import canonical
from opendt_streams.model.event import TopologyEvent
from opendt_streams.model.times import SECOND
from opendt_streams.settings import Settings, effective_document, of_document
from opendt_streams.version import code_version
from opendt_streams.wire import headers as h
from opendt_streams.wire import topics
from opendt_streams.wire.messages import AlarmRecorded, DecisionRecorded, ResultRecorded, ResultsEnded, Silence
from opendt_streams.wire.record import Record
from opendt_streams.wire.system import dead_letter_value
from tests.unit.twin import logs as world
from tests.unit.twin.logs import BY, DATACENTER, Logs
from tests.unit.twin.scenario import GRID
from tests.unit.twinlog.worlds import logs_of

CLOCK_MS: Final = 1_700_000_000_000  # Kafka's timestamps count from here
MACHINES: Final = ("simulator", "calibrator")
_TYPES: Final = {
    ResultRecorded: "window-result",
    DecisionRecorded: "calibration-decision",
    AlarmRecorded: "alarm",
    Silence: "silence",
    ResultsEnded: "end",
}


def settings() -> Settings:
    """The worlds' grid, as a user would configure it."""
    grid = {
        "simulator": {"window": f"{GRID.window_ms // SECOND}s", "sample_interval": f"{GRID.sample_interval_ms // SECOND}s"},
        "calibrator": {"publish_every": f"{GRID.publish_every_ms // SECOND}s"},
        "stream": {"max_jump": f"{GRID.max_jump_ms // SECOND}s", "dedup_horizon": f"{GRID.dedup_horizon_ms // SECOND}s"},
    }
    return of_document({"datacenter": DATACENTER, **grid}, "test")


def records_of(logs: Logs) -> dict[str, list[Record]]:
    """By topic, as Kafka would hold them."""
    started = {service: started_now(service, settings()) for service in MACHINES}
    found: dict[str, list[Record]] = {topic: [] for topic in topics.ALL_TOPICS}
    for topic, records in logs.items():
        for offset, record in enumerate(records):
            found[topic].append(_live(topic, offset, record, logs, started))
    for service, value in started.items():
        headers = {**_event(str(value["id"]), "started", service), h.CONFIG: str(value["id"])}
        found[topics.CONFIG].append(_record(topics.CONFIG, len(found[topics.CONFIG]), canonical(value), headers))
    return found


def _live(topic: str, offset: int, record: world.Record, logs: Logs, started: Mapping[str, Any]) -> Record:
    if topic == topics.DEAD_LETTER:
        return _dead_letter(offset, record, logs, started)
    headers, by = dict(record.headers), record.headers.get(BY)
    if by is None:
        return _record(topic, offset, record.value, headers)
    del headers[BY]
    kind = next((name for known, name in _TYPES.items() if isinstance(record.message, known)), "end")
    kind = "topology-event" if isinstance(record.message, TopologyEvent) else kind
    identity = str(record.document.get("id", f"{DATACENTER}|{topic}|{offset}"))
    return _record(topic, offset, record.value, {**_event(identity, kind, by), h.CONFIG: str(started[by]["id"]), **headers})


def _dead_letter(offset: int, record: world.Record, logs: Logs, started: Mapping[str, Any]) -> Record:
    topic, _, at = record.id.split("|")
    service = "calibrator" if topic in (topics.POWER, topics.RESULTS, topics.CALIBRATION) else "simulator"
    value = dead_letter_value(topic, 0, int(at), str(record.document["reason"]), logs[topic][int(at)].value)
    headers = {**_event(record.id, "dead-letter", service), h.CONFIG: str(started[service]["id"])}
    return _record(topics.DEAD_LETTER, offset, canonical(value), headers)


def _event(identity: str, kind: str, service: str) -> dict[str, str]:
    return h.cloud_event(event_id=identity, event_type=kind, source=f"opendt/{service}", time="2024-01-01T00:00:00Z")


def _record(topic: str, offset: int, value: bytes, headers: Mapping[str, str]) -> Record:
    return Record(topic, 0, offset, DATACENTER.encode(), value, tuple(h.to_kafka(headers)), CLOCK_MS + 7 * offset)


def write_evidence(folder: Path, records: Mapping[str, list[Record]], starts: Mapping[str, int] | None = None) -> Evidence:
    """A folder as `copy_topics` writes it."""
    folder.mkdir(parents=True, exist_ok=True)
    starts = starts or {}
    for topic, log in records.items():
        with TopicWriter(folder, topic) as writer:
            for record in log:
                writer.put(record)
    info = RunInfo(
        run="a-run",
        datacenter=DATACENTER,
        partition=0,
        partitions=1,
        code_version=code_version(),
        settings=effective_document(settings()),
        log={t: (starts.get(t, 0), log[-1].offset + 1 if log else starts.get(t, 0)) for t, log in records.items()},
    )
    (folder / RUN_FILE).write_text(info.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return Evidence(folder)


def seal_folder(folder: Path) -> Manifest:
    """Complete a folder of evidence, as an export does."""
    evidence = Evidence(folder)
    (folder / "config.yaml").write_text("datacenter: dc\n", encoding="utf-8")
    (folder / "summary.json").write_text(
        json.dumps({"state": "complete", "notes": ["<b>people edited the topology</b>"]}), encoding="utf-8"
    )
    (folder / "twinlog.json").write_text('{"digest": null}', encoding="utf-8")
    sealed = read_all(evidence)
    for name, content in report_files(evidence, sealed).items():
        (folder / name).write_bytes(content)
    return write_seal(folder, sealed)


def make_bundle(folder: Path, seed: int, file: Path) -> Manifest:
    """A bundle of a random world; its folder stays beside it."""
    write_evidence(folder, records_of(logs_of(seed)))
    manifest = seal_folder(folder)
    pack(folder, file)
    return manifest
