"""The merged, time-ordered stream in which dc-mock says what a datacenter said (PROTOCOL 4.2, 4.6, 5.3; opendt-compat 1.2).

Pure: no clock, no Kafka, no message bodies. An item says what is due, and when in event time; who sends it looks the content up.

Time goes on until the last task is submitted and the last sample taken; where nothing was measured, until the last recorded demand ends:
a trace that says what a task used until four o'clock was not written before.

The topology snapshot comes once, before everything; at one instant: workload heartbeat, tasks, power batch, power heartbeat;
the two ends last. A heartbeat at T thus precedes the tasks submitted at T (windows are half open) and follows the samples of T.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, TypeAlias

import numpy as np

from opendt_streams.errors import BadInput
from opendt_streams.model.task import Int64
from opendt_streams.model.times import MINUTE, floor, iso
from opendt_streams.wire import topics
from opendt_streams.workload.reader import Workload

TOPOLOGY_TOPIC: Final = topics.PHYSICAL
WORKLOAD_TOPIC: Final = topics.WORKLOAD
POWER_TOPIC: Final = topics.POWER


@dataclass(frozen=True, slots=True)
class ReplaySettings:
    """`until_ms`: nothing after this instant is said, the ends excepted."""

    heartbeat_every_ms: int = MINUTE
    power_batch_ms: int = 5 * MINUTE
    until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class SnapshotItem:
    """The topology and its carbon traces. Heartbeats name it, so the broker must have acknowledged it before the next item."""

    time_ms: int
    topic: ClassVar[str] = TOPOLOGY_TOPIC


@dataclass(frozen=True, slots=True)
class HeartbeatItem:
    topic: str
    time_ms: int


@dataclass(frozen=True, slots=True)
class TaskItem:
    """Task `index` of the workload's table."""

    index: int
    time_ms: int
    topic: ClassVar[str] = WORKLOAD_TOPIC


@dataclass(frozen=True, slots=True)
class PowerItem:
    """Samples start to stop (exclusive) of the workload's series; the time is that of the last one."""

    start: int
    stop: int
    time_ms: int
    topic: ClassVar[str] = POWER_TOPIC


@dataclass(frozen=True, slots=True)
class EndItem:
    topic: str
    time_ms: int


Item: TypeAlias = SnapshotItem | HeartbeatItem | TaskItem | PowerItem | EndItem


def replay(workload: Workload, settings: ReplaySettings = ReplaySettings(), skip: Mapping[str, int] | None = None) -> Iterator[Item]:
    """The stream of a workload. With `skip` (messages already on the log, per topic) only the rest, in the same order.

    Raises:
        BadInput: for steps that are not positive, or an `until_ms` before the data begin.
    """
    for name in ("heartbeat_every_ms", "power_batch_ms"):
        if getattr(settings, name) <= 0:
            raise BadInput(f"{name} is {getattr(settings, name)}", expected="more than 0")
    plan = _Plan.of(workload, settings)
    if plan.until_ms < plan.first_ms:
        raise BadInput(
            f"the replay would end at {iso(plan.until_ms)}, before the data of {workload.name} begin",
            expected=f"a time from {iso(plan.first_ms)} on",
            where="--until",
        )
    return _after(plan.items(), dict(skip or {}))


def _after(items: Iterator[Item], skip: dict[str, int]) -> Iterator[Item]:
    for item in items:
        left = skip.get(item.topic, 0)
        if left:
            skip[item.topic] = left - 1
        else:
            yield item


def _recorded_until_ms(workload: Workload) -> Int64:
    """When the last task ends if none has to wait; nothing without tasks. Shape (0,) or (1,)."""
    tasks = workload.tasks
    until = np.concatenate(([0], np.cumsum(tasks.fragment_duration_ms)))[tasks.fragment_offsets]
    return (tasks.submission_ms + np.diff(until)).max(keepdims=True) if len(tasks) else tasks.submission_ms


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    first_ms: int
    last_heartbeat_ms: int
    until_ms: int
    heartbeat_every_ms: int
    submission_ms: Int64
    sample_ms: Int64
    batch_stops: Int64  # sample index after the last of each batch

    @staticmethod
    def of(workload: Workload, settings: ReplaySettings) -> _Plan:
        submission = workload.tasks.submission_ms
        sample = workload.power.time_ms if workload.power is not None else np.empty(0, dtype=np.int64)
        recorded = _recorded_until_ms(workload) if not len(sample) else submission[-1:]
        moments = np.concatenate((submission[:1], recorded, submission[-1:], sample[:1], sample[-1:]))
        if not len(moments):
            raise BadInput("the workload is empty", expected="at least one task or power sample", where=workload.name)
        first, last = floor(int(moments.min()), MINUTE), int(moments.max())
        every = settings.heartbeat_every_ms
        last_heartbeat = first + -(-(last - first) // every) * every
        until = last_heartbeat if settings.until_ms is None else settings.until_ms
        submission, sample = (column[: np.searchsorted(column, until, side="right")] for column in (submission, sample))
        # Batches are (k B, (k + 1) B] since the epoch: one ends at every publication instant, if there is a sample.
        batch = -(-sample // settings.power_batch_ms)
        stops = np.append(np.flatnonzero(np.diff(batch)) + 1, len(sample)) if len(sample) else np.empty(0, dtype=np.int64)
        return _Plan(first, last_heartbeat, until, every, submission, sample, stops)

    def items(self) -> Iterator[Item]:
        yield SnapshotItem(self.first_ms)
        last_ms = self.first_ms
        # At equal times merge takes from the earlier of its arguments first: this line is the order within an instant.
        streams: tuple[Iterator[Item], ...] = (self._workload_heartbeats(), self._tasks(), self._power(), self._power_heartbeats())
        for item in heapq.merge(*streams, key=lambda item: item.time_ms):
            last_ms = item.time_ms
            yield item
        yield EndItem(WORKLOAD_TOPIC, last_ms)
        yield EndItem(POWER_TOPIC, last_ms)

    def _heartbeat_times(self) -> range:
        return range(self.first_ms, min(self.last_heartbeat_ms, self.until_ms) + 1, self.heartbeat_every_ms)

    def _workload_heartbeats(self) -> Iterator[HeartbeatItem]:
        return (HeartbeatItem(WORKLOAD_TOPIC, t) for t in self._heartbeat_times())

    def _tasks(self) -> Iterator[TaskItem]:
        return (TaskItem(i, t) for i, t in enumerate(map(int, self.submission_ms)))

    def _power(self) -> Iterator[PowerItem]:
        start = 0
        for stop in map(int, self.batch_stops):
            yield PowerItem(start, stop, int(self.sample_ms[stop - 1]))
            start = stop

    def _power_heartbeats(self) -> Iterator[HeartbeatItem]:
        """Not while samples of that time wait for their batch: a heartbeat would pass them, and the batch says more when it comes."""
        stops = {0, *map(int, self.batch_stops)}
        for t in self._heartbeat_times():
            if int(np.searchsorted(self.sample_ms, t, side="right")) in stops:
                yield HeartbeatItem(POWER_TOPIC, t)
