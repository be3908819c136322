"""`opendt config show` and `opendt config check`, as a person and as a machine see them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from opendt_streams.cli.config import app
from opendt_streams.errors import BadConfiguration
from opendt_streams.settings import valid_keys

pytestmark = pytest.mark.usefixtures("no_settings_from_outside")
run = CliRunner(env={"COLUMNS": "200"}).invoke
OPENDT = "global: {speed_factor: -1}\nservices: {dc-mock: {workload: SITE}, simulator: {simulation_frequency_minutes: 5}}\n"


def file(folder: Path, text: str) -> str:
    path = folder / "[mine].yaml"
    path.write_text(text)
    return str(path)


def test_show_as_json_has_every_key_with_value_and_origin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENDT_CALIBRATOR__METHOD", "off")
    mine = file(tmp_path, "simulator: {window: 10m}")
    result = run(app, ["show", "--config", mine, "--json"])
    assert result.exit_code == 0
    settings = json.loads(result.stdout)["settings"]
    assert settings.keys() == valid_keys()
    assert settings["simulator.window"] == {"value": "10m", "from": mine}
    assert settings["calibrator.method"] == {"value": "off", "from": "environment"}
    assert settings["workload.directory"] == {"value": None, "from": "default"}


def test_show_for_people_says_the_same(tmp_path: Path) -> None:
    result = run(app, ["show", "--config", file(tmp_path, "simulator: {window: 10m}")])
    line = next(line for line in result.stdout.splitlines() if "simulator.window" in line)
    assert "10m" in line
    assert "[mine].yaml" in result.stdout
    assert all(key in result.stdout for key in valid_keys())


def test_check_of_a_right_file(tmp_path: Path) -> None:
    mine = file(tmp_path, "simulator: {window: 10m}\ndatacenter: SURF\n")
    result = run(app, ["check", mine])
    assert result.exit_code == 0
    assert result.stdout == f"{mine} is right; it sets datacenter, simulator.window\n"
    assert json.loads(run(app, ["check", mine, "--json"]).stdout) == {"file": mine, "sets": ["datacenter", "simulator.window"], "notes": []}


def test_notes_on_opendts_files_go_to_stderr_and_into_the_json(tmp_path: Path) -> None:
    mine = file(tmp_path, OPENDT)
    for command in (["check", mine], ["show", "--config", mine]):
        result = run(app, command)
        assert result.exit_code == 0
        assert "Note: there is no workload" in result.stderr
        assert "Note:" not in result.stdout
        assert "there is no workload" in json.loads(run(app, [*command, "--json"]).stdout)["notes"][0]


def test_check_of_a_wrong_file(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match=r"Did you mean simulator\.window\?"):
        run(app, ["check", file(tmp_path, "simulator: {windw: 10m}")], catch_exceptions=False)


@pytest.mark.parametrize("command", ["show", "check"])
def test_help_has_an_example(command: str) -> None:
    assert f"Example: opendt config {command}" in run(app, [command, "--help"]).stdout
