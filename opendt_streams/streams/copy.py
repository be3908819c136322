"""Copying a run's topics out of Kafka into a folder of evidence: with an own reader, nothing committed, nothing written to any topic."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from aiokafka.errors import CorruptRecordException

from opendt_streams.audit.evidence import RUN_FILE, DamagedEvidence, RunInfo, TopicWriter
from opendt_streams.audit.finding import place
from opendt_streams.settings import effective_document
from opendt_streams.streams.deployment import Deployment
from opendt_streams.streams.log import LogReader
from opendt_streams.version import code_version
from opendt_streams.wire import topics

# What the twin says first, then what it was said from: so a copy of a running run holds the inputs of every output that it holds, and
# every snapshot that a heartbeat names.
_ORDER: Final = (
    topics.RESULTS,
    topics.CALIBRATION,
    topics.LEDGER,
    topics.DEAD_LETTER,
    topics.POWER,
    topics.WORKLOAD,
    topics.PHYSICAL,
    topics.CONFIG,
)


async def copy_topics(deployment: Deployment, folder: Path) -> None:
    """All records of the datacenter's partition that are there now; what retention has deleted is missing at the start.

    Raises:
        DamagedEvidence: records in the log are not those that Kafka wrote.
    """
    partition = deployment.partition
    async with LogReader(deployment.url, deployment.settings.kafka) as log:
        ends = {topic: await log.end(topic, partition) for topic in _ORDER}
        starts = {topic: await log.start(topic, partition) for topic in _ORDER}
        for topic in _ORDER:
            await _copy(log, topic, partition, (starts[topic], ends[topic]), folder)
    info = RunInfo(
        run=deployment.run_dir.resolve().name,
        datacenter=deployment.datacenter,
        partition=partition,
        partitions=deployment.settings.kafka.partitions,
        code_version=code_version(),
        settings=effective_document(deployment.settings),
        log={topic: (starts[topic], ends[topic]) for topic in sorted(_ORDER)},
    )
    (folder / RUN_FILE).write_text(info.model_dump_json(indent=2) + "\n", encoding="utf-8")


async def _copy(log: LogReader, topic: str, partition: int, span: tuple[int, int], folder: Path) -> None:
    offset = span[0]
    with TopicWriter(folder, topic) as writer:
        try:
            async for record in log.read(topic, partition, *span):
                writer.put(record)
                offset = record.offset + 1
        except CorruptRecordException:
            what = f"the Kafka log is damaged: a batch of records at offset {offset} or soon after does not fit its checksum"
            raise DamagedEvidence(what, where=place(topic, partition, offset)) from None
