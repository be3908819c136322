"""The `opendt` command as a user types it: another process, in a folder of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

OPENDT = [sys.executable, "-P", "-m", "opendt_streams.cli"]
TIMEOUT_S = 240
POLL_S = 0.05


def opendt(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run to the end."""
    return subprocess.run(
        [*OPENDT, *arguments],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def summary(folder: Path, *arguments: str) -> dict[str, Any]:
    """`opendt run … --json`, which must succeed."""
    done = opendt(folder, "run", *arguments, "--no-serve", "--json")
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


class Running:
    """A run under way."""

    def __init__(self, process: subprocess.Popen[str], run_dir: Path) -> None:
        self.process, self.run_dir = process, run_dir

    def pids(self) -> dict[str, int]:
        """Of services and broker, as services.json says."""
        document = json.loads((self.run_dir / "services.json").read_text())
        return {name: who["pid"] for name, who in document.items() if name != "supervisor" and who["pid"]}

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for a condition while the run goes on."""
        deadline = time.monotonic() + TIMEOUT_S
        while not condition():
            assert self.process.poll() is None, f"the run ended before {what}: {self.process.communicate()}"
            assert time.monotonic() < deadline, f"not in time: {what}"
            self._tick()

    def recorded(self, parts: int = 1) -> bool:
        """Whether so many intervals of the twinning log are written."""
        return len(list((self.run_dir / "twinlog/parts/agg_results").glob("*.parquet"))) >= parts

    def finish(self) -> tuple[int, dict[str, Any]]:
        """Exit code and `--json` document."""
        out, err = self.process.communicate(timeout=TIMEOUT_S)
        assert out, err
        return self.process.returncode, json.loads(out)

    def _tick(self) -> None:
        try:
            self.process.wait(POLL_S)
        except subprocess.TimeoutExpired:
            return


@contextmanager
def running(folder: Path, run_dir: Path, *arguments: str) -> Iterator[Running]:
    """`opendt run` in the background; whatever happens, it is gone at the end of the block."""
    process = subprocess.Popen(
        [*OPENDT, "run", "--run-dir", str(run_dir), *arguments, "--no-serve", "--json"],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    run = Running(process, run_dir)
    try:
        yield run
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.communicate(timeout=TIMEOUT_S)


def gone(pid: int) -> bool:
    """Whether a process has ended (a zombie has)."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def wait_gone(pids: list[int]) -> list[int]:
    """Those of the processes that are still there after a fair time."""
    deadline = time.monotonic() + 40
    while (left := [p for p in pids if not gone(p)]) and time.monotonic() < deadline:
        psutil.wait_procs([psutil.Process(p) for p in left if psutil.pid_exists(p)], timeout=POLL_S)
    return left
