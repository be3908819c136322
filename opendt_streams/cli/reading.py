"""Reading the topics of a run: its live broker if it runs, else its own log, started for as long as the command lasts."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from pathlib import Path

from opendt_streams.audit.evidence import DamagedEvidence
from opendt_streams.broker import attach_or_start, require_reachable
from opendt_streams.broker.run_log import KAFKA_FOLDER, RECORD
from opendt_streams.cli.log_damage import log_damage
from opendt_streams.errors import BadInput
from opendt_streams.settings import load
from opendt_streams.streams.deployment import CONFIG_FILE, Deployment
from opendt_streams.streams.log import LogReader
from opendt_streams.wire.record import Record


@contextmanager
def open_run(run_dir: Path, *, quiet: bool) -> Iterator[Deployment]:
    """The run with its settings and the address where its log answers.

    Raises:
        BadInput: the folder is no run.
        DamagedEvidence: the files of its own log are not as Kafka wrote them, and no Kafka runs over them yet.
        BrokerUnavailable: its log cannot be reached or started.
    """
    config = run_dir / CONFIG_FILE
    if not config.is_file():
        raise BadInput(
            "no run here" if run_dir.is_dir() else "no such folder",
            expected=f"the folder of a run, with its {CONFIG_FILE}",
            where=str(run_dir),
            hint="`opendt runs list` shows the runs.",
        )
    settings = load(config).settings
    if settings.datacenter is None:
        raise BadInput("the run names no datacenter", expected="a datacenter", where=str(config))
    if settings.broker is not None and not ((run_dir / KAFKA_FOLDER).is_dir() or (run_dir / RECORD).is_file()):
        require_reachable(settings.broker)  # services started one by one on a cluster leave nothing else behind
        yield Deployment(run_dir, settings, settings.broker)
        return
    for damage in log_damage(run_dir):
        raise DamagedEvidence(damage.what, where=damage.where, hint="`opendt audit verify` says all that is damaged.")
    with attach_or_start(run_dir, quiet=quiet) as url:
        yield Deployment(run_dir, settings, url)


async def records(deployment: Deployment, topic: str) -> AsyncGenerator[Record]:
    """All records of the run's datacenter on a topic, in the order of the log."""
    async with LogReader(deployment.url, deployment.settings.kafka) as log:
        for partition in range(deployment.settings.kafka.partitions):
            async for record in log.read(topic, partition):
                if deployment.datacenter_of(record.key) == deployment.datacenter:
                    yield record
