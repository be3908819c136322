"""What people may write in a query: times, resolutions, lists, pages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import Query
from pydantic import WithJsonSchema

from opendt_streams.errors import BadInput
from opendt_streams.model import times
from opendt_streams.settings.fields import UNITS_MS

_RESOLUTION: Final = "[1-9][0-9]{0,5}[smhd]"
_EARLIEST, _LATEST = datetime(1700, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
MOST_OF_A_PAGE: Final = 1_000
_TEXT: Final[dict[str, Any]] = {"type": "string"}
Time = Annotated[
    str | None,
    Query(max_length=40, description="Event time, ISO 8601 with an offset."),
    WithJsonSchema(_TEXT | {"format": "date-time", "maxLength": 40, "examples": ["2022-10-07T00:00:00Z"]}),
]
From = Annotated[Time, Query(alias="from")]
Resolution = Annotated[
    str,
    Query(pattern=f"^{_RESOLUTION}$", description="Length of a bucket: a number with s, m, h or d.", examples=["5m"]),
]
Limit = Annotated[int, Query(ge=1, le=MOST_OF_A_PAGE, description="Entries in an answer.")]
Brief = Annotated[bool, Query(description="Leave out what is long: topologies, states of estimators, bytes of records.")]
Cursor = Annotated[
    int | None,
    Query(ge=0, le=2**53, description="`next` of the answer before."),
    WithJsonSchema({"type": "integer", "minimum": 0, "maximum": 2**53}),
]


def text_schema(longest: int) -> WithJsonSchema:
    """How a text that may be left out is documented: as a text. A query cannot say null."""
    return WithJsonSchema(_TEXT | {"maxLength": longest})


def time_ms(text: str | None, where: str) -> int | None:
    """Milliseconds. Times that no datacenter has are as good as its first and its last one.

    Raises:
        BadInput: no time, or one without an offset.
    """
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))  # a plus in a query arrives as a space
    except ValueError:
        raise BadInput(f"{text!r} is not a time", expected="ISO 8601, such as 2022-10-06T22:00:00Z", where=where) from None
    try:
        return times.from_datetime(min(max(moment, _EARLIEST), _LATEST) if moment.tzinfo else moment)
    except BadInput as error:
        raise BadInput(error.what, expected=error.expected, where=where) from None


def resolution_ms(text: str) -> int:
    """Of a text that has the form of a `Resolution`."""
    number, unit = text[:-1], text[-1]
    return int(number) * UNITS_MS[unit]
