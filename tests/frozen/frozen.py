"""Logs as they were written by every version there has been: one record per line, and what each record says to the code of today."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import orjson

from opendt_streams.model.event import TopologyEvent
from opendt_streams.model.topology_json import to_document
from opendt_streams.topology.ledger import Ledger
from opendt_streams.twinlog.digest import TopicDigest
from opendt_streams.wire import messages as m
from opendt_streams.wire import topics
from opendt_streams.wire.record import Record
from opendt_streams.wire.system import UNPROCESSED, read_started

FOLDER: Final = Path(__file__).parent
DATACENTER: Final = "frozen"


def store(path: Path, records: Iterable[Record]) -> None:
    lines = (orjson.dumps(_line(record), option=orjson.OPT_SORT_KEYS) + b"\n" for record in records)
    path.write_bytes(gzip.compress(b"".join(lines), mtime=0))


def load(path: Path) -> list[Record]:
    return [_record(orjson.loads(line)) for line in gzip.decompress(path.read_bytes()).splitlines()]


def _line(record: Record) -> dict[str, Any]:
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp_ms": record.timestamp_ms,
        "key": None if record.key is None else record.key.decode(),
        "value": None if record.value is None else record.value.decode(),
        "headers": [[name, None if value is None else value.decode()] for name, value in record.raw_headers],
    }


def _record(line: dict[str, Any]) -> Record:
    def raw(text: str | None) -> bytes | None:
        return None if text is None else text.encode()

    headers = tuple((name, raw(value)) for name, value in line["headers"])
    return Record(line["topic"], line["partition"], line["offset"], raw(line["key"]), raw(line["value"]), headers, line["timestamp_ms"])


def understood(records: list[Record]) -> dict[str, Any]:
    """All that must stay as it was: what each record says, verdicts, heads, and the digests of the twin's topics."""
    ledger, verdicts, head_at = Ledger(), [], []
    digests = {topic: TopicDigest() for topic in topics.TWIN_TOPICS}
    for record in records:
        if record.topic in digests:
            digests[record.topic].feed(DATACENTER, record.offset, record.value, record.message())
        if record.topic == topics.LEDGER:
            verdicts.append(_verdict(ledger, record))
            head_at.append(ledger.head.event.id if ledger.head else None)
    return {
        "says": {topic: [says(r) for r in records if r.topic == topic] for topic in topics.ALL_TOPICS},
        "verdicts": verdicts,
        "head_after": head_at,
        "heads": {branch: accepted.event.id for branch, accepted in sorted(ledger.heads.items())},
        "topologies": {branch: to_document(accepted.topology) for branch, accepted in sorted(ledger.heads.items())},
        "digests": {topic: digest.hexdigest() for topic, digest in digests.items()},
    }


def _verdict(ledger: Ledger, record: Record) -> str | None:
    message = record.message()
    if not isinstance(message, TopologyEvent):
        ledger.skip(record.offset)
        return None
    judged = ledger.add(record.offset, message)
    return None if judged is None else judged.verdict.name


def says(record: Record) -> list[Any]:
    """The kind of message, and the facts in it. A field that is added later does not change what these were."""
    if record.topic == topics.CONFIG:
        started = read_started(record.value)
        return ["Started", *([started.id, started.service, started.engine] if started else [])]
    if record.topic == topics.DEAD_LETTER:
        letter = UNPROCESSED.validate_json(record.value or b"")
        return ["UnprocessedRecord", letter.id, letter.reason, letter.length, letter.sha256]
    message = record.message()
    return [type(message).__name__, *_facts(message)]


def _facts(message: m.Message) -> list[Any]:
    match message:
        case m.Heartbeat(time_ms, snapshot):
            return [time_ms, snapshot]
        case m.TaskSubmitted(task):
            columns = [task.fragments.duration_ms.tolist(), task.fragments.cpu_usage_mhz.tolist()]
            return [task.id, task.submission_ms, task.duration_ms, task.cpu_count, task.cpu_capacity_mhz, task.mem_capacity, columns]
        case m.PowerBatch(samples):
            return [[s.time_ms, s.power_w, asdict(s.meter)] for s in samples]
        case m.Silence(instant_ms):
            return [instant_ms]
        case m.Snapshot(digest, content, topology, carbon):
            return [digest, content, to_document(topology), {name: trace.time_ms.tolist() for name, trace in carbon.items()}]
        case TopologyEvent():
            return [message.id, message.rules, message.kind, message.branch, message.parent, message.actor, message.reason, message.cause]
        case m.ResultRecorded(result, ledger):
            total = result.total
            power_w = list(total.power_w) if total else None
            tasks = [result.tasks.submitted, result.tasks.completed, result.tasks.running, result.tasks.late, result.tasks.duplicate]
            basis = [[b.hosts, b.capacity_mhz, list(b.window_demand_mhz), list(b.window_host_ms)] for b in result.basis]
            return [result.id, result.window_start_ms, result.topology_event, result.drain, tasks, power_w, basis, ledger]
        case m.ResultsEnded(unplaceable):
            return [unplaceable]
        case m.DecisionRecorded(decision, pin, resume):
            fitted = [decision.outcome, decision.reason, decision.topology_event, decision.samples, dict(decision.parameters)]
            return [decision.id, decision.instant_ms, *fitted, dict(decision.estimate), pin, resume.power, resume.results]
        case m.AlarmRecorded(alarm):
            return [alarm.id, alarm.kind, alarm.time_ms, alarm.text]
        case m.Invalid(_, digest):
            return [digest]
        case _:
            return []
