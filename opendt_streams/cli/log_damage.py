"""Looking at the files of a run's own Kafka log before a Kafka is started over them: one that was killed cuts a damaged log off."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from opendt_streams.audit.finding import Finding, place
from opendt_streams.broker import live_broker
from opendt_streams.broker.run_log import KAFKA_FOLDER
from opendt_streams.broker.segments import damaged_batches
from opendt_streams.settings import load
from opendt_streams.streams.deployment import CONFIG_FILE, Deployment
from opendt_streams.wire.topics import ALL_TOPICS


def log_damage(run_dir: Path) -> Iterator[Finding]:
    """What is damaged in the files of a run's own Kafka log; nothing where the run has none, or is no run."""
    config, kafka = run_dir / CONFIG_FILE, run_dir / KAFKA_FOLDER
    if not (config.is_file() and kafka.is_dir()):
        return
    deployment = Deployment(run_dir, load(config).settings, "")
    if deployment.settings.datacenter is None:
        return
    live = live_broker(run_dir) is not None
    for topic in ALL_TOPICS:
        for batch in damaged_batches(kafka, deployment.topic(topic), deployment.partition, live=live):
            records = f"records from offset {batch.offset} on" if batch.last is None else f"records {batch.offset} to {batch.last}"
            where = f"{batch.file.relative_to(run_dir)} at byte {batch.at}"
            what = f"the Kafka log is damaged: {records} cannot be relied on ({where}: {batch.what})"
            yield Finding(place(topic, deployment.partition, batch.offset), what, "damage")
