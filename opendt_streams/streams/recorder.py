"""The recorder as a Faust worker: every message of its four topics goes to `twinlog.recorder.Recorder.step`; finished parts become files.

Its state is `twinlog/recorder.json`: from which offsets to go on. It writes nothing to any topic.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Final

from opendt_streams.streams.app import App, create_app, raw_topic
from opendt_streams.streams.deployment import Deployment
from opendt_streams.streams.log import LogReader
from opendt_streams.streams.worker import Worker
from opendt_streams.twin.outputs import Output
from opendt_streams.twinlog.recorder import Recorder
from opendt_streams.twinlog.writer import TwinLog, twinlog_folder
from opendt_streams.wire import topics
from opendt_streams.wire.messages import Message

SERVICE = "recorder"
_LOOK_S: Final = 1.0


def is_complete(run_dir: Path) -> bool:
    """Whether the recorder has written everything up to both ends."""
    return TwinLog(twinlog_folder(run_dir)).complete


class FromFolder:
    """The recorder is restored from its folder. It records the configured datacenter: a folder holds one."""

    reads = Recorder.reads
    long_steps = False

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._log = TwinLog(twinlog_folder(deployment.run_dir))

    def datacenter_of(self, key: bytes | None) -> str:
        return self._deployment.datacenter_of(key)

    def create(self, datacenter: str) -> Recorder:
        return Recorder(datacenter, self._deployment.settings.grid)

    async def restore_all(self, partition: int, log: LogReader) -> dict[str, Recorder]:
        stored = self._log.checkpoint()
        if stored is None:
            return {}
        ledger: list[tuple[int, Message]] = [
            (record.offset, record.message())
            async for record in log.read(topics.LEDGER, partition)
            if self.datacenter_of(record.key) == self._deployment.datacenter
        ]
        if not ledger:
            return {}  # the configured datacenter lives in another partition
        datacenter = self._deployment.datacenter
        return {datacenter: Recorder.restore(datacenter, self._deployment.settings.grid, stored, ledger)}

    async def stepped(
        self, machines: dict[str, Recorder], machine: Recorder, partition: int, outputs: list[Output], in_event: bool
    ) -> None:
        if machine.datacenter != self._deployment.datacenter:
            machine.take_parts()
            return
        if parts := machine.take_parts():
            await asyncio.to_thread(self._log.store, parts, machine.checkpoint())
        if machine.complete:
            self._log.mark_complete()

    def finish_without_meters(self, machine: Recorder) -> list[Output]:
        """The twin has ended, but nobody ends dc.power: what there is of it is all there will be."""
        self._log.store(machine.flush(), machine.checkpoint())
        self._log.mark_complete()
        return []


def create(deployment: Deployment) -> App:
    """The Faust application."""
    # A group of its own: it gets all partitions, whatever other recorders do, and so the one of its datacenter.
    app = create_app(f"{SERVICE}-{deployment.datacenter}", deployment)
    storage = FromFolder(deployment)
    worker = Worker(SERVICE, app, storage)

    @app.agent(raw_topic(app, topics.RESULTS))
    async def results(stream: Any) -> None:
        await worker.deliver(topics.RESULTS, stream)

    @app.agent(raw_topic(app, topics.CALIBRATION))
    async def decisions(stream: Any) -> None:
        await worker.deliver(topics.CALIBRATION, stream)

    @app.agent(raw_topic(app, topics.LEDGER))
    async def ledger(stream: Any) -> None:
        await worker.deliver(topics.LEDGER, stream)

    @app.agent(raw_topic(app, topics.POWER))
    async def power(stream: Any) -> None:
        await worker.deliver(topics.POWER, stream)

    @app.timer(interval=_LOOK_S)
    async def unended_meters() -> None:
        await worker.or_exit(_finish_without_meters(worker, storage))

    return app


async def _finish_without_meters(worker: Worker[Recorder], storage: FromFolder) -> None:
    if is_complete(worker.deployment.run_dir):
        return
    datacenter = worker.deployment.datacenter
    for partition in list(worker.partitions.values()):
        machine = partition.machines.get(datacenter)
        if machine is not None and machine.waits_for_power and await worker.read_to_end(partition, topics.POWER):
            await partition.run(datacenter, storage.finish_without_meters)


def __getattr__(name: str) -> App:
    """`app`, for `faust -A opendt_streams.streams.recorder worker`: made when asked for, since it needs a run folder."""
    if name == "app":
        return create(Deployment.from_environment())
    raise AttributeError(name)
