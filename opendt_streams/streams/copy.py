"""Copying a run's topics out of Kafka into a folder of evidence: with an own reader, nothing committed, nothing written to any topic."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from opendt_streams.audit.evidence import RUN_FILE, RunInfo, TopicWriter
from opendt_streams.settings import effective_document
from opendt_streams.streams.deployment import Deployment
from opendt_streams.streams.log import LogReader
from opendt_streams.version import code_version
from opendt_streams.wire import topics

# What the twin says first, then what it was said from: so a copy of a running run holds the inputs of every output that it holds.
_ORDER: Final = (
    topics.RESULTS,
    topics.CALIBRATION,
    topics.LEDGER,
    topics.DEAD_LETTER,
    topics.POWER,
    topics.PHYSICAL,
    topics.WORKLOAD,
    topics.CONFIG,
)


async def copy_topics(deployment: Deployment, folder: Path) -> None:
    """All records of the datacenter's partition that are there now; what retention has deleted is missing at the start."""
    partition = deployment.partition
    async with LogReader(deployment.url, deployment.settings.kafka) as log:
        ends = {topic: await log.end(topic, partition) for topic in _ORDER}
        for topic in _ORDER:
            with TopicWriter(folder, topic) as writer:
                async for record in log.read(topic, partition, await log.start(topic, partition), ends[topic]):
                    writer.put(record)
    info = RunInfo(
        run=deployment.run_dir.resolve().name,
        datacenter=deployment.datacenter,
        partition=partition,
        partitions=deployment.settings.kafka.partitions,
        code_version=code_version(),
        settings=effective_document(deployment.settings),
    )
    (folder / RUN_FILE).write_text(info.model_dump_json(indent=2) + "\n", encoding="utf-8")
