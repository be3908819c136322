"""Every option and argument that names a file or folder reaches its command absolute."""

from __future__ import annotations

import os
import typing
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from opendt_streams.cli import paths
from opendt_streams.cli.main import COMMANDS
from opendt_streams.errors import BadConfiguration, BadInput, Unavailable
from opendt_streams.java import class_path, find_java
from opendt_streams.paths import absolute, settled
from opendt_streams.settings import load
from opendt_streams.settings.fields import name_of


def functions() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every command, by name."""
    for name in COMMANDS:
        module = import_module(f"opendt_streams.cli.{name}")
        if (app := getattr(module, "app", None)) is None:
            yield name, getattr(module, name)
        else:
            yield from ((f"{name} {c.name or c.callback.__name__}", c.callback) for c in app.registered_commands if c.callback is not None)


COMMAND = dict(functions())


@pytest.mark.parametrize("command", COMMAND)
def test_no_command_sees_a_relative_path(command: str) -> None:
    for name, hint in typing.get_type_hints(COMMAND[command], include_extras=True).items():
        kinds = typing.get_args(hint)
        if kinds and Path in (kinds[0], *typing.get_args(kinds[0])):
            assert kinds[1].callback is paths.given, f"{name}: use path_option or path_argument of cli.paths"


def test_that_looks_at_commands_that_take_paths() -> None:
    assert {"run", "service", "calibrate", "data sample", "engine run", "audit verify", "topology log", "broker start"} <= COMMAND.keys()


def test_a_relative_path_is_that_of_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "real" / "in").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "real" / "in")
    monkeypatch.chdir(tmp_path)
    assert absolute(Path("a b/ü")) == tmp_path / "a b/ü"
    assert absolute(Path("link")) == tmp_path / "link"
    assert absolute(Path("link/../x")) == (tmp_path / "real/x").resolve(), "where the link leads, as the system has it"
    assert absolute(Path("~")) == tmp_path / "~", "the shell has had its say"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert settled(Path("~/x")) == tmp_path / "x"
    assert settled(Path("~nobody-of-this-name/x")) == tmp_path / "~nobody-of-this-name/x"


def test_a_path_that_no_file_of_ours_can_name_is_refused() -> None:
    with pytest.raises(BadInput, match="UTF-8"):
        absolute(Path(os.fsdecode(b"/tmp/\xff")))


def test_a_working_directory_that_is_gone_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(BadInput, match="working directory"):
        absolute(Path("x"))
    assert absolute(Path("/x")) == Path("/x")


def test_paths_in_settings_hold_wherever_they_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "settings.yaml"
    config.write_text("workload: {directory: site}\nengine: {opendc: {home: ~/OpenDC, java: jre}}\napi: {token_file: t, tls_key: k}\n")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OPENDT_API__TLS_CERTIFICATE", "c.pem")
    monkeypatch.chdir(tmp_path)
    settings = load(config).settings
    assert (settings.workload.directory, settings.engine.opendc.java) == (tmp_path / "site", tmp_path / "jre")
    assert settings.engine.opendc.home == tmp_path / "home/OpenDC"
    assert (settings.api.token_file, settings.api.tls_key) == (tmp_path / "t", tmp_path / "k")
    assert settings.api.tls_certificate == tmp_path / "c.pem"


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("SURF", "SURF"),
        ("Übung #1", "Ubung-1"),
        ("mein Rechenzentrum", "mein-Rechenzentrum"),
        ("データ", "datacenter"),
        ("x" * 300, "x" * 100),
    ],
)
def test_a_folder_gives_the_datacenter_a_name_that_it_can_have(folder: str, name: str) -> None:
    assert name_of(Path("/data") / folder) == name
    assert load(None, {"datacenter": name}).settings.datacenter == name
    if folder != name:
        with pytest.raises(BadConfiguration):
            load(None, {"datacenter": folder})


def test_java_is_found_by_a_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = find_java(environ={"PATH": ""})
    (tmp_path / "jre é").symlink_to(found.home)
    monkeypatch.chdir(tmp_path)
    for environ in ({"OPENDT_JAVA": "jre é"}, {"JAVA_HOME": "jre é"}, {"OPENDT_JAVA": "jre é/bin/java"}):
        assert find_java(environ=environ).executable == tmp_path / "jre é/bin/java"


def test_a_folder_that_java_takes_for_two_is_refused() -> None:
    assert class_path([Path("/a b"), Path("/c")]) == "/a b:/c"
    with pytest.raises(Unavailable, match="rename"):
        class_path([Path("/a:b")])
