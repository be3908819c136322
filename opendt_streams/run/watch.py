"""How far the twin is, seen from the topics: what a progress bar shows, and whether it still moves."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Final

from opendt_streams.streams.deployment import Deployment
from opendt_streams.streams.log import LogReader
from opendt_streams.wire import topics
from opendt_streams.wire.messages import CalibrationEnded, Heartbeat, ResultRecorded, ResultsEnded
from opendt_streams.wire.record import Record

_TAIL: Final = 50
_LOOK_S: Final = 0.1


@dataclass(slots=True)
class Progress:
    """What sim.results and sim.calibration have said so far."""

    windows: int = 0
    first_window_ms: int | None = None
    simulated_until_ms: int | None = None
    results_ended: bool = False
    calibration_ended: bool = False
    moved_at: float = 0.0  # monotonic clock

    def take(self, record: Record) -> None:
        self.moved_at = time.monotonic()
        match record.message():
            case ResultsEnded():
                self.results_ended = True
            case CalibrationEnded():
                self.calibration_ended = True
            case ResultRecorded(result) if result.window_end_ms > (self.simulated_until_ms or result.window_start_ms):
                self.windows += 1
                self.first_window_ms = result.window_start_ms if self.first_window_ms is None else self.first_window_ms
                self.simulated_until_ms = result.window_end_ms
            case _:
                pass  # decisions move nothing that is shown; what cannot be read is the calibrator's dead letter

    @property
    def ended(self) -> bool:
        return self.results_ended and self.calibration_ended


async def follow(log: LogReader, partition: int, progress: Progress) -> None:
    """Take what both topics say, until both have ended."""
    positions = {topics.RESULTS: 0, topics.CALIBRATION: 0}
    while not progress.ended:
        moved = False
        for topic, position in positions.items():
            async for record in log.read(topic, partition, position):
                progress.take(record)
                positions[topic] = record.offset + 1
                moved = True
        if not moved:
            await asyncio.sleep(_LOOK_S)


async def announced_until_ms(log: LogReader, partition: int) -> int | None:
    """The newest heartbeat among the last messages of dc.workload: what the simulator should have reached by now."""
    end = await log.end(topics.WORKLOAD, partition)
    newest: int | None = None
    async for record in log.read(topics.WORKLOAD, partition, max(await log.start(topics.WORKLOAD, partition), end - _TAIL), end):
        if isinstance(message := record.message(), Heartbeat):
            newest = max(newest or message.time_ms, message.time_ms)
    return newest


async def first_message_ms(deployment: Deployment) -> int | None:
    """When the first message of the datacenter was produced, in wall time; None while there is none."""
    produced: list[int] = []
    async with LogReader(deployment.url, deployment.settings.kafka) as log:
        for topic in topics.DATACENTER_TOPICS:
            start = await log.start(topic, deployment.partition)
            if start < await log.end(topic, deployment.partition):
                produced += [record.timestamp_ms async for record in log.read(topic, deployment.partition, start, start + 1)]
    return min(produced, default=None)
