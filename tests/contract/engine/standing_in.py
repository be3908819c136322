"""Setting up the stand-in, asking it, and looking for what it leaves behind."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import psutil

from opendt_streams.broker.process import is_running, wait_for
from opendt_streams.engine.opendc.asking import ask as ask_runner
from opendt_streams.engine.opendc.installation import find_installation
from opendt_streams.engine.opendc.options import Options
from opendt_streams.engine.opendc.problem import Problem
from opendt_streams.engine.opendc.rows import PowerRows
from opendt_streams.engine.opendc.runner import Runner
from opendt_streams.engine.port import Submission
from tests.unit.engine.workloads import ORIGIN_MS, datacenter, host_group, task

PROJECT = Path(__file__).resolve().parents[3]
GONE_WITHIN_S = 10.0


def stand_in(home: Path, *plan: str) -> Path:
    """A home of the runner that plays these parts, one for each invocation."""
    (home / "bin").mkdir(parents=True)
    (home / "lib").mkdir()
    (home / "lib" / "opendc-stand-in.jar").write_bytes(b"")
    script = home / "bin" / "OpenDCExperimentRunner"
    program = PROJECT / "tests" / "contract" / "engine" / "stand_in.py"
    played = shlex.join([sys.executable, str(program), str(home)])
    script.write_text(f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(PROJECT))} exec {played} "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    (home / "plan").write_text("\n".join(plan))
    return home


def runner(home: Path, archive: Path, timeout_ms: int = 60_000, attempts: int = 1) -> Runner:
    options = Options(home=home, timeout_ms=timeout_ms, attempts=attempts)
    return Runner(find_installation(options), options, archive)


def ask(of: Runner) -> PowerRows:
    one = task(1, 0, [(30_000, 500.0)])
    problem = Problem(datacenter(host_group()), {}, (Submission(one, ORIGIN_MS, 1),), ORIGIN_MS, ORIGIN_MS + 10_000, 1000)
    return ask_runner(of, problem, "question")


def played(home: Path) -> list[str]:
    return [line.split()[0] for line in (home / "played").read_text().splitlines()]


def assert_nothing_is_left(home: Path) -> None:
    """No process of the stand-in, its children, or its guard."""
    assert wait_for(lambda: not left(home), GONE_WITHIN_S), f"still there: {left(home)}"


def left(home: Path) -> list[psutil.Process]:
    found = [p for p in psutil.process_iter(["cmdline"]) if str(home) in " ".join(p.info["cmdline"] or ())]
    children = (home / "children").read_text().split() if (home / "children").exists() else []
    return [p for p in [*found, *processes(children)] if p.pid != psutil.Process().pid and is_running(p)]


def processes(pids: list[str]) -> list[psutil.Process]:
    return [psutil.Process(int(pid)) for pid in pids if psutil.pid_exists(int(pid))]
