"""Why Kafka did not start, in one sentence, from what it left in its logs."""

from __future__ import annotations

import re
from pathlib import Path

TAIL_BYTES = 256 * 2**10
ADDRESS_TAKEN = "Address already in use"


def size_of(log: Path) -> int:
    """Where the log ends now; what a start adds comes after it."""
    return log.stat().st_size if log.exists() else 0


def why_not_started(log: Path, begins_at: int, console: Path) -> str:
    """The first error that Kafka logged since `begins_at`, else the last thing Java printed."""
    lines = _lines(log, begins_at)
    for number, line in enumerate(lines):
        if match := re.match(r"\S+ (?:ERROR|FATAL)\s+\S+ (.*)", line):
            thrown = next((found for found in map(_thrown, lines[number + 1 : number + 2]) if found), None)
            return _sentence(thrown or match[1])
    printed = [line for line in _lines(console, 0) if line.strip() and not line.startswith("\tat ")]
    return _sentence(printed[-1]) if printed else "it ended without a word"


def _thrown(line: str) -> str | None:
    """The message of an exception's first line, without the class's name."""
    match = re.match(r"(?:[a-z]\w*\.)+(?P<name>[A-Z]\w*)(?:: (?P<message>.*))?$", line)
    return (match["message"] or match["name"]) if match else None


def _lines(path: Path, begins_at: int) -> list[str]:
    if not path.exists():
        return []
    size = path.stat().st_size
    start = begins_at if begins_at <= size else 0  # rolled meanwhile
    with path.open("rb") as file:
        file.seek(max(start, size - TAIL_BYTES))
        return file.read().decode("utf-8", "replace").splitlines()


def _sentence(text: str) -> str:
    return " ".join(text.split()).rstrip(".")[:400]
