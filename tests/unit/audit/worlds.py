"""Evidence of random worlds: what was copied out of Kafka after a schedule with crashes, redelivery, double workers and edits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from opendt_streams.audit.evidence import RUN_FILE, RunInfo, TopicWriter
from opendt_streams.audit.replay.machines import Machines
from opendt_streams.settings import load
from opendt_streams.twin.calibrator import Calibrator
from opendt_streams.twin.machine import Machine
from opendt_streams.twin.simulator import Simulator
from opendt_streams.wire import headers as h
from opendt_streams.wire import topics
from opendt_streams.wire.record import Record
from tests.unit.twin.logs import BY, DATACENTER, Logs
from tests.unit.twin.scenario import GRID
from tests.unit.twin.workers import new_calibrator, new_simulator
from tests.unit.twin.world import World


def records_of(logs: Logs) -> dict[str, list[Record]]:
    """The logs of a world as Kafka would have them, with CloudEvents' source for what a machine wrote."""
    return {
        topic: [Record(topic, 0, offset, b"dc", r.value, _headers(r.headers), 1_000 * offset) for offset, r in enumerate(log)]
        for topic, log in logs.items()
    }


def _headers(headers: Mapping[str, str]) -> tuple[tuple[str, bytes], ...]:
    ours = {"ce_source": f"opendt/{headers[BY]}"} if BY in headers else {}
    return tuple(h.to_kafka({k: v for k, v in headers.items() if k != BY} | ours))


def write_evidence(folder: Path, records: Mapping[str, list[Record]]) -> None:
    """A folder of evidence with these records; topics that are not named are empty."""
    for topic in topics.ALL_TOPICS:
        with TopicWriter(folder, topic) as writer:
            for record in records.get(topic, ()):
                writer.put(record)
    info = RunInfo(run="world", datacenter=DATACENTER, partition=0, partitions=1, code_version="test", settings={})
    (folder / RUN_FILE).write_text(info.model_dump_json())


def machines_of(world: World) -> Machines:
    """Those that the world's workers are made of."""
    make: dict[str, Callable[[], Machine]] = {
        Simulator.name: lambda: new_simulator(world.engines),
        Calibrator.name: lambda: new_calibrator(world.scenario.off),
    }
    return Machines(GRID, make, load().settings)
