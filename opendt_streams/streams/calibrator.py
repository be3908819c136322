"""The calibrator as a Faust worker: every message of its four topics goes to `twin.calibrator.Calibrator.step`.

It has no table: a decision is its snapshot, and it reads its own decisions back.
"""

from __future__ import annotations

import time
from collections import defaultdict
from typing import Any

from opendt_streams.assembly import restore_calibrator
from opendt_streams.streams.app import App, create_app, raw_topic
from opendt_streams.streams.deployment import Deployment
from opendt_streams.streams.log import LogReader
from opendt_streams.streams.worker import Worker
from opendt_streams.twin.calibrator import Calibrator
from opendt_streams.twin.outputs import Output
from opendt_streams.wire import topics
from opendt_streams.wire.messages import Message

SERVICE = "calibrator"
_LOOK_S = 1.0


class FromTopics:
    """Calibrators are restored from sim.topology and sim.calibration."""

    reads = Calibrator.reads
    long_steps = False

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment

    def datacenter_of(self, key: bytes | None) -> str:
        return self._deployment.datacenter_of(key)

    def create(self, datacenter: str) -> Calibrator:
        return restore_calibrator(datacenter, self._deployment.settings)

    async def restore_all(self, partition: int, log: LogReader) -> dict[str, Calibrator]:
        ledger = await self._by_datacenter(log, topics.LEDGER, partition)
        decisions = await self._by_datacenter(log, topics.CALIBRATION, partition)
        settings = self._deployment.settings
        return {  # a datacenter that has no baseline yet has no results either: there is nothing to restore
            datacenter: restore_calibrator(datacenter, settings, events, decisions[datacenter]) for datacenter, events in ledger.items()
        }

    async def stepped(
        self, machines: dict[str, Calibrator], machine: Calibrator, partition: int, outputs: list[Output], in_event: bool
    ) -> None:
        """Nothing to store: the decisions are."""

    async def _by_datacenter(self, log: LogReader, topic: str, partition: int) -> dict[str, list[tuple[int, Message]]]:
        found: dict[str, list[tuple[int, Message]]] = defaultdict(list)
        async for record in log.read(topic, partition):
            found[self.datacenter_of(record.key)].append((record.offset, record.message()))
        return found


class SilenceWatch:
    """Counts how long telemetry alone was missing, in wall time, and only while dc.power is read to its end (PROTOCOL 6.4)."""

    def __init__(self, worker: Worker[Calibrator], max_wait_ms: int) -> None:
        self._worker, self._max_wait_s = worker, max_wait_ms / 1000
        self._since: dict[tuple[int, str], float] = {}

    async def look(self) -> None:
        for partition in list(self._worker.partitions.values()):
            waiting = [d for d, machine in partition.machines.items() if machine.waits_for_power]
            at_end = bool(waiting) and await self._worker.read_to_end(partition, topics.POWER)
            now = time.monotonic()
            for datacenter in partition.machines:
                key = (partition.number, datacenter)
                if datacenter not in waiting or not at_end:
                    self._since.pop(key, None)
                elif now - self._since.setdefault(key, now) >= self._max_wait_s:
                    del self._since[key]
                    await partition.run(datacenter, Calibrator.silence)


def create(deployment: Deployment) -> App:
    """The Faust application."""
    app = create_app(SERVICE, deployment)
    worker = Worker(SERVICE, app, FromTopics(deployment))
    watch = SilenceWatch(worker, deployment.settings.calibrator.max_wait)

    @app.agent(raw_topic(app, topics.RESULTS))
    async def results(stream: Any) -> None:
        await worker.deliver(topics.RESULTS, stream)

    @app.agent(raw_topic(app, topics.POWER))
    async def power(stream: Any) -> None:
        await worker.deliver(topics.POWER, stream)

    @app.agent(raw_topic(app, topics.LEDGER))
    async def ledger(stream: Any) -> None:
        await worker.deliver(topics.LEDGER, stream)

    @app.agent(raw_topic(app, topics.CALIBRATION))
    async def decisions(stream: Any) -> None:
        await worker.deliver(topics.CALIBRATION, stream)

    @app.timer(interval=_LOOK_S)
    async def silence() -> None:
        await worker.or_exit(watch.look())

    return app


def __getattr__(name: str) -> App:
    """`app`, for `faust -A opendt_streams.streams.calibrator worker`: made when asked for, since it needs a run folder."""
    if name == "app":
        return create(Deployment.from_environment())
    raise AttributeError(name)
