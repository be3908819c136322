"""From bytes to messages: one function per topic. Pure, and total: what cannot be read is an `Invalid` with its reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json, to_json

from opendt_streams.errors import BadInput
from opendt_streams.model.canonical import digest, sha256_hex
from opendt_streams.model.carbon import CarbonTrace, carbon_trace
from opendt_streams.model.power import Meter, PowerSample
from opendt_streams.model.task import Task, fragments
from opendt_streams.model.topology_json import read_topology, to_document
from opendt_streams.model.unmodelled import unmodelled
from opendt_streams.wire import datacenter as dc
from opendt_streams.wire import topics, twin, versions
from opendt_streams.wire.fields import first_problem
from opendt_streams.wire.messages import End, Heartbeat, Invalid, Message, PowerBatch, Silence, Snapshot, TaskSubmitted

Headers = Mapping[str, str]
M = TypeVar("M", bound=BaseModel)


def decode(topic: str, value: bytes | None, headers: Headers, upcasters: versions.Upcasters = versions.UPCASTERS) -> Message:
    """The message of a record of `topic` (its name without namespace), of any schema version up to the newest."""
    if not value:
        kind = "an empty message" if value is not None else "a tombstone (no value)"
        return Invalid(f"{kind}; expected a JSON object", sha256_hex(b""))
    if len(value) > topics.MAX_VALUE_BYTES:
        return Invalid(f"{len(value)} bytes; expected at most {topics.MAX_VALUE_BYTES}", sha256_hex(value))
    try:
        written = _document(value)
        document = versions.upcast(headers.get(versions.TYPE), written, upcasters)
        # A snapshot's name is the digest of its bytes as they came; the twin's own messages are validated from bytes.
        current = value if document is written or topic in topics.DATACENTER_TOPICS else to_json(document)
        return _READERS[topic](current, document, headers)
    except BadInput as error:
        return Invalid(str(error), sha256_hex(value))


def _document(value: bytes) -> dict[str, Any]:
    try:
        document = from_json(value, allow_inf_nan=False)
    except ValueError as error:
        raise BadInput(f"not JSON: {error}", expected="a JSON object in UTF-8, with finite numbers") from None
    if not isinstance(document, dict):
        raise BadInput(f"{type(document).__name__} at the top", expected="a JSON object")
    return document


def validated(model: type[M], document: Mapping[str, Any]) -> M:
    """The document as `model`.

    Raises:
        BadInput: with the path and the reason of the first field that is wrong.
    """
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise first_problem(error) from None


def _read_workload(_: bytes, document: dict[str, Any], __: Headers) -> Message:
    match document.get("message_type"):
        case "task":
            return TaskSubmitted(_read_task(document))
        case "heartbeat":
            beat = validated(dc.HeartbeatMessage, document)
            return Heartbeat(beat.timestamp, beat.snapshot)
        case "end":
            return End()
        case other:
            raise _unknown_type(other, "task, heartbeat or end")


def _read_task(document: dict[str, Any]) -> Task:
    body = document.get("task")
    columnar = isinstance(body, dict) and isinstance(body.get("fragments"), dict)
    task = validated(dc.TaskMessage, document).task if columnar else validated(dc.OpenDTTaskMessage, document).task
    if isinstance(task, dc.TaskBody):
        columns = fragments(task.fragments.duration_ms, task.fragments.cpu_usage_mhz)
    else:
        columns = fragments([f.duration for f in task.fragments], [f.cpu_usage for f in task.fragments])
    return Task(
        id=task.id,
        submission_ms=task.submission_time,
        duration_ms=task.duration,
        cpu_count=task.cpu_count,
        cpu_capacity_mhz=task.cpu_capacity,
        mem_capacity=task.mem_capacity,
        fragments=columns,
    )


def _read_power(_: bytes, document: dict[str, Any], __: Headers) -> Message:
    match document.get("message_type"):
        case None if "power_draw" in document:
            sample = validated(dc.OpenDTPowerMessage, document)
            return PowerBatch((PowerSample(sample.timestamp, sample.power_draw),))
        case "power" if "samples" in document:
            batch = validated(dc.PowerBatchMessage, document)
            columns, meter = batch.samples, Meter(batch.meter.cluster, batch.meter.host_group)
            meters = [meter] * len(columns.power_w)
            if columns.cluster is not None or columns.host_group is not None:
                nothing = [None] * len(meters)
                meters = [Meter(c, g) for c, g in zip(columns.cluster or nothing, columns.host_group or nothing, strict=True)]
            samples = zip(columns.timestamp_ms, columns.power_w, meters, strict=True)
            return PowerBatch(tuple(PowerSample(t, w, m) for t, w, m in samples))
        case "power":
            one = validated(dc.PowerMessage, document)
            return PowerBatch((PowerSample(one.timestamp, one.power_draw, Meter(one.meter.cluster, one.meter.host_group)),))
        case "heartbeat":
            return Heartbeat(validated(dc.HeartbeatMessage, document).timestamp)
        case "end":
            return End()
        case "silence":
            return Silence(validated(dc.SilenceMessage, document).instant)
        case other:
            raise _unknown_type(other, "power, heartbeat, end or silence")


def _read_physical(value: bytes, document: dict[str, Any], _: Headers) -> Message:
    if document.get("message_type", "topology-snapshot") != "topology-snapshot":
        raise _unknown_type(document["message_type"], "topology-snapshot")
    message = validated(dc.SnapshotMessage, document)
    topology = read_topology(message.topology, "opendt")
    carbon = _carbon_of(topology_traces=[c.carbon_trace for c in topology.clusters], columns=message.carbon)
    content = digest(
        {
            "topology": to_document(topology),
            "carbon": {name: [trace.time_ms.tolist(), trace.intensity_g_per_kwh.tolist()] for name, trace in carbon.items()},
        }
    )
    return Snapshot(sha256_hex(value), content, topology, carbon, unmodelled(message.topology))


def _carbon_of(topology_traces: list[str | None], columns: Mapping[str, dc.CarbonColumns]) -> dict[str, CarbonTrace]:
    """Traces by the name that the topology uses; a message may carry them by path or by file name."""
    by_file = {file_name(name): c for name, c in columns.items()}
    return {
        name: carbon_trace(by_file[file_name(name)].timestamp_ms, by_file[file_name(name)].intensity_g_per_kwh)
        for name in dict.fromkeys(topology_traces)
        if name is not None and file_name(name) in by_file
    }


def file_name(path: str) -> str:
    """The last part of a path of any platform: `carbonTracePath` is a container's path in OpenDT's files."""
    return PurePosixPath(path.replace("\\", "/")).name


def _unknown_type(found: object, expected: str) -> BadInput:
    return BadInput(f"unknown message type {found!r}", expected=expected, where="message_type")


_READERS: Final[dict[str, Callable[[bytes, dict[str, Any], Headers], Message]]] = {
    topics.WORKLOAD: _read_workload,
    topics.POWER: _read_power,
    topics.PHYSICAL: _read_physical,
    topics.LEDGER: twin.read_event,
    topics.RESULTS: twin.read_result,
    topics.CALIBRATION: twin.read_calibration,
}
