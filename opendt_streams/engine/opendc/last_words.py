"""Why a runner ended, in one line, from what it printed; and whether its inputs or the machine were to blame."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from opendt_streams.engine.opendc.process import Ending

_TAIL_BYTES: Final = 64 * 2**10
_LONGEST: Final = 300
_OUT_OF_MEMORY: Final = 3  # of Java with -XX:+ExitOnOutOfMemoryError
_NOT_RUN: Final = (126, 127)
_MACHINE: Final = re.compile(
    r"no space left|quota exceeded|file too large|OutOfMemory|insufficient memory|could not reserve|too many open files|read-only file"
    r"|cannot allocate|permission denied|input/output error|Could not create the Java Virtual Machine|NoClassDefFound|ClassNotFound",
    re.IGNORECASE,
)
_THROWN: Final = re.compile(r'^(?:Exception in thread "[^"]*" |Caused by: )?((?:[\w$]+\.)+[\w$]*(?:Exception|Error)[\w$]*(?:: .*)?)$')
_HASH: Final = re.compile(r"@[0-9a-f]{4,}")


def reason(ending: Ending, log: Path, timeout_s: float) -> tuple[str, bool]:
    """(why there is no result, whether the same inputs give that on any machine); for an ending other than exit 0."""
    if ending.code is None:
        return f"it was cut off after {timeout_s:g} s", False
    if ending.signal is not None:
        return f"it was ended by signal {ending.signal}", False
    words = _words(log)
    if ending.code == _OUT_OF_MEMORY:
        return "it ran out of memory (engine.opendc.memory)", False
    blames_machine = ending.code in _NOT_RUN or not words or _MACHINE.search(words) is not None
    return f"it ended with exit code {ending.code}: {words or 'without a word'}", not blames_machine


def _words(log: Path) -> str:
    """The innermost exception, else the last line; without what differs from run to run."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
            lines = [line.strip() for line in file.read().decode("utf-8", "replace").splitlines() if line.strip()]
    except OSError:
        return ""
    thrown = [match[1] for line in lines if (match := _THROWN.match(line))]
    text = thrown[-1] if thrown else next(iter(reversed(lines)), "")
    return _HASH.sub("", " ".join(text.split()).rstrip("."))[:_LONGEST]
