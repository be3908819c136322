"""The topics of a world: logs of records as Kafka holds them, decoded as the live workers decode them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final

from opendt_streams.model.canonical import canonical
from opendt_streams.twin.outputs import DeadLetter, Output, Publish
from opendt_streams.wire import headers as h
from opendt_streams.wire import topics
from opendt_streams.wire.decode import decode
from opendt_streams.wire.messages import Message
from opendt_streams.wire.twin import read_value

BY: Final = "by"  # header: which machine wrote a record; none on what people and datacenters write
DATACENTER: Final = "dc"
WRITTEN: Final = (*topics.TWIN_TOPICS, topics.POWER, topics.DEAD_LETTER)


class Record:
    def __init__(self, topic: str, value: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.topic, self.value, self.headers = topic, value, dict(headers or {})

    @cached_property
    def message(self) -> Message:
        return decode(self.topic, self.value, h.from_kafka(h.to_kafka(self.headers)))

    @cached_property
    def document(self) -> dict[str, Any]:
        return read_value(self.value)

    @property
    def id(self) -> str:
        return str(self.document["id"])


Logs = dict[str, list[Record]]


def empty_logs() -> Logs:
    return {topic: [] for topic in topics.ALL_TOPICS}


def record_of(output: Output, by: str) -> Record | None:
    """What a worker appends to a topic; None for rows of the window table."""
    if isinstance(output, Publish):
        return Record(output.topic, canonical(output.value), {**output.headers, BY: by})
    if isinstance(output, DeadLetter):
        value = canonical({"id": f"{output.topic}|0|{output.offset}", "topic": output.topic, "reason": output.reason})
        return Record(topics.DEAD_LETTER, value)
    return None


def keep_first(log: list[Record]) -> dict[str, Record]:
    """The first record of each id, in the order of the log; what is not ours (garbage) is left out."""
    kept: dict[str, Record] = {}
    for record in log:
        if record.headers.get(BY) or record.topic == topics.DEAD_LETTER:
            kept.setdefault(record.id, record)
    return kept
