"""A record of a topic as it lies in the log: what it says is decoded only when somebody asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from opendt_streams.wire import headers as h
from opendt_streams.wire.decode import decode
from opendt_streams.wire.messages import Message


@dataclass(frozen=True, slots=True)
class Record:
    """`topic` is named without its namespace. `raw_headers` are in the order of the log, with repeated keys if there are any."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    raw_headers: tuple[tuple[str, bytes | None], ...]
    timestamp_ms: int

    @property
    def headers(self) -> Mapping[str, str]:
        """The last readable value of each key."""
        return h.from_kafka(self.raw_headers)

    def message(self) -> Message:
        return decode(self.topic, self.value, self.headers)
