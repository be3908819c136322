"""`opendt broker start | status | stop` as a person and as a program use it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from typer.testing import CliRunner

from opendt_streams.broker import attach_or_start, live_broker
from opendt_streams.broker.process import is_running
from opendt_streams.broker.run_log import publish, stop_detached
from opendt_streams.cli.broker import app
from opendt_streams.errors import OpenDTError

pytestmark = pytest.mark.broker

PROJECT = Path(__file__).resolve().parents[3]


def opendt_broker(*arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of `opendt broker …`, errors answered as `opendt` answers them."""
    result = CliRunner().invoke(app, list(arguments))
    if isinstance(result.exception, OpenDTError):
        return result.exception.exit_code, result.stdout, str(result.exception)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def answer(*arguments: str) -> tuple[int, dict[str, Any]]:
    code, stdout, _ = opendt_broker(*arguments, "--json")
    return code, json.loads(stdout)


def start_in_a_process_of_its_own(run_dir: Path) -> dict[str, Any]:
    """The command ends and lets go of its terminal (or pipe) while the broker goes on."""
    program = "from opendt_streams.cli.broker import app; app()"
    command = [sys.executable, "-c", program, "start", "--run-dir", str(run_dir), "--json"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True, timeout=120)
    assert done.stderr == ""
    return dict(json.loads(done.stdout))


@pytest.fixture
def run_dir(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "run"
    stop_detached(tmp_path / "run")


def test_start_status_stop(run_dir: Path) -> None:
    folder = ("--run-dir", str(run_dir))
    started = start_in_a_process_of_its_own(run_dir)
    assert (started["running"], started["already_running"]) == (True, False)
    java = psutil.Process(started["pid"])
    assert (run_dir / "logs" / "kafka.log").exists()

    assert answer("start", *folder) == (0, started | {"already_running": True})
    assert answer("status", *folder)[1]["url"] == started["url"] == f"kafka://127.0.0.1:{started['port']}"
    code, stdout, stderr = opendt_broker("status", *folder)
    assert (code, stdout) == (0, "")
    assert started["url"] in stderr
    with attach_or_start(run_dir) as url:
        assert url == started["url"]
    code, _, stderr = opendt_broker("start", *folder, "--port", str(started["port"] + 1))
    assert (code, "runs already" in stderr) == (3, True)

    assert answer("stop", *folder) == (0, {"run_dir": str(run_dir), "running": False, "stopped": True})
    assert not is_running(java)
    assert answer("stop", *folder)[1]["stopped"] is False
    assert answer("status", *folder) == (1, {"run_dir": str(run_dir), "running": False})
    assert opendt_broker("status", *folder)[:2] == (1, "")


def test_a_taken_port_leaves_nothing_behind(run_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        code, stdout, stderr = opendt_broker("start", "--run-dir", str(run_dir), "--port", port, "--json")
    assert (code, stdout) == (3, "")
    assert f"port {port} is taken" in stderr
    assert live_broker(run_dir) is None


def test_a_cluster_is_neither_started_nor_stopped(broker_url: str, run_dir: Path) -> None:
    publish(run_dir, broker_url)
    for command in ("start", "stop"):
        code, _, stderr = opendt_broker(command, "--run-dir", str(run_dir))
        assert (code, "cluster of yours" in stderr) == (2, True)
    (run_dir / "broker.json").unlink()


@pytest.mark.parametrize("command", ["status", "stop"])
def test_a_folder_that_is_not_there_is_wrong_use(command: str, tmp_path: Path) -> None:
    code, _, stderr = opendt_broker(command, "--run-dir", str(tmp_path / "typo"))
    assert (code, "no such folder" in stderr) == (2, True)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("arguments", [["start"], ["start", "--run-dir", ".", "--port", "0"], ["begin"]])
def test_wrong_use(arguments: list[str]) -> None:
    assert opendt_broker(*arguments)[0] == 2


@pytest.mark.parametrize("command", ["start", "stop", "status"])
def test_help_has_an_example(command: str) -> None:
    code, stdout, _ = opendt_broker(command, "--help")
    assert code == 0
    assert f"opendt broker {command} --run-dir" in stdout
