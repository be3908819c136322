"""A real Apache Kafka for one machine: a single KRaft node on loopback, over the data folder of one run."""

from __future__ import annotations

import asyncio
import base64
import random
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from opendt_streams.broker.address import SCHEME, reachable
from opendt_streams.broker.folder import cluster_id_of, is_formatted, note_user, sole_user
from opendt_streams.broker.jars import kafka_class_path
from opendt_streams.broker.ports import LOOPBACK, free_port, is_free
from opendt_streams.broker.process import JavaProcess
from opendt_streams.broker.properties import LOG_FOLDER, as_text, format_command, server_command, server_properties
from opendt_streams.broker.reason import ADDRESS_TAKEN, size_of, why_not_started
from opendt_streams.errors import BrokerUnavailable
from opendt_streams.java import find_java
from opendt_streams.paths import absolute

FORMAT_TIMEOUT_S = 60.0
START_TIMEOUT_S = 120.0  # after a kill -9 a large log is checked first
STOP_TIMEOUT_S = 20.0
LOCK_WAIT_S = 5.0  # for a Java that was killed a moment ago to be gone
PORT_TRIES = 3


class EmbeddedBroker:
    """Kafka as a child process that never outlives us (unless `detached`).

    Blocking; in an event loop call it through `asyncio.to_thread`. The thread that starts it may end.

    Args:
        data_dir: holds the Kafka log; created when missing, formatted once.
        log_dir: takes `kafka.log` (Kafka's own) and `kafka-console.log` (what Java prints).
        port: client port on 127.0.0.1; a free one otherwise, kept for every later start of this object.
        quiet: no progress bar while the jars are fetched.
        detached: the broker stays when this process ends.
        choose: source of the ports to try and of the cluster's id.
    """

    def __init__(
        self,
        data_dir: Path,
        log_dir: Path,
        port: int | None = None,
        *,
        quiet: bool = False,
        detached: bool = False,
        choose: random.Random | None = None,
    ) -> None:
        self._data_dir, self._log_dir = absolute(Path(data_dir)), absolute(Path(log_dir))
        self._port = port
        self._quiet, self._detached = quiet, detached
        self._choose = choose or random.Random()
        self._process: JavaProcess | None = None

    def start(self) -> Self:
        """Start Kafka and return when it serves.

        Raises `BadInput` or `Unavailable` (`BrokerUnavailable`) with what is missing, taken or broken, and the way out.
        """
        if self.alive:
            return self
        java = find_java().executable
        class_path = kafka_class_path(quiet=self._quiet)
        with sole_user(self._data_dir, LOCK_WAIT_S) as lock:
            self._log_dir.mkdir(parents=True, exist_ok=True)
            if self._port is not None and not is_free(self._port):
                raise BrokerUnavailable(
                    f"port {self._port} is taken",
                    where=LOOPBACK,
                    hint="Stop what listens there, or choose another port",
                )
            if not is_formatted(self._data_dir):
                self._format(java, class_path, lock)
            if self._port is not None:
                self._launch(java, class_path, lock, self._port)
            else:
                self._launch_on_a_free_port(java, class_path, lock)
            if self._detached:
                note_user(self._data_dir, self.pid)
        return self

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> None:
        """Stop Kafka cleanly, by force after `timeout_s`; returns when it is gone. Does nothing when it is not there."""
        if self._process is not None:
            self._process.stop(timeout_s)
            self._process = None

    def restart(self) -> None:
        """Start again on the same client port, so that clients find it, whatever became of the old process."""
        self.stop()
        self.start()

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.alive

    @property
    def pid(self) -> int:
        """The process id of Java."""
        return self._running.pid

    @property
    def started(self) -> float:
        """When Java was created, seconds since the epoch."""
        return self._running.started

    @property
    def rss_bytes(self) -> int:
        """Resident memory of Java."""
        return self._running.rss_bytes

    @property
    def port(self) -> int:
        if self._port is None:
            raise BrokerUnavailable("the embedded broker was not started", where=str(self._data_dir))
        return self._port

    @property
    def url(self) -> str:
        """`kafka://127.0.0.1:PORT`"""
        return f"{SCHEME}{LOOPBACK}:{self.port}"

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    @property
    def _running(self) -> JavaProcess:
        if self._process is None:
            raise BrokerUnavailable("the embedded broker does not run", where=str(self._data_dir))
        return self._process

    def _format(self, java: Path, class_path: tuple[Path, ...], lock: int) -> None:
        """Make an empty log beside its final place and move it there, so that it is there whole or not at all."""
        unfinished, properties = self._data_dir / f"{LOG_FOLDER}.new", "format.properties"
        shutil.rmtree(unfinished, ignore_errors=True)
        # The node's ports do not enter the formatted log; any will do here.
        text = as_text(server_properties(1, 2, unfinished.name))
        (self._data_dir / properties).write_text(text, encoding="ascii")
        console = self._log_dir / "kafka-format.log"
        command = format_command(java, class_path, _new_cluster_id(self._choose), properties)
        made = JavaProcess.start(command, cwd=self._data_dir, console_log=console, held_fd=lock)
        if made.finish(FORMAT_TIMEOUT_S) != 0 or not unfinished.is_dir():
            raise self._failed(why_not_started(console, 0, console), console)
        console.unlink()
        (self._data_dir / properties).unlink()
        unfinished.rename(self._data_dir / LOG_FOLDER)

    def _launch_on_a_free_port(self, java: Path, class_path: tuple[Path, ...], lock: int) -> None:
        for attempt in range(1, PORT_TRIES + 1):
            port = free_port(self._choose)
            try:
                self._launch(java, class_path, lock, port)
            except BrokerUnavailable as error:
                # Somebody else was quicker to take one of the two ports.
                if attempt == PORT_TRIES or ADDRESS_TAKEN not in str(error):
                    raise
            else:
                self._port = port
                return

    def _launch(self, java: Path, class_path: tuple[Path, ...], lock: int, port: int) -> None:
        scratch = self._data_dir / "tmp"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        text = as_text(server_properties(port, free_port(self._choose, besides=port)))
        (self._data_dir / "server.properties").write_text(text, encoding="ascii")
        log, console = self._log_dir / "kafka.log", self._log_dir / "kafka-console.log"
        begins_at = size_of(log)
        command = server_command(java, class_path, data_dir=self._data_dir, log_dir=self._log_dir, properties_file="server.properties")
        process = JavaProcess.start(command, cwd=self._data_dir, console_log=console, held_fd=lock, detached=self._detached)
        try:
            served = _wait_until_it_serves(process, f"{SCHEME}{LOOPBACK}:{port}", cluster_id_of(self._data_dir))
        except BaseException:  # Ctrl-C included: nothing may stay behind
            process.kill()
            raise
        if not served:
            process.kill()
            raise self._failed(why_not_started(log, begins_at, console), log)
        self._process = process

    def _failed(self, reason: str, log: Path) -> BrokerUnavailable:
        return BrokerUnavailable(f"the embedded Kafka did not start: {reason}", where=str(self._data_dir), hint=f"The whole log is {log}")


def _wait_until_it_serves(process: JavaProcess, url: str, cluster_id: str) -> bool:
    """True when this broker (no other that was quicker to take the port) answers, False when it died or is too slow."""

    async def ask() -> bool:
        waiting = asyncio.create_task(reachable(url, START_TIMEOUT_S, cluster_id))
        while process.alive and not waiting.done():
            await asyncio.wait([waiting], timeout=0.05)
        waiting.cancel()
        outcome = (await asyncio.gather(waiting, return_exceptions=True))[0]
        return outcome is None

    # A thread of its own, because the caller's may run an event loop already.
    with ThreadPoolExecutor(1, thread_name_prefix="broker-start") as thread:
        try:
            return thread.submit(asyncio.run, ask()).result()
        except BaseException:
            process.kill()  # ends the wait above
            raise


def _new_cluster_id(choose: random.Random) -> str:
    """A random id in Kafka's form; one that begins with a dash would be taken for an option."""
    while (text := base64.urlsafe_b64encode(choose.randbytes(16)).decode("ascii").rstrip("=")).startswith("-"):
        pass
    return text
