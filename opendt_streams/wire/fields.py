"""Field types of the wire: what a producer may write for a time, an id or a quantity."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema

from opendt_streams.errors import BadInput
from opendt_streams.model import times

_TIME_SCHEMA: dict[str, Any] = {
    "anyOf": [{"type": "string", "format": "date-time", "pattern": "T.*(Z|[+-][0-9]{2}:?[0-9]{2})$"}, {"type": "integer"}],
    "description": "UTC: ISO 8601 with an offset, or milliseconds since the epoch",
}
_OPENDT_TIME_SCHEMA: dict[str, Any] = {
    "anyOf": [{"type": "string"}, {"type": "integer"}],
    "description": "ISO 8601, where no offset means UTC, or milliseconds since the epoch",
}
_LONGEST_MS = 10**13  # 317 years: longer is a unit error, and sums stay far from the end of int64
_LARGEST_ID = 2**63 - 1


def _aware(value: object) -> int:
    return _time(value, naive_is_utc=False)


def _naive_is_utc(value: object) -> int:
    return _time(value, naive_is_utc=True)


def _time(value: object, *, naive_is_utc: bool) -> int:
    try:
        return times.parse(value, naive_is_utc=naive_is_utc)
    except BadInput as error:
        raise ValueError(str(error)) from None


def _task_id(value: object) -> object:
    """OpenDT writes 123, "123" and "task-123" for the same task."""
    if isinstance(value, str):
        digits = value.removeprefix("task-")
        if not digits.isascii() or not digits.isdigit():
            raise ValueError(f"{value!r} is not a task id; expected a whole number, also as text or as 'task-123'")
        return int(digits)
    return value


Time = Annotated[int, BeforeValidator(_aware), WithJsonSchema(_TIME_SCHEMA)]
OpenDTTime = Annotated[int, BeforeValidator(_naive_is_utc), WithJsonSchema(_OPENDT_TIME_SCHEMA)]
TaskId = Annotated[
    int,
    Field(ge=0, le=_LARGEST_ID),
    BeforeValidator(_task_id),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": "^(task-)?[0-9]+$"}]}),
]
DurationMs = Annotated[int, Field(ge=0, le=_LONGEST_MS)]
Count = Annotated[int, Field(ge=0, le=2**31 - 1)]
NotNegative = Annotated[float, Field(ge=0, le=1e15, allow_inf_nan=False)]


class Wire(BaseModel):
    """Base of all messages: exact types, finite numbers; keys that a newer producer added are ignored."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", allow_inf_nan=False)


def first_problem(error: ValidationError) -> BadInput:
    """The first thing that Pydantic found, as one of our errors: where, and what."""
    problem = error.errors(include_url=False, include_input=False)[0]
    path = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in problem["loc"]).lstrip(".")
    return BadInput(problem["msg"].removeprefix("Value error, "), where=path or None)
