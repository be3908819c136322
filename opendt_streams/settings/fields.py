"""How values of settings are written in a file: durations, speeds, times, names."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer

from opendt_streams.errors import BadInput
from opendt_streams.model import times, units
from opendt_streams.paths import settled

FOREVER: Final = -1

_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
UNITS_MS: Final = {"ms": 1, "s": times.SECOND, "m": times.MINUTE, "h": times.HOUR, "d": times.DAY}


def _duration_ms(value: object) -> object:
    if isinstance(value, str):
        match = _DURATION.fullmatch(value.strip())
        if match is None:
            raise ValueError(f"{value!r} is not a duration; expected a number with ms, s, m, h or d, such as 5m")
        milliseconds = float(match[1]) * UNITS_MS[match[2]]
        if not milliseconds.is_integer() or milliseconds == 0:
            raise ValueError(f"{value!r} is not a whole, positive number of milliseconds")
        return int(milliseconds)
    if isinstance(value, int) and not isinstance(value, bool):
        raise ValueError(f"{value} has no unit; expected a number with ms, s, m, h or d, such as {value}s")  # noqa: TRY004
    return value


def duration_text(milliseconds: int) -> str:
    """The shortest text that means this many milliseconds."""
    unit = next(u for u in ("d", "h", "m", "s", "ms") if milliseconds % UNITS_MS[u] == 0)
    return f"{milliseconds // UNITS_MS[unit]}{unit}"


def _retention_ms(value: object) -> object:
    return FOREVER if value == "forever" else _duration_ms(value)


def _retention_text(milliseconds: int) -> str:
    return "forever" if milliseconds == FOREVER else duration_text(milliseconds)


def _memory_mib(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return units.mebibytes(value)
    except BadInput as error:
        raise ValueError(str(error)) from None


def _memory_text(mebibytes: int) -> str:
    return f"{mebibytes // 1024} GiB" if mebibytes % 1024 == 0 else f"{mebibytes} MiB"


def _speed(value: object) -> object:
    if value == "max":
        return None
    number = float(value) if isinstance(value, str) and re.fullmatch(r"\d+(\.\d+)?", value) else value
    if isinstance(number, bool) or not isinstance(number, (int, float)) or not 0 < number < 1e9:
        raise ValueError(f"{value!r} is not a speed; expected max, or simulated seconds per second (more than 0)")
    return float(number)


def _until_ms(value: object) -> object:
    if value is None:
        return None
    try:
        return times.parse(value)
    except BadInput as error:
        raise ValueError(str(error)) from None


def name_of(folder: Path) -> str:
    """A `Name` for what is in a folder: the folder's own, without accents, and with a dash for whatever else no name has."""
    plain = unicodedata.normalize("NFKD", folder.name).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9._-]+", "-", plain).strip("-")[:100] or "datacenter"


Duration = Annotated[int, BeforeValidator(_duration_ms), PlainSerializer(duration_text)]
Retention = Annotated[int, BeforeValidator(_retention_ms), PlainSerializer(_retention_text)]
Memory = Annotated[int, BeforeValidator(_memory_mib), PlainSerializer(_memory_text)]
Speed = Annotated[float | None, BeforeValidator(_speed), PlainSerializer(lambda v: "max" if v is None else v)]
Until = Annotated[int | None, BeforeValidator(_until_ms), PlainSerializer(times.iso_or_none)]
SomePath = Annotated[Path, AfterValidator(settled)]
# Part of topic names, file names and ids: what Kafka takes in a topic name, and no separator of ours.
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,100}$")]
