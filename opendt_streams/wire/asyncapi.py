"""The topics as an AsyncAPI 3 document: addresses, messages with keys and headers, who sends and who receives."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from opendt_streams import __version__
from opendt_streams.wire import headers as h
from opendt_streams.wire import topics
from opendt_streams.wire.kinds import CHANNELS, KINDS, Channel, Kind

# Who writes the dc topics where the datacenter is real.
DATACENTER: Final = "datacenter"

_TEXT: Final = """\
A datacenter digital twin over Kafka. The datacenter says what it does on the dc topics; the twin answers on the sim topics.

Values are JSON in UTF-8 and say what is true; headers (CloudEvents 1.0, binary mode) say when, by whom and from which offsets.
All topics have the same number of partitions; the key is the datacenter's id, so that one worker owns all of a datacenter.
On a shared cluster a namespace goes before each address: NAME.dc.workload. The dc topics also take OpenDT's own messages,
with any key and without headers."""

_HEADERS: Final = {
    "ce_specversion": "CloudEvents version: 1.0",
    "ce_id": "The record's id. It is positional: of two records with one id readers keep the first.",
    "ce_type": "opendt.<message>.v<version of its schema>",
    "ce_source": "opendt/<service>; opendt/cli or opendt/api where people write",
    "ce_time": "Wall-clock time at which the record was written, ISO 8601",
    "content-type": "application/json",
    h.CONFIG: "Id of the writer's `started` record on sys.config",
    h.INPUTS: "JSON: for each topic that the writer reads the offset of its next input",
    h.LEDGER: "Offset up to which (exclusive) the writer had folded sim.topology",
    h.PIN: "Offset of sim.topology (exclusive) whose head the windows up to the next instant use",
    h.RESUME: "JSON: where a calibrator that restarts from this decision goes on reading",
}
_CLOUD_EVENT: Final = tuple(name for name in _HEADERS if name.startswith("ce_"))


def asyncapi_document(version: str) -> dict[str, Any]:
    """The document; payloads refer to the JSON Schemas beside it, <message>/<version>.json."""
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "opendt-streams", "version": __version__, "description": _TEXT, "license": {"name": "MIT"}},
        "defaultContentType": "application/json",
        "channels": {channel.topic: _channel(channel) for channel in CHANNELS},
        "operations": dict(_operations()),
        "components": {"messages": {kind.name: _message(kind, version) for kind in KINDS}},
    }


def _channel(channel: Channel) -> dict[str, Any]:
    configuration = {"cleanup.policy": ["delete"], "retention.ms": -1, "max.message.bytes": topics.MAX_RECORD_BYTES}
    return {
        "address": channel.topic,
        "description": channel.text,
        "messages": {kind.name: {"$ref": f"#/components/messages/{kind.name}"} for kind in channel.kinds},
        "bindings": {"kafka": {"topic": channel.topic, "topicConfiguration": configuration, "bindingVersion": "0.5.0"}},
    }


def _operations() -> Iterable[tuple[str, dict[str, Any]]]:
    for channel in CHANNELS:
        for service, kinds in channel.writers.items():
            yield f"{service}.send.{channel.topic}", _operation("send", f"{service} writes {channel.topic}", channel, kinds)
        if channel.observed:
            kinds = next(iter(channel.writers.values()))
            words = f"A real datacenter's producers write {channel.topic} instead of dc-mock"
            yield f"{DATACENTER}.send.{channel.topic}", _operation("send", words, channel, kinds)
        for service in channel.readers:
            yield (
                f"{service}.receive.{channel.topic}",
                _operation("receive", f"{service} reads {channel.topic}", channel, channel.kinds),
            )


def _operation(action: str, summary: str, channel: Channel, kinds: Iterable[Kind]) -> dict[str, Any]:
    messages = [{"$ref": f"#/channels/{channel.topic}/messages/{kind.name}"} for kind in kinds]
    return {"action": action, "summary": summary, "channel": {"$ref": f"#/channels/{channel.topic}"}, "messages": messages}


def _message(kind: Kind, version: str) -> dict[str, Any]:
    # The twin writes all headers; of a datacenter's producers none is asked.
    required = [*_CLOUD_EVENT, *kind.headers] if kind.headers else []
    names = [*_CLOUD_EVENT, "content-type", *kind.headers, *kind.optional]
    headers: dict[str, Any] = {"type": "object", "properties": {n: {"type": "string", "description": _HEADERS[n]} for n in names}}
    if required:
        headers["required"] = required
    return {
        "name": kind.name,
        "title": kind.title,
        "contentType": "application/json",
        "headers": headers,
        "payload": {
            "schemaFormat": "application/schema+json;version=draft-2020-12",
            "schema": {"$ref": f"./{kind.name}/{version}.json"},
        },
        "bindings": {"kafka": {"key": {"type": "string", "description": "The datacenter's id"}, "bindingVersion": "0.5.0"}},
    }
