"""`opendt engine` and `opendt run` where the real OpenDC is asked for: what is missing is one sentence, before anything is started."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from opendt_streams.cli.main import app
from opendt_streams.engine.opendc.installation import VARIABLE
from opendt_streams.errors import BadInput, OpenDTError, Unavailable
from tests.contract.engine.standing_in import stand_in
from tests.unit.opendc.experiments import write_experiment

RUN = ["engine", "run", "--engine", "opendc", "--output", "out", "--experiment"]


@pytest.fixture(autouse=True)
def no_opendc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)


def error_of(*arguments: str) -> OpenDTError:
    with pytest.raises(OpenDTError) as raised:
        CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    return raised.value


@pytest.mark.parametrize(
    "arguments",
    [
        [*RUN, "experiment.json"],
        ["engine", "compare", "--experiment", "experiment.json"],
        ["run", "--engine", "opendc", "--calibration", "off", "--run-dir", "run"],
    ],
)
def test_without_a_runner_nothing_begins(arguments: list[str], tmp_path: Path) -> None:
    error = error_of(*arguments)
    assert (type(error), error.exit_code) == (Unavailable, 3)
    assert "engine.opendc.home or OPENDC_HOME" in str(error)
    assert not list(tmp_path.iterdir())


def test_a_shadow_needs_it_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENDT_ENGINE__SHADOW_EVERY", "2")
    assert error_of("run", "--run-dir", "run").exit_code == 3
    assert not list(tmp_path.iterdir())


def test_a_folder_without_a_runner_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert f"OPENDC_HOME={tmp_path}: no runner of OpenDC is there" in str(error_of(*RUN, "experiment.json"))


def test_without_a_fitting_java_nothing_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(stand_in(tmp_path / "home", "answers")))
    monkeypatch.setenv("OPENDT_ENGINE__OPENDC__JAVA", str(tmp_path / "no-java"))
    error = error_of(*RUN, "experiment.json")
    assert error.exit_code == 3
    assert "engine.opendc.java=" in str(error)
    assert "Java 21 or newer" in str(error)


def test_a_runner_that_does_not_run_is_refused_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(stand_in(tmp_path / "home", "garbage")))
    assert "the runner does not run" in str(error_of(*RUN, "experiment.json"))


def test_a_calibration_that_the_engine_cannot_serve_is_refused_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(stand_in(tmp_path / "home", "answers")))
    monkeypatch.setenv("OPENDT_CALIBRATOR__LEAST_SQUARES__POWER_MODEL", "busy-linear")
    error = error_of("run", "--engine", "opendc", "--calibration", "least-squares", "--run-dir", "run")
    assert isinstance(error, BadInput)
    assert "busy-linear" in str(error)
    assert [p.name for p in tmp_path.iterdir()] == ["home"]


def test_one_thing_is_compared() -> None:
    assert isinstance(error_of("engine", "compare"), BadInput)


def compared(monkeypatch: pytest.MonkeyPatch, *plan: str) -> tuple[int, dict[str, Any]]:
    """Against a stand-in that has the native engine answer."""
    monkeypatch.setenv(VARIABLE, str(stand_in(Path("home").absolute(), *plan)))
    done = CliRunner().invoke(app, ["engine", "compare", "--experiment", str(write_experiment(Path())), "--json"], catch_exceptions=False)
    return done.exit_code, json.loads(done.stdout)


def test_equal_tables_are_equal(monkeypatch: pytest.MonkeyPatch) -> None:
    code, document = compared(monkeypatch, "answers", "answers")
    assert (code, document["equal"], document["difference"]) == (0, True, None)
    assert document["rows"].keys() == {"powerSource", "service", "host", "task"}


def test_the_first_difference_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    code, document = compared(monkeypatch, "answers", "answers-otherwise")
    assert (code, document["equal"]) == (1, False)
    difference = document["difference"]
    assert (difference["table"], difference["column"]) == ("powerSource", "power_draw")
    assert difference["key"] == {"timestamp": 10_000, "cluster_name": "C"}
    assert difference["opendc"] == difference["native"] + 1
