"""Kafka's class path: the jars of the lock from the user's cache, or an installation named by `KAFKA_HOME`.

Kafka needs all its jars on the class path; as modules it does not start.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from platformdirs import user_cache_path
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from opendt_streams.broker.lock import Jar, KafkaLock, read_lock
from opendt_streams.errors import Unavailable
from opendt_streams.paths import absolute, settled

OLDEST_KAFKA_MAJOR = 4  # the first with KRaft only and with log4j 2, which the settings here rely on


def kafka_class_path(*, quiet: bool = False, environ: Mapping[str, str] = os.environ) -> tuple[Path, ...]:
    """Every jar that Java must have to run Kafka, fetched first where the cache lacks it.

    Args:
        quiet: no progress bar, even on a terminal.
        environ: `KAFKA_HOME`, `OPENDT_CACHE_DIR` and `OPENDT_MAVEN_REPOSITORY` are read from it.

    Raises `Unavailable` when `KAFKA_HOME` holds no fitting Kafka, or the jars can be neither found nor fetched.
    """
    if home := environ.get("KAFKA_HOME"):
        return _installed(settled(Path(home)))
    lock = read_lock()
    return cached_jars(lock, cache_folder(environ) / f"kafka-{lock.kafka_version}", quiet=quiet, environ=environ)


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """The user's cache folder for what we fetch once."""
    override = environ.get("OPENDT_CACHE_DIR")
    return settled(Path(override)) if override else absolute(user_cache_path("opendt-streams"))


def cached_jars(lock: KafkaLock, folder: Path, *, quiet: bool, environ: Mapping[str, str] = os.environ) -> tuple[Path, ...]:
    """The jars of `lock` in `folder`, each checked against its digest; missing and damaged ones are fetched."""
    if _unfit(lock.jars, folder):
        with _sole_writer(folder):
            # Another start may have fetched them while this one waited for its turn.
            if wanted := _unfit(lock.jars, folder):
                _fetch_with_bar(wanted, folder, environ, quiet=quiet)
    return tuple(folder / jar.filename for jar in lock.jars)


def _unfit(jars: Sequence[Jar], folder: Path) -> list[Jar]:
    return [jar for jar in jars if not _is_intact(folder / jar.filename, jar)]


def _is_intact(path: Path, jar: Jar) -> bool:
    try:
        if path.stat().st_size != jar.size_bytes:
            return False
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == jar.sha256
    except OSError:
        return False  # not there, or not to be read: a fresh copy decides


@contextmanager
def _sole_writer(folder: Path) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        guard = (folder / ".lock").open("w")
    except OSError as error:
        raise Unavailable(
            f"the cache folder cannot be written: {error.strerror}",
            where=str(folder),
            hint="Set OPENDT_CACHE_DIR to a folder that can be written, or KAFKA_HOME to an installed Kafka",
        ) from error
    with guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        for leftover in folder.glob("*.part"):  # of a download that was killed
            leftover.unlink(missing_ok=True)
        yield


def _fetch_with_bar(jars: Sequence[Jar], folder: Path, environ: Mapping[str, str], *, quiet: bool) -> None:
    # Late: every process of the twin imports this package, and hardly any has something to fetch.
    from opendt_streams.broker.download import fetch_all, repository_url

    repository = repository_url(environ)
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=quiet or not sys.stderr.isatty()) as bar:
        task = bar.add_task("Fetching Apache Kafka (once)", total=sum(jar.size_bytes for jar in jars))
        fetch_all(jars, folder, repository, lambda received: bar.advance(task, received))


def _installed(home: Path) -> tuple[Path, ...]:
    jars = tuple(sorted((home / "libs").glob("*.jar")))
    versions = [match for jar in jars if (match := re.fullmatch(r"kafka_2\.\d+-((\d+)\..*)\.jar", jar.name))]
    if not versions:
        raise Unavailable(
            "no Kafka installation",
            expected="a folder with libs/kafka_2.13-4.….jar",
            where=f"KAFKA_HOME={home}",
            hint="Correct KAFKA_HOME, or unset it to have Kafka fetched",
        )
    if int(versions[0][2]) < OLDEST_KAFKA_MAJOR:
        raise Unavailable(
            f"Kafka {versions[0][1]} is too old",
            expected=f"{OLDEST_KAFKA_MAJOR}.0 or newer",
            where=f"KAFKA_HOME={home}",
            hint="Unset KAFKA_HOME to have a fitting one fetched",
        )
    return jars
