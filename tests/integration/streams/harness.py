"""Whole twins in tests: services as processes of their own over the topics of one namespace, and what the topics hold afterwards."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import yaml

from opendt_streams.broker import declare
from opendt_streams.model import times
from opendt_streams.settings import effective_document, load
from opendt_streams.streams.deployment import CONFIG_FILE, Deployment
from opendt_streams.streams.log import LogReader
from opendt_streams.wire import topics
from opendt_streams.wire.messages import (
    CalibrationEnded,
    DecisionRecorded,
    Heartbeat,
    PowerBatch,
    ResultRecorded,
    ResultsEnded,
    Snapshot,
    TaskSubmitted,
)
from opendt_streams.wire.record import Record
from opendt_streams.wire.twin import read_value

DATACENTER: Final = "demo"
START_MS: Final = times.parse("2024-03-04T00:00:00Z")  # of every sample
SIMULATOR, CALIBRATOR, DC_MOCK = "simulator", "calibrator", "dc-mock"
PATIENCE_S: Final = 120.0

Logs = dict[str, list[Record]]


class Twin:
    """One run in a folder and a namespace of its own. Services end with the block.

    async with Twin(folder, url, {"workload.directory": ...}) as twin:
        await twin.start("simulator", "calibrator", "dc-mock")
        await twin.ended()
        logs = await twin.logs()
    """

    def __init__(self, folder: Path, url: str, settings: Mapping[str, object]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        flags = {"datacenter": DATACENTER, "broker": url, "kafka.namespace": folder.name, **settings}
        (folder / CONFIG_FILE).write_text(yaml.safe_dump(effective_document(load(None, flags).settings)), encoding="utf-8")
        self.folder, self.deployment = folder, Deployment.open(folder)
        self._processes: dict[str, asyncio.subprocess.Process] = {}

    async def __aenter__(self) -> Self:
        deployment = self.deployment
        await declare(deployment.url, deployment.topic_settings(), deployment.settings.kafka.partitions)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for name in list(self._processes):
            await self.kill(name)

    # -- processes -------------------------------------------------------------------------------------------------------

    async def start(self, *services: str, copy: str = "", **flags: str) -> None:
        """Start services, each under its name and `copy`, which gives it a run folder of its own beside the first one's."""
        folder = self.folder / copy if copy else self.folder
        folder.mkdir(exist_ok=True)
        for service in services:
            options = [part for flag, value in flags.items() for part in (f"--{flag}", value)]
            config = ["--config", str(self.folder / CONFIG_FILE)]
            with self._log(service + copy).open("ab") as log:
                self._processes[service + copy] = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "opendt_streams.cli", "service", service, "--run-dir", str(folder), *config, *options),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=os.environ | {"PYTHONWARNINGS": "default"},
                )

    async def kill(self, name: str) -> None:
        """SIGKILL."""
        process = self._processes.pop(name)
        if process.returncode is None:
            process.kill()
        await process.wait()

    async def restart(self, *names: str) -> None:
        """SIGKILL, and at once again."""
        for name in names:
            await self.kill(name)
        await self.start(*names)

    async def finished(self, name: str) -> None:
        """Return when the service has ended by itself, well."""
        code = await asyncio.wait_for(self._processes[name].wait(), PATIENCE_S)
        assert code == 0, self._said(name)

    def alive(self, name: str) -> bool:
        return self._processes[name].returncode is None

    # -- topics ----------------------------------------------------------------------------------------------------------

    def reader(self) -> LogReader:
        return LogReader(self.deployment.url, self.deployment.settings.kafka)

    async def until(self, topic: str, holds: Callable[[Record], bool], partition: int = 0) -> None:
        """Return when a record of the topic satisfies the condition; fail when a service dies before."""
        looking = asyncio.create_task(self._look(topic, partition, holds))
        dying = {asyncio.create_task(process.wait()): name for name, process in self._processes.items() if not name.startswith(DC_MOCK)}
        done, _ = await asyncio.wait({looking, *dying}, timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
        for task in {looking, *dying} - done:
            task.cancel()
        await asyncio.gather(looking, *dying, return_exceptions=True)
        assert looking in done, f"nothing such on {topic}:\n" + "\n".join(self._said(name) for name in self._processes)
        looking.result()

    async def count(self, topic: str, number: int, partition: int = 0) -> None:
        """Return when the topic holds so many records."""
        await self.until(topic, lambda record: record.offset + 1 >= number, partition)

    async def ended(self, partition: int = 0) -> None:
        """Return when both ends are there."""
        await self.until(topics.RESULTS, lambda r: isinstance(r.message(), ResultsEnded), partition)
        await self.until(topics.CALIBRATION, lambda r: isinstance(r.message(), CalibrationEnded), partition)

    async def logs(self, partition: int = 0) -> Logs:
        """Everything, as it is now."""
        async with self.reader() as reader:
            return {topic: [r async for r in reader.read(topic, partition)] for topic in topics.ALL_TOPICS}

    async def _look(self, topic: str, partition: int, holds: Callable[[Record], bool]) -> None:
        async with self.reader() as reader:
            async for record in reader.follow(topic, partition):
                if holds(record):
                    return

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def _said(self, name: str) -> str:
        lines = self._log(name).read_text(errors="replace").splitlines()[-25:]
        process = self._processes[name]
        return "\n".join([f"--- {name}: {'runs' if process.returncode is None else f'exit code {process.returncode}'}", *lines])


def values(logs: Logs, topic: str) -> list[bytes]:
    """What the twin says on a topic of its own: keep-first by id, in order (PROTOCOL 2.2). What others wrote there has no id."""
    kept: dict[str, bytes] = {}
    for record in logs[topic]:
        if "ce_id" in record.headers:
            kept.setdefault(record.headers["ce_id"], record.value or b"")
    return list(kept.values())


def window_ends(logs: Logs, datacenter: str = DATACENTER) -> list[int]:
    """Ends of the windows simulated, in order, repetitions left out."""
    said = (r.message() for r in logs[topics.RESULTS] if r.key == datacenter.encode())
    return list(dict.fromkeys(m.result.window_end_ms for m in said if isinstance(m, ResultRecorded)))


def instants(logs: Logs, datacenter: str = DATACENTER) -> list[int]:
    """Publication instants decided, in order, repetitions left out."""
    said = (r.message() for r in logs[topics.CALIBRATION] if r.key == datacenter.encode())
    return list(dict.fromkeys(m.decision.instant_ms for m in said if isinstance(m, DecisionRecorded)))


def documents(logs: Logs, topic: str) -> list[dict[str, Any]]:
    """The values of a topic as they are."""
    return [read_value(record.value or b"{}") for record in logs[topic]]


def said_between(logs: Logs, after_ms: int, until_ms: int) -> Iterator[Record]:
    """What the datacenter said in (after, until], topic after topic; its first snapshot is of START_MS, `end` of no time."""
    order = (topics.PHYSICAL, topics.WORKLOAD, topics.POWER)
    return (r for topic in order for r in logs[topic] if after_ms < _time_ms(r) <= until_ms)


def _time_ms(record: Record) -> float:
    match record.message():
        case Heartbeat(time_ms):
            return time_ms
        case TaskSubmitted(submitted):
            return submitted.submission_ms
        case PowerBatch(samples):
            return samples[-1].time_ms
        case Snapshot():
            return START_MS
        case _:
            return float("inf")
