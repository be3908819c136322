"""Which event time the records of a topic speak of: the first and the last, for the manifest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import orjson

from opendt_streams.errors import BadInput
from opendt_streams.model import times
from opendt_streams.wire.record import Record

_FIELDS: Final = ("timestamp", "window_start_ms", "window_end_ms", "instant_ms", "instant", "time_ms")


class EventTimes:
    """Takes records; `range_ms` is None while none has spoken of a time."""

    def __init__(self) -> None:
        self.range_ms: tuple[int, int] | None = None

    def take(self, record: Record) -> None:
        for time_ms in _times(record.value):
            first, last = self.range_ms or (time_ms, time_ms)
            self.range_ms = min(first, time_ms), max(last, time_ms)


def _times(value: bytes | None) -> Iterator[int]:
    """In any message of the topics, ours or OpenDT's; nothing in what is none."""
    try:
        document = orjson.loads(value or b"null")
    except ValueError:
        return
    if not isinstance(document, dict):
        return
    task, samples = document.get("task"), document.get("samples")
    said: list[Any] = [document.get(name) for name in _FIELDS]
    if isinstance(task, dict):
        said.append(task.get("submission_time"))
    if isinstance(samples, dict):
        said += samples["timestamp_ms"] if isinstance(samples.get("timestamp_ms"), list) else []
    yield from _readable(said)


def _readable(said: Iterable[Any]) -> Iterator[int]:
    for time in said:
        if time is None:
            continue
        try:
            yield times.parse(time, naive_is_utc=True)
        except (BadInput, OverflowError):
            continue
