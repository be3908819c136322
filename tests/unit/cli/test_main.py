"""The `opendt` process: exit codes, and what goes to which stream."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from opendt_streams import __version__
from opendt_streams.cli.main import app


def opendt(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "opendt_streams.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL)


def test_json_is_alone_on_stdout() -> None:
    done = opendt("config", "show", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["settings"]["simulator.window"]["value"] == "5m"


def test_a_users_mistake_is_one_sentence_on_stderr_and_exit_2(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("simulator: {windw: 10m}")
    done = opendt("config", "check", str(wrong), "--json")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"opendt: {wrong}: unknown key 'simulator.windw'. Did you mean simulator.window?\n"


@pytest.mark.parametrize("arguments", [["fly"], ["config", "check"], ["config", "show", "--colour"], ["run", "--colour"]])
def test_wrong_use_is_exit_2(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr


def test_version_and_help() -> None:
    assert CliRunner().invoke(app, ["--version"]).stdout == f"{__version__}\n"
    assert "config" in CliRunner().invoke(app, ["--help"]).stdout
    assert CliRunner().invoke(app, []).exit_code == 2


def commands(group: object, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    inner = getattr(group, "commands", None)
    return [path] if inner is None else [line for name, one in inner.items() for line in commands(one, (*path, name))]


@pytest.mark.parametrize("path", commands(get_command(app)), ids=" ".join)
def test_every_command_has_help_with_an_example(path: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, [*path, "--help"])
    assert result.exit_code == 0
    assert f"Example: opendt {' '.join(path)}" in result.stdout
