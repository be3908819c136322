"""`opendt audit verify | export` on run folders, with and without a Kafka log of their own."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from opendt_streams.broker import embedded_broker
from opendt_streams.cli.audit import app
from opendt_streams.errors import OpenDTError
from opendt_streams.streams.deployment import CONFIG_FILE
from opendt_streams.wire import topics
from tests.integration.streams.own_log import append, make_run
from tests.integration.streams.undisturbed import Undisturbed


def audit(*arguments: object) -> tuple[int, str]:
    """Exit code and what is said, errors answered as `opendt` answers them."""
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    if isinstance(result.exception, OpenDTError):
        return result.exception.exit_code, str(result.exception)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout


def answer(*arguments: object) -> tuple[int, dict[str, Any]]:
    code, said = audit(*arguments, "--json")
    return code, dict(json.loads(said))


@pytest.fixture(scope="module")
def made(undisturbed: Undisturbed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return asyncio.run(make_run(tmp_path_factory.mktemp("own") / "run", undisturbed.logs, undisturbed.settings))


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    """A copy to harm."""
    shutil.copytree(made, tmp_path / "run")
    return tmp_path / "run"


def segment(run: Path, topic: str) -> Path:
    (path,) = (run / "kafka" / "log" / f"{topic}-0").glob("*.log")
    return path


def flip(path: Path, share: float) -> None:
    content = bytearray(path.read_bytes())
    content[int(len(content) * share)] ^= 0x20
    path.write_bytes(bytes(content))


def forget_clean_stop(run: Path) -> None:
    """As if Kafka had been killed."""
    (run / "kafka" / "log" / ".kafka_cleanshutdown").unlink()


def test_a_run_is_verified_exported_and_verified_again(run: Path, undisturbed: Undisturbed, tmp_path: Path) -> None:
    code, first = answer("verify", "--run-dir", run)
    assert (code, first["proved"], first["findings"]) == (0, "inner consistency", [])
    assert any("first time" in note for note in first["notes"])
    assert {t["topic"]: t["count"] for t in first["topics"]} == {t: len(log) for t, log in undisturbed.logs.items()}

    bundle = tmp_path / "run.zip"
    code, exported = answer("export", "--run-dir", run, "--out", bundle)
    assert (code, exported["log_root"]) == (0, first["log_root"])
    assert answer("export", "--run-dir", run, "--out", tmp_path / "again.zip")[0] == 0
    assert bundle.read_bytes() == (tmp_path / "again.zip").read_bytes()
    assert audit("export", "--run-dir", run, "--out", bundle)[0] == 2

    code, verified = answer("verify", bundle, "--root", exported["root"])
    assert (code, verified["proved"], verified["log_root"]) == (0, "against the root", first["log_root"])
    code, again = answer("verify", "--run-dir", run, "--root", exported["root"])
    assert (code, again["proved"], set(again["since"].values())) == (0, "against the root", {0})
    assert answer("verify", bundle, "--root", "0" * 64)[0] == 1
    flip(bundle, 0.5)
    assert answer("verify", bundle)[0] == 1


def test_what_comes_later_is_counted_and_what_was_sealed_stays(run: Path, undisturbed: Undisturbed) -> None:
    _, first = answer("verify", "--run-dir", run)
    note = undisturbed.logs[topics.POWER][0]
    with embedded_broker(run, quiet=True) as broker:
        asyncio.run(append(broker.url, [note]))
    code, later = answer("verify", "--run-dir", run, "--root", first["log_root"])
    assert (code, later["proved"], later["since"][topics.POWER]) == (0, "against the log root", 1)


@pytest.mark.parametrize("killed", [False, True])
@pytest.mark.parametrize("topic", [topics.RESULTS, topics.WORKLOAD])
def test_a_flipped_byte_in_the_files_of_kafka_is_found_before_kafka_cuts_it_off(run: Path, topic: str, killed: bool) -> None:
    path = segment(run, topic)
    flip(path, 0.5)
    damaged = path.read_bytes()
    if killed:
        forget_clean_stop(run)
    code, said = answer("verify", "--run-dir", run)
    assert code == 1
    assert said["findings"][0]["where"].startswith(f"{topic}|0|")
    assert said["findings"][0]["cause"] == "damage"
    assert path.read_bytes() == damaged, "the evidence must not be lost by looking at it"
    assert audit("export", "--run-dir", run, "--out", run.parent / "run.zip")[0] == 1
    assert not (run.parent / "run.zip").exists()


def test_records_that_kafka_cut_off_are_missed(run: Path) -> None:
    assert answer("verify", "--run-dir", run)[0] == 0
    flip(segment(run, topics.WORKLOAD), 0.8)
    forget_clean_stop(run)
    with embedded_broker(run, quiet=True):
        pass  # it repairs the log, as it calls that
    code, said = answer("verify", "--run-dir", run)
    assert code == 1
    assert any(f["where"].startswith("dc.workload|0|") and "missing" in f["what"] for f in said["findings"])


def test_a_run_on_a_cluster(undisturbed: Undisturbed, tmp_path: Path) -> None:
    """The folder holds nothing but the settings."""
    shutil.copy(undisturbed.twin.folder / CONFIG_FILE, tmp_path)
    code, said = answer("verify", "--run-dir", tmp_path)
    assert (code, said["findings"]) == (0, [])
    assert (tmp_path / "audit" / "manifest.json").is_file()
    code, people = audit("verify", "--run-dir", tmp_path)
    assert code == 0
    assert "Only inner consistency was shown" in people


@pytest.mark.parametrize(
    "arguments",
    [
        ("verify",),
        ("verify", "no-such.zip"),
        ("verify", "--run-dir", "."),
        ("verify", "--run-dir", ".", "x.zip"),
        ("verify", "x.zip", "--root", "short"),
        ("export", "--run-dir", ".", "--out", "no/such/folder/x.zip"),
        ("export", "--run-dir", ".", "--out", "x.zip"),
    ],
)
def test_wrong_use(arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, said = audit(*arguments)
    assert code == 2
    assert said
    assert list(tmp_path.iterdir()) == []
