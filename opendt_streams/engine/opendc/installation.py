"""Where OpenDC's runner is on this machine, and the Java that runs it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from opendt_streams.engine.opendc.options import Options
from opendt_streams.errors import Unavailable
from opendt_streams.java import Java, class_path, find_java
from opendt_streams.paths import settled

RUNNER: Final = "OpenDCExperimentRunner"
VARIABLE: Final = "OPENDC_HOME"
OLDEST_JAVA: Final = 21
_HINT: Final = f"Unpack {RUNNER} from a release of OpenDC and set engine.opendc.home or {VARIABLE} to its folder (docs/opendc.md)"


@dataclass(frozen=True, slots=True)
class Installation:
    """`digest` identifies the code: sha256 over names and contents of OpenDC's own jars."""

    home: Path
    java: Java
    digest: str

    @property
    def script(self) -> Path:
        return self.home / "bin" / RUNNER


def find_installation(options: Options, environ: Mapping[str, str] = os.environ) -> Installation:
    """The runner in `options.home`, else in OPENDC_HOME; a Java in `options.java`, else as `find_java` finds one.

    Raises:
        Unavailable: one of them is missing, or the Java is too old.
    """
    home = _home(options, environ)
    java = find_java(OLDEST_JAVA, environ, wish=options.java, wished_by="engine.opendc.java" if options.java else "OPENDT_JAVA")
    return Installation(home, java, _digest(home))


def _home(options: Options, environ: Mapping[str, str]) -> Path:
    named = environ.get(VARIABLE)
    where, given = ("engine.opendc.home", options.home) if options.home is not None else (VARIABLE, Path(named) if named else None)
    if given is None:
        raise Unavailable("the real OpenDC is asked for and nothing says where it is", hint=_HINT)
    for home in (settled(given), settled(given) / RUNNER):
        if os.access(home / "bin" / RUNNER, os.X_OK) and (home / "lib").is_dir():
            class_path([(home / "lib").resolve()])  # its script follows links
            return home
    raise Unavailable("no runner of OpenDC is there", expected=f"a folder with bin/{RUNNER} and lib", where=f"{where}={given}", hint=_HINT)


def _digest(home: Path) -> str:
    found = hashlib.sha256()
    for jar in sorted((home / "lib").glob("opendc-*.jar")):
        found.update(f"{jar.name} {hashlib.sha256(jar.read_bytes()).hexdigest()}\n".encode())
    return found.hexdigest()[:12]
