"""Event time: integer milliseconds since the epoch, UTC. Naive time is refused unless the caller says it means UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from opendt_streams.errors import BadInput

SECOND: Final = 1_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
# What fits both datetime and pandas' nanoseconds: 1678 .. 2262. Anything outside is a unit error (seconds, microseconds).
_EARLIEST: Final = -9_214_560_000_000
_LATEST: Final = 9_214_646_400_000


def from_datetime(moment: datetime, *, naive_is_utc: bool = False) -> int:
    """Milliseconds of an aware datetime; sub-millisecond digits are cut off towards the past."""
    if moment.tzinfo is None:
        if not naive_is_utc:
            raise BadInput(f"the time {moment.isoformat()} has no time zone", expected="an offset, such as a trailing Z")
        moment = moment.replace(tzinfo=UTC)
    return _in_range((moment - _EPOCH) // _MILLISECOND)


def parse(value: object, *, naive_is_utc: bool = False) -> int:
    """Milliseconds of an ISO 8601 text, a datetime or a whole number of milliseconds.

    Raises:
        BadInput: for naive time (unless `naive_is_utc`), other types, and times no datacenter can mean.
    """
    if isinstance(value, datetime):
        return from_datetime(value, naive_is_utc=naive_is_utc)
    if isinstance(value, int) and not isinstance(value, bool):
        return _in_range(value)
    if isinstance(value, float) and value.is_integer():
        return _in_range(int(value))
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise BadInput(f"{value!r} is not a time", expected="ISO 8601, such as 2022-10-06T22:00:00Z") from None
        return from_datetime(moment, naive_is_utc=naive_is_utc)
    raise BadInput(f"{value!r} is not a time", expected="ISO 8601 text or integer milliseconds since the epoch")


def iso(time_ms: int) -> str:
    """ISO 8601 with a trailing Z; milliseconds only where there are some."""
    moment = _EPOCH + timedelta(milliseconds=time_ms)
    return moment.isoformat(timespec="milliseconds" if time_ms % SECOND else "seconds").replace("+00:00", "Z")


def iso_or_none(time_ms: int | None) -> str | None:
    """The same of a time that may not be known."""
    return None if time_ms is None else iso(time_ms)


def floor(time_ms: int, step_ms: int) -> int:
    """The newest multiple of `step_ms` since the epoch that is not after `time_ms`."""
    return time_ms // step_ms * step_ms


def next_multiple(time_ms: int, step_ms: int) -> int:
    """The first multiple of `step_ms` strictly after `time_ms`."""
    return floor(time_ms, step_ms) + step_ms


def _in_range(time_ms: int) -> int:
    if not _EARLIEST <= time_ms <= _LATEST:
        raise BadInput(f"the time {time_ms} ms is out of range", expected="milliseconds since 1970, between 1678 and 2262")
    return time_ms
