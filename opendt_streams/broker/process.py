"""Java under its keeper, seen from our side: start, look, stop."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

import psutil

from opendt_streams.broker import keeper
from opendt_streams.errors import Unavailable
from opendt_streams.java import java_environment

GRACE_S = 5.0  # between SIGTERM and SIGKILL when the keeper has to end Java; Kafka needs about two
LOOK_S = 0.02


def wait_for(condition: Callable[[], bool], timeout_s: float, look_s: float = LOOK_S) -> bool:
    """Look until `condition` holds; False when it does not within `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(look_s)
    return True


def is_running(process: psutil.Process) -> bool:
    """Whether this very process runs: its pid taken by another, or a zombie that nobody reaps, is not running."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class JavaProcess:
    """A Java that ends with us (or, detached, one that stays)."""

    def __init__(self, java: psutil.Process, keeper_process: subprocess.Popen[bytes] | None = None) -> None:
        self._java, self._keeper = java, keeper_process

    @classmethod
    def start(cls, command: Sequence[str], *, cwd: Path, console_log: Path, held_fd: int, detached: bool = False) -> Self:
        """Start `command` (an absolute executable and its arguments) in a process group of its own.

        Args:
            cwd: working directory of Java.
            console_log: takes what Java prints; started anew.
            held_fd: a file descriptor that Java keeps open, so that a lock on it lasts as long as Java does.
            detached: Java outlives us.
        """
        arguments = ["--grace-s", str(GRACE_S)] + ([] if detached else ["--parent", str(os.getpid())])
        with console_log.open("wb") as console:
            kept = subprocess.Popen(
                [sys.executable, "-I", "-S", keeper.__file__, *arguments, "--", *command],
                cwd=cwd,
                env=java_environment(),
                stdin=subprocess.DEVNULL if detached else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=console,
                pass_fds=(held_fd,),
                start_new_session=True,  # Ctrl-C at the terminal is ours to handle: Kafka goes last
            )
        assert kept.stdout is not None
        with kept.stdout:
            line = kept.stdout.readline()
        try:
            java = psutil.Process(json.loads(line)["pid"])
        except (ValueError, psutil.NoSuchProcess) as error:
            _close(kept)
            raise Unavailable("Java could not be started", hint=f"See {console_log}") from error
        if kept.stdin is not None:
            with suppress(BrokenPipeError):  # a keeper that was killed: what it left is seen at the first look
                os.write(kept.stdin.fileno(), b"\n")
        if detached:
            kept.wait()
        return cls(java, None if detached else kept)

    @property
    def pid(self) -> int:
        return self._java.pid

    @property
    def started(self) -> float:
        """When the process was created, seconds since the epoch: with the pid it names this very process."""
        return self._java.create_time()

    @property
    def alive(self) -> bool:
        return is_running(self._java)

    @property
    def rss_bytes(self) -> int:
        return int(self._java.memory_info().rss)

    def finish(self, timeout_s: float) -> int:
        """Wait for Java to end by itself; its exit code. It is killed when it takes longer than `timeout_s`."""
        assert self._keeper is not None, "a detached Java is nobody's child"
        kept = self._keeper
        if not wait_for(lambda: kept.poll() is not None, timeout_s):
            self.kill()
        self._release()
        return kept.returncode

    def stop(self, timeout_s: float) -> None:
        """End Java: SIGTERM, and SIGKILL when it still runs after `timeout_s`. Returns when it is gone."""
        with suppress(psutil.NoSuchProcess):
            self._java.terminate()
        if not wait_for(lambda: not self.alive, timeout_s):
            self.kill()
        self._release()

    def kill(self) -> None:
        """End Java at once."""
        with suppress(psutil.NoSuchProcess):
            self._java.kill()
        wait_for(lambda: not self.alive, GRACE_S)
        self._release()

    def _release(self) -> None:
        if self._keeper is not None:
            _close(self._keeper)
            self._keeper = None


def _close(kept: subprocess.Popen[bytes]) -> None:
    """The end of a keeper whose Java has ended. A keeper that was killed may have left Java behind (not on Linux)."""
    if kept.stdin is not None:
        kept.stdin.close()
    try:
        kept.wait(GRACE_S * 2)
    except subprocess.TimeoutExpired:
        kept.kill()
        kept.wait()
    if kept.returncode < 0:
        with suppress(ProcessLookupError):
            os.killpg(kept.pid, signal.SIGKILL)
