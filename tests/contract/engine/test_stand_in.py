"""A runner may do anything: the twin gets an answer or a reason, in time, and nothing of the runner stays.

The parts are played by a stand-in. It says nothing about OpenDC's numbers: `test_opendc.py` does, with the real one.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from opendt_streams.broker.process import wait_for
from opendt_streams.engine.opendc import guard
from opendt_streams.engine.opendc.archive import Archive
from opendt_streams.engine.opendc.runner import LOG, NoAnswer
from opendt_streams.engine.port import NO_ANSWER
from opendt_streams.errors import SimulationError
from tests.contract.engine.standing_in import PROJECT, ask, assert_nothing_is_left, played, processes, runner, stand_in

SHORT_MS = 1500
STARTED_WITHIN_S = 60.0


@pytest.mark.parametrize(
    ("part", "why"),
    [
        ("garbage", "powerSource.parquet cannot be read"),
        ("half", "powerSource.parquet cannot be read"),
        ("nothing", "powerSource.parquet cannot be read"),
        ("disk-full", "No space left on device"),
        ("memory", "out of memory"),
        ("is-killed", "signal 9"),
        ("hangs", "cut off after 1.5 s"),
        ("deaf", "cut off after 1.5 s"),
        ("children", "cut off after 1.5 s"),
    ],
)
def test_a_runner_that_fails_gives_a_reason_and_leaves_nothing(part: str, why: str, tmp_path: Path) -> None:
    home = stand_in(tmp_path / "home", part)
    timeout_ms = SHORT_MS if "cut off" in why else 60_000
    with pytest.raises(NoAnswer, match=why) as raised:
        ask(runner(home, tmp_path / "archive", timeout_ms))
    assert str(raised.value).startswith(NO_ANSWER)
    assert_nothing_is_left(home)
    kept = tmp_path / "archive" / "failed" / "question-0-1"
    assert {"experiment.json", "topology.json", "workload", LOG} <= {p.name for p in kept.iterdir()}
    assert not list((tmp_path / "archive" / "work").iterdir())


def test_inputs_that_it_refuses_every_time_are_to_blame(tmp_path: Path) -> None:
    home = stand_in(tmp_path / "home", "refuses")
    with pytest.raises(SimulationError, match=r"cannot run these inputs.*exit code 1.*the trace is odd") as raised:
        ask(runner(home, tmp_path / "archive", attempts=3))
    assert not isinstance(raised.value, NoAnswer)
    assert not str(raised.value).startswith(NO_ANSWER)
    assert played(home) == ["refuses"] * 3


def test_it_is_tried_again(tmp_path: Path) -> None:
    home = stand_in(tmp_path / "home", "garbage", "is-killed", "answers")
    rows = ask(runner(home, tmp_path / "archive", attempts=3))
    assert len(rows.clusters["C"].power_w) >= 10
    assert played(home) == ["garbage", "is-killed", "answers"]
    assert [p.name for p in (tmp_path / "archive" / "good").iterdir()] == ["question-0-3"]
    assert_nothing_is_left(home)


def test_different_failures_do_not_blame_the_inputs(tmp_path: Path) -> None:
    home = stand_in(tmp_path / "home", "refuses", "is-killed")
    with pytest.raises(NoAnswer, match=r"2 attempts.*the trace is odd.*signal 9"):
        ask(runner(home, tmp_path / "archive", attempts=2))


def test_children_that_outlive_a_good_run_are_ended(tmp_path: Path) -> None:
    home = stand_in(tmp_path / "home", "leaves-children")
    ask(runner(home, tmp_path / "archive"))
    assert len((home / "children").read_text().split()) == 2
    assert_nothing_is_left(home)


@pytest.mark.parametrize("victim", ["us", "guard"])
def test_whoever_is_killed_nothing_is_left(victim: str, tmp_path: Path) -> None:
    home = stand_in(tmp_path / "home", "children")
    command = [sys.executable, "-m", "tests.contract.engine.asks_stand_in", str(home), str(tmp_path / "archive")]
    program = subprocess.Popen(command, cwd=PROJECT, stderr=subprocess.DEVNULL)
    try:
        assert wait_for((home / "children").exists, STARTED_WITHIN_S)
        if victim == "us":
            program.kill()
        else:
            guards = [p for p in psutil.Process(program.pid).children() if guard.__file__ in p.cmdline()]
            assert len(guards) == 1
            guards[0].send_signal(signal.SIGKILL)
            # Who left the group has no guard any more, and is nobody's to find.
            stray = processes((home / "children").read_text().split()[1:])
            program.wait(STARTED_WITHIN_S)
            for process in stray:
                process.kill()
        program.wait(STARTED_WITHIN_S)
        assert_nothing_is_left(home)
    finally:
        program.kill()
        program.wait()


def test_the_archive_keeps_the_newest(tmp_path: Path) -> None:
    archive = Archive(tmp_path, keep=2)
    for name in ("a", "b", "c"):
        archive.close(archive.open(), name, failed=False)
    archive.close(archive.open(), "d", failed=True)
    assert {p.parent.name + "/" + p.name for p in tmp_path.glob("*/*")} == {"good/b", "good/c", "failed/d"}


def test_what_a_killed_process_was_at_is_cleared_away(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    (tmp_path / "work" / f"{gone.pid}-1").mkdir(parents=True)
    Archive(tmp_path, keep=2)
    assert not list((tmp_path / "work").iterdir())
