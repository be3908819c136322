"""`opendt data sample` and `opendt data check`, as a person and as a machine see them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from opendt_streams.cli.data import app
from opendt_streams.errors import BadInput

from .builders import write

run = CliRunner().invoke


def test_sample_says_what_it_made_and_what_comes_next(tmp_path: Path) -> None:
    result = run(app, ["sample", "--out", str(tmp_path / "site"), "--seed", "3", "--days", "1", "--hosts", "4"])
    assert result.exit_code == 0
    assert "4 hosts, 1 days" in result.stdout
    assert f"opendt run --workload {tmp_path / 'site'}" in result.stdout


def test_sample_as_json_is_one_document(tmp_path: Path) -> None:
    result = run(app, ["sample", "--out", str(tmp_path / "site"), "--seed", "3", "--days", "1", "--hosts", "4", "--json"])
    document = json.loads(result.stdout)
    assert (document["seed"], document["days"], document["hosts"], document["power_samples"]) == (3, 1, 4, 2880)


def test_wrong_use_of_sample_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="--hosts"):
        run(app, ["sample", "--out", str(tmp_path / "site"), "--seed", "3", "--hosts", "1"], catch_exceptions=False)


def test_check_of_a_good_directory(tmp_path: Path) -> None:
    result = run(app, ["check", str(write(tmp_path / "site"))])
    assert result.exit_code == 0
    assert "can be run: 0 errors, 0 warnings" in " ".join(result.stdout.split())
    assert "tasks.count" in result.stdout


def test_warnings_do_not_fail(tmp_path: Path) -> None:
    directory = write(tmp_path / "site", lambda f: f["tasks.parquet"].update(cpu_count=[2, 17, 1]))
    result = run(app, ["check", str(directory), "--json"])
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert document["ok"] is True
    assert len(document["warnings"]) == 1


def test_errors_exit_2_and_are_shown_as_they_are(tmp_path: Path) -> None:
    def change(f: dict[str, dict[str, object]]) -> None:
        f["tasks.parquet"]["id"] = ["12", "[/red]", "13"]
        f["tasks.parquet"]["duration"] = [1, -2, 3]

    directory = write(tmp_path / "site", change)
    result = run(app, ["check", str(directory)])
    assert result.exit_code == 2
    assert "[/red]" in result.stdout
    assert "-2" in result.stdout

    result = run(app, ["check", str(directory), "--json"])
    assert result.exit_code == 2
    assert [(e["row"], e["column"]) for e in json.loads(result.stdout)["errors"]] == [(1, "id"), (1, "duration")]


@pytest.mark.parametrize("command", ["sample", "check"])
def test_help_has_an_example(command: str) -> None:
    result = run(app, [command, "--help"])
    assert result.exit_code == 0
    assert f"Example: opendt data {command}" in result.stdout
