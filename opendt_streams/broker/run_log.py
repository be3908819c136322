"""The Kafka log of one run: `DIR/kafka`, its logs in `DIR/logs`, and `DIR/broker.json` that says where it answers now.

Whoever starts the run's broker publishes it there; commands that read the run find it, or start the log themselves.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self
from uuid import uuid4

import psutil

from opendt_streams.broker.address import bootstrap_servers, require_reachable
from opendt_streams.broker.embedded import STOP_TIMEOUT_S, EmbeddedBroker
from opendt_streams.broker.folder import LogInUse, is_formatted
from opendt_streams.broker.ports import answers
from opendt_streams.broker.process import JavaProcess, is_running
from opendt_streams.errors import BadInput

RECORD = "broker.json"
KAFKA_FOLDER, LOGS_FOLDER = "kafka", "logs"
SAME_START_MS = 2_000  # two readings of a process's start may differ by the machine's clock being set
OTHER_USER_WAIT_S = 30.0  # another command that reads the same run is done in seconds


@dataclass(frozen=True, slots=True)
class BrokerRecord:
    """What `broker.json` holds.

    Attributes:
        url: `kafka://…`
        pid: Java's process id; None when the run uses a cluster of the user's.
        started_ms: when that process was created, milliseconds since the epoch.
        owner: the process that the broker belongs to and ends with; None when it runs by itself until stopped.
    """

    url: str
    pid: int | None = None
    started_ms: int | None = None
    owner: int | None = None

    @classmethod
    def of(cls, broker: EmbeddedBroker, owner: int | None) -> Self:
        return cls(broker.url, broker.pid, round(broker.started * 1000), owner)

    @property
    def port(self) -> int:
        return int(bootstrap_servers(self.url)[0].rpartition(":")[2])

    def process(self) -> psutil.Process | None:
        """The broker's process, if it is that very one and still runs."""
        if self.pid is None or self.started_ms is None:
            return None
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() * 1000 - self.started_ms) <= SAME_START_MS
        except psutil.NoSuchProcess:
            return None
        return process if same and is_running(process) else None


def embedded_broker(run_dir: Path, port: int | None = None, *, quiet: bool = False, detached: bool = False) -> EmbeddedBroker:
    """The run's own broker, not yet started."""
    return EmbeddedBroker(run_dir / KAFKA_FOLDER, run_dir / LOGS_FOLDER, port, quiet=quiet, detached=detached)


def publish(run_dir: Path, broker: EmbeddedBroker | str) -> None:
    """Say where the run's log answers: its embedded broker (again after each restart), or a cluster's address."""
    record = BrokerRecord(broker) if isinstance(broker, str) else BrokerRecord.of(broker, os.getpid())
    _write(run_dir, record)


def retract(run_dir: Path) -> None:
    """The run's embedded broker is no more. (The address of a cluster stays: its topics do.)"""
    record = read_record(run_dir)
    if record is not None and record.pid is not None:
        (run_dir / RECORD).unlink(missing_ok=True)


def read_record(run_dir: Path) -> BrokerRecord | None:
    """What was last published, whether or not it still holds."""
    path = run_dir / RECORD
    try:
        return BrokerRecord(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise BadInput("not a broker record", where=str(path), hint="Delete the file; it is written anew") from error


def live_broker(run_dir: Path) -> BrokerRecord | None:
    """The run's broker, if it answers: an embedded one by its process and port, a cluster by what was published."""
    record = read_record(run_dir)
    if record is None or record.pid is None:
        return record
    return record if record.process() is not None and answers(record.port) else None


def start_detached(run_dir: Path, port: int | None, *, quiet: bool) -> BrokerRecord:
    """Start the run's own log in the background, where it stays until `stop_detached`."""
    broker = embedded_broker(run_dir, port, quiet=quiet, detached=True).start()
    record = BrokerRecord.of(broker, owner=None)
    _write(run_dir, record)
    return record


def stop_detached(run_dir: Path) -> bool:
    """Stop what `start_detached` started; False when nothing runs.

    Raises `BadInput` when the broker is not ours to stop: it belongs to a live run, or is a cluster of the user's.
    """
    record = read_record(run_dir)
    if record is None:
        return False
    if record.pid is None:
        raise BadInput("this run uses a cluster of yours", where=record.url, hint="Stop it with its own means")
    process = record.process()
    if process is not None:
        if record.owner is not None and psutil.pid_exists(record.owner):
            raise BadInput(
                f"the broker belongs to process {record.owner}, which uses it",
                where=str(run_dir),
                hint="Stop that; its broker goes with it",
            )
        JavaProcess(process).stop(STOP_TIMEOUT_S)
    retract(run_dir)
    return process is not None


@contextmanager
def attach_or_start(run_dir: Path, *, quiet: bool = False) -> Iterator[str]:
    """The address of the run's log: its live broker if one runs, else one that is started for as long as the block.

    Raises `BadInput` when the folder holds no log, `BrokerUnavailable` when its log cannot be reached or started.
    """
    deadline = time.monotonic() + OTHER_USER_WAIT_S
    while True:
        if record := live_broker(run_dir):
            if record.pid is None:
                require_reachable(record.url)
            yield record.url
            return
        if not is_formatted(run_dir / KAFKA_FOLDER):
            raise BadInput("no Kafka log here", expected="the folder of a run", where=str(run_dir))
        try:
            broker = embedded_broker(run_dir, quiet=quiet).start()
            break
        except LogInUse:  # by another reader, or by a run that has not published its broker yet
            if time.monotonic() >= deadline:
                raise
    with broker:
        yield broker.url


def _write(run_dir: Path, record: BrokerRecord) -> None:
    run_dir.mkdir(parents=True, exist_ok=True)
    unfinished = run_dir / f".{RECORD}.{uuid4().hex}"
    unfinished.write_text(json.dumps(asdict(record), indent=2) + "\n", encoding="utf-8")
    unfinished.replace(run_dir / RECORD)
