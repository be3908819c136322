"""The services of a run as child processes: started, restarted with back-off when they die, counted, and ended with us on every way out."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Final

import orjson
import psutil
import structlog

from opendt_streams.errors import BadInput, OpenDTError
from opendt_streams.run.manifest import SERVICES_FILE
from opendt_streams.streams import lifeline

_FIRST_BACK_OFF_S: Final = 0.25
_LONGEST_BACK_OFF_S: Final = 10.0
_STEADY_S: Final = 30.0  # a service that lived this long starts anew with a short back-off
_MOST_RESTARTS_IN_A_ROW: Final = 8
_STOP_S: Final = 15.0
_REFUSED: Final = 2  # exit code of bad configuration or input: trying again changes nothing
_MEGABYTE: Final = 1e6

log = structlog.get_logger()


class ServiceFailed(OpenDTError):
    """A service cannot go on, and starting it again does not help."""


@dataclass(frozen=True, slots=True)
class Launch:
    """What a service is started with besides the run folder."""

    environment: Mapping[str, str] = field(default_factory=dict)
    descriptors: Sequence[int] = ()  # open files that it inherits


@dataclass(slots=True)
class Child:
    name: str
    process: subprocess.Popen[bytes]
    started_at: float
    restarts: int = 0
    in_a_row: int = 0
    restart_at: float | None = None  # when the next attempt is due
    peak_rss_bytes: int = 0
    reasons: list[str] = field(default_factory=list)


class Supervisor:
    """Children of one run. Everything is looked at in `tend`, which its owner calls several times a second."""

    def __init__(self, run_dir: Path, services: Mapping[str, Launch], optional: Collection[str] = ()) -> None:
        """The run goes on without the `optional` services."""
        self._run_dir, self._services, self._optional = run_dir, services, optional
        self.children: dict[str, Child] = {}
        self.finished: set[str] = set()
        self.gave_up: dict[str, str] = {}  # optional services, and their last words
        self.broker_pid: int | None = None
        self._logs: dict[str, IO[bytes]] = {}
        self._lifeline_read, self._lifeline_write = os.pipe()

    def __enter__(self) -> Supervisor:
        (self._run_dir / "logs").mkdir(parents=True, exist_ok=True)
        for name in self._services:
            self.children[name] = Child(name, self._start(name), time.monotonic())
        self.write_pids()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop_all()

    def tend(self) -> None:
        """Note memory, notice deaths, start again what is due.

        Raises:
            BadInput: a service refuses its settings or its input.
            ServiceFailed: a service dies again and again.
        """
        for child in self.children.values():
            if child.name in self.finished:
                continue
            if child.restart_at is not None:
                if time.monotonic() >= child.restart_at:
                    self._restart(child)
                continue
            child.peak_rss_bytes = max(child.peak_rss_bytes, _peak_rss_bytes(child.process.pid))
            code = child.process.poll()
            if code == 0:
                self.finished.add(child.name)
            elif code is not None:
                self._died(child, code)

    def kill(self, name: str, reason: str) -> None:
        """End a service that hangs; `tend` starts it again."""
        self.children[name].reasons.append(reason)
        log.warning("killing a service", service=name, reason=reason)
        self.children[name].process.kill()

    def stop(self, names: Iterable[str]) -> None:
        """End these for good: SIGTERM, then SIGKILL for who does not go."""
        children = [self.children[name] for name in names if name in self.children]
        self.finished.update(child.name for child in children)
        alive = [child.process for child in children if child.process.poll() is None]
        for process in alive:
            process.terminate()
        deadline = time.monotonic() + _STOP_S
        for process in alive:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def stop_all(self) -> None:
        self.stop(self._services)
        for fd in (self._lifeline_read, self._lifeline_write):
            if fd >= 0:
                os.close(fd)
        self._lifeline_read = self._lifeline_write = -1
        for file in self._logs.values():
            file.close()
        self._logs.clear()

    def log_of(self, name: str) -> Path:
        return self._run_dir / "logs" / f"{name}.log"

    def restarts(self) -> dict[str, int]:
        return {name: child.restarts for name, child in self.children.items()}

    def peak_rss_mb(self) -> dict[str, float]:
        return {name: round(child.peak_rss_bytes / _MEGABYTE, 1) for name, child in self.children.items()}

    def notes(self) -> list[str]:
        """What happened to services, in words."""
        again = [f"{name} was started again after: {reason}" for name, child in self.children.items() for reason in child.reasons]
        return again + [f"the run went on without {name}: {words}" for name, words in self.gave_up.items()]

    def write_pids(self) -> None:
        """services.json: who runs, for people and for tests, by name."""
        document: dict[str, dict[str, int | None]] = {"supervisor": {"pid": os.getpid()}, "broker": {"pid": self.broker_pid}}
        document |= {name: {"pid": c.process.pid, "restarts": c.restarts} for name, c in self.children.items()}
        unfinished = self._run_dir / f".{SERVICES_FILE}"
        unfinished.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))
        unfinished.replace(self._run_dir / SERVICES_FILE)

    def _start(self, name: str) -> subprocess.Popen[bytes]:
        if name not in self._logs:
            self._logs[name] = self.log_of(name).open("ab")
        command = [sys.executable, "-P", "-m", "opendt_streams.cli", "service", name, "--run-dir", str(self._run_dir)]
        launch = self._services[name]
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=self._logs[name],
            stderr=subprocess.STDOUT,
            env={**_environment(self._lifeline_read), **launch.environment},
            pass_fds=[self._lifeline_read, *launch.descriptors],
            start_new_session=True,  # Ctrl-C is ours to handle: the services are to finish what they write
        )

    def _died(self, child: Child, code: int) -> None:
        words = "killed" if code < 0 else last_words(self.log_of(child.name))
        lived = time.monotonic() - child.started_at
        child.in_a_row = 0 if lived > _STEADY_S else child.in_a_row + 1
        hopeless = code == _REFUSED or child.in_a_row > _MOST_RESTARTS_IN_A_ROW
        if hopeless and child.name in self._optional:
            self.finished.add(child.name)
            self.gave_up[child.name] = words
            log.warning("a service is given up", service=child.name, exit_code=code, last_words=words)
            return
        if code == _REFUSED:
            raise BadInput(f"{child.name} refuses to run: {words}")
        if hopeless:
            raise ServiceFailed(
                f"{child.name} died {child.in_a_row} times in a row, last with exit code {code}: {words}",
                hint=f"Its log is {self.log_of(child.name)}.",
            )
        wait_s = min(_LONGEST_BACK_OFF_S, _FIRST_BACK_OFF_S * 2 ** max(0, child.in_a_row - 1))
        child.restart_at = time.monotonic() + wait_s
        child.reasons.append(f"signal {-code}" if code < 0 else f"exit code {code}: {words}")
        log.warning("a service died", service=child.name, exit_code=code, restart_in_s=wait_s, last_words=words)

    def _restart(self, child: Child) -> None:
        child.process, child.started_at, child.restart_at = self._start(child.name), time.monotonic(), None
        child.restarts += 1
        self.write_pids()


def last_words(path: Path) -> str:
    """The last line of a log that says something, or that there is none."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()[-20:]
    except OSError:
        lines = []
    spoken = [line.strip() for line in lines if line.strip()]
    if not spoken:
        return "it said nothing"
    try:
        record = orjson.loads(spoken[-1])
    except orjson.JSONDecodeError:
        return spoken[-1].removeprefix("opendt: ")
    return str(record.get("reason") or record.get("event") or spoken[-1])


def _environment(lifeline_fd: int) -> Mapping[str, str]:
    return os.environ | {lifeline.VARIABLE: str(lifeline_fd), "PYTHONUNBUFFERED": "1"}


def _peak_rss_bytes(pid: int) -> int:
    """The peak so far where the kernel tells (Linux), else what is used now; 0 for a process that is gone."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0
