"""What people may write in a query: times, resolutions, lists, pages."""

from __future__ import annotations

import re
from typing import Annotated, Final

from fastapi import Query

from opendt_streams.errors import BadInput
from opendt_streams.model import times
from opendt_streams.settings.fields import UNITS_MS

_RESOLUTION: Final = re.compile(r"([0-9]{1,6})(s|m|h|d)", re.ASCII)
MOST_OF_A_PAGE: Final = 1_000
_TIME: Final = "Event time, ISO 8601 with an offset."

From = Annotated[str | None, Query(alias="from", max_length=40, description=_TIME, examples=["2022-10-07T00:00:00Z"])]
To = Annotated[str | None, Query(max_length=40, description=_TIME, examples=["2022-10-08T00:00:00Z"])]
Resolution = Annotated[str, Query(max_length=10, description="Length of a bucket: a number with s, m, h or d.", examples=["5m"])]
Limit = Annotated[int, Query(ge=1, le=MOST_OF_A_PAGE, description="Entries in an answer.")]
Brief = Annotated[bool, Query(description="Leave out what is long: topologies, states of estimators, bytes of records.")]
Cursor = Annotated[int | None, Query(ge=0, le=2**53, description="`next` of the answer before.")]


def time_ms(text: str | None, where: str) -> int | None:
    """Milliseconds.

    Raises:
        BadInput: no time, or one without an offset.
    """
    try:
        return None if text is None else times.parse(text.replace(" ", "+"))  # a plus in a query arrives as a space
    except BadInput as error:
        raise BadInput(error.what, expected=error.expected, where=where) from None


def resolution_ms(text: str) -> int:
    found = _RESOLUTION.fullmatch(text)
    if found is None or not int(found[1]):
        raise BadInput(f"{text!r} is no resolution", expected="a number with s, m, h or d, such as 5m", where="resolution")
    return int(found[1]) * UNITS_MS[found[2]]
