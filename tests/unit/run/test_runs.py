"""Manifests, and `opendt runs` over folders of all kinds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from opendt_streams.cli.runs import app
from opendt_streams.errors import BadInput, OpenDTError
from opendt_streams.run.manifest import MANIFEST_FILE, SERVICES_FILE, Manifest


def manifest(run: str, **fields: Any) -> Manifest:
    return Manifest(**{"run": run, "datacenter": "SURF", "state": "complete", "started": "2026-01-01T00:00:00Z"} | fields)


def make(data: Path, run: str, **fields: Any) -> Path:
    folder = data / run
    folder.mkdir(parents=True)
    manifest(run, **fields).write(folder)
    return folder


def supervised_by(folder: Path, pid: int) -> None:
    (folder / SERVICES_FILE).write_text(json.dumps({"supervisor": {"pid": pid}, "broker": {"pid": None}}))


def gone() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def runs(*arguments: str) -> tuple[int, str]:
    """Exit code and what is said, errors answered as `opendt` answers them."""
    result = CliRunner().invoke(app, list(arguments))
    if isinstance(result.exception, OpenDTError):
        return result.exception.exit_code, str(result.exception)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout


def listed(data: Path) -> list[dict[str, Any]]:
    code, said = runs("list", "--data", str(data), "--json")
    assert code == 0
    return list(json.loads(said)["runs"])


def test_what_is_written_is_read(tmp_path: Path) -> None:
    written = manifest("one", summary={"windows": 3}, inputs={"tasks.parquet": "ab"}, notes=["edited by people"])
    written.write(tmp_path)
    assert Manifest.read(tmp_path) == written
    assert [p.name for p in tmp_path.iterdir()] == [MANIFEST_FILE]


def test_other_versions_are_read_leniently(tmp_path: Path) -> None:
    (tmp_path / MANIFEST_FILE).write_text('{"run": "old", "datacenter": "d", "state": "complete", "invented_later": 1}')
    assert Manifest.read(tmp_path).notes == []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"run": "x", "datacenter": "d", "state": "odd"}', '{"run": 1}'])
def test_a_broken_manifest_is_one_clear_error(tmp_path: Path, text: str) -> None:
    (tmp_path / MANIFEST_FILE).write_text(text)
    with pytest.raises(BadInput, match="unreadable"):
        Manifest.read(tmp_path)


def test_runs_are_listed_by_their_start_and_other_folders_are_not_runs(tmp_path: Path) -> None:
    make(tmp_path, "b", started="2026-01-02T00:00:00Z", summary={"windows": 2016, "mape_percent": 1.234, "skill": 0.6})
    make(tmp_path, "a", started="2026-01-03T00:00:00Z")
    (tmp_path / "no-run").mkdir()
    (tmp_path / ".gitkeep").touch()
    assert [r["run"] for r in listed(tmp_path)] == ["b", "a"]
    _, table = runs("list", "--data", str(tmp_path))
    assert all(word in table for word in ("SURF", "complete", "2016", "1.23", "0.60"))


def test_an_unreadable_manifest_spoils_no_list(tmp_path: Path) -> None:
    make(tmp_path, "good")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / MANIFEST_FILE).write_text("{")
    states = {r["run"]: r["state"] for r in listed(tmp_path)}
    assert states == {"good": "complete", "bad": "unreadable"}
    code, text = runs("list", "--data", str(tmp_path))
    assert code == 0
    assert "unreadable" in text
    assert runs("show", "bad", "--data", str(tmp_path))[0] == 2


def test_running_is_believed_only_while_the_supervisor_lives(tmp_path: Path) -> None:
    supervised_by(make(tmp_path, "alive", state="running"), os.getpid())
    supervised_by(make(tmp_path, "killed", state="running"), gone())
    supervised_by(make(tmp_path, "over", state="interrupted"), gone())
    make(tmp_path, "starting", state="running")
    states = {r["run"]: r["state"] for r in listed(tmp_path)}
    assert states == {"alive": "running", "killed": "died", "over": "interrupted", "starting": "running"}


def test_a_pid_that_somebody_else_has_by_now_is_not_the_supervisor(tmp_path: Path) -> None:
    folder = make(tmp_path, "long-ago", state="running")
    supervised_by(folder, os.getpid())
    os.utime(folder / SERVICES_FILE, (1e9, 1e9))
    assert Manifest.read(folder).state_now(folder) == "died"


def test_show_tells_everything_of_one_run(tmp_path: Path) -> None:
    make(tmp_path, "one", summary={"windows": 3, "tasks": 4}, notes=["silence at noon"])
    code, text = runs("show", "one", "--data", str(tmp_path))
    assert code == 0
    assert all(word in text for word in ("summary.windows", "silence at noon", "SURF"))
    document = json.loads(runs("show", "one", "--data", str(tmp_path), "--json")[1])
    assert document["summary"] == {"windows": 3, "tasks": 4}


def test_what_is_not_there_is_wrong_use(tmp_path: Path) -> None:
    assert runs("show", "none", "--data", str(tmp_path))[0] == 2
    assert runs("list", "--data", str(tmp_path / "none"))[0] == 2
