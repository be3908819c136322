"""No Java is left behind, whichever of the processes goes, and however."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from opendt_streams.broker import EmbeddedBroker
from opendt_streams.broker.ports import answers
from opendt_streams.broker.process import is_running, wait_for

pytestmark = pytest.mark.broker

PROJECT = Path(__file__).resolve().parents[3]
GONE_WITHIN_S = 15.0


class Held:
    """The three processes of a running broker."""

    def __init__(self, program: subprocess.Popen[bytes]) -> None:
        assert program.stdout is not None
        said = json.loads(program.stdout.readline())
        self.program = program
        self.java, self.keeper = psutil.Process(said["java"]), psutil.Process(said["keeper"])
        self.port: int = said["port"]


@contextmanager
def held(folder: Path, mode: str) -> Iterator[Held]:
    command = [sys.executable, "-m", "tests.integration.broker.holder", str(folder), mode]
    program = subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert program.stdin is not None
    assert program.stdout is not None
    with program.stdin, program.stdout:
        processes = Held(program)
        try:
            yield processes
        finally:
            program.kill()
            program.wait()
            for left in (processes.keeper, processes.java):
                with suppress(psutil.NoSuchProcess):
                    left.kill()


def assert_gone(*processes: psutil.Process) -> None:
    def left() -> list[psutil.Process]:
        return [process for process in processes if is_running(process)]

    assert wait_for(lambda: not left(), GONE_WITHIN_S), f"still there: {left()}"


@pytest.mark.parametrize("mode", ["wait", "fork"])
def test_our_process_is_killed(tmp_path: Path, mode: str) -> None:
    with held(tmp_path, mode) as running:
        assert is_running(running.java)
        running.program.kill()
        running.program.wait()
        assert_gone(running.java, running.keeper)
        # And it did not harm: the log is free and whole.
        with EmbeddedBroker(tmp_path / "kafka", tmp_path / "logs", quiet=True) as again:
            assert again.alive


def test_our_process_ends_without_a_word(tmp_path: Path) -> None:
    with held(tmp_path, "exit") as running:
        running.program.wait()
        assert_gone(running.java, running.keeper)


def test_the_keeper_is_killed(tmp_path: Path) -> None:
    with held(tmp_path, "wait") as running:
        running.keeper.kill()
        assert_gone(running.java)


def test_both_are_killed_together(tmp_path: Path) -> None:
    with held(tmp_path, "wait") as running:
        running.keeper.suspend()  # so that it cannot do anything about the other's end
        running.program.kill()
        running.program.wait()
        running.keeper.kill()
        assert_gone(running.java, running.keeper)


def test_the_thread_that_started_it_may_end(tmp_path: Path) -> None:
    with held(tmp_path, "thread") as running:
        assert not wait_for(lambda: not is_running(running.java), 0.5)
        assert answers(running.port)


@pytest.mark.parametrize("end", [psutil.Process.kill, psutil.Process.terminate])
def test_java_ends_and_the_keeper_with_it(tmp_path: Path, end: Callable[[psutil.Process], None]) -> None:
    with held(tmp_path, "wait") as running:
        end(running.java)
        assert_gone(running.java, running.keeper)
        assert running.program.poll() is None


def test_ctrl_c_at_the_terminal_does_not_reach_java(tmp_path: Path) -> None:
    with held(tmp_path, "wait") as running:
        terminal_group = os.getpgid(running.program.pid)
        assert terminal_group not in {os.getpgid(running.java.pid), os.getpgid(running.keeper.pid)}
        running.program.send_signal(signal.SIGINT)
        running.program.wait()
        assert_gone(running.java, running.keeper)
