"""The data folder of a run's Kafka log: who may use it, and how it is prepared.

DIR/lock                held by the running Java itself, so it lasts exactly as long as the log is in use
DIR/server.properties   written anew at each start (other ports)
DIR/log/                Kafka's files
DIR/tmp/                Java's temporary files
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from opendt_streams.broker.process import wait_for
from opendt_streams.broker.properties import LOG_FOLDER
from opendt_streams.errors import BrokerUnavailable


class LogInUse(BrokerUnavailable):
    """Another Kafka runs over this data folder."""


def is_formatted(data_dir: Path) -> bool:
    """Whether a Kafka log is there. Formatting ends with a rename, so a half-made one does not count."""
    return (data_dir / LOG_FOLDER / "meta.properties").is_file()


def cluster_id_of(data_dir: Path) -> str:
    """The id that the log was formatted with."""
    properties = (data_dir / LOG_FOLDER / "meta.properties").read_text(encoding="latin-1")
    return next(line.partition("=")[2] for line in properties.splitlines() if line.startswith("cluster.id="))


@contextmanager
def sole_user(data_dir: Path, wait_s: float = 0.0) -> Iterator[int]:
    """Lock the data folder; yields the file descriptor of the lock.

    The lock belongs to the open file, not to the process: a child that inherits the descriptor goes on holding it when
    the block ends. Waits up to `wait_s` for another user to go, then raises `LogInUse` naming it.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        lock = (data_dir / "lock").open("a+", encoding="utf-8")
    except OSError as error:
        raise BrokerUnavailable(
            f"the folder of the Kafka log cannot be written: {error.strerror}",
            where=str(data_dir),
            hint="Choose another run folder",
        ) from error
    with lock:
        if not wait_for(lambda: _taken(lock.fileno()), wait_s):
            raise LogInUse(
                f"the Kafka log is in use by {_holder(data_dir)}",
                where=str(data_dir),
                hint="Wait until that ends, stop it, or choose another run folder",
            )
        note_user(data_dir, os.getpid())
        yield lock.fileno()


def note_user(data_dir: Path, pid: int) -> None:
    """Say in the lock file whom a second one should be told about."""
    (data_dir / "lock").write_text(json.dumps({"pid": pid}), encoding="utf-8")


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(data_dir: Path) -> str:
    try:
        pid = int(json.loads((data_dir / "lock").read_text(encoding="utf-8"))["pid"])
        words = psutil.Process(pid).cmdline()
    except (OSError, ValueError, KeyError, psutil.Error):
        return "another process"
    command = " ".join(words)
    return f"process {pid} ({command if len(command) <= 80 else command[:79] + '…'})"
