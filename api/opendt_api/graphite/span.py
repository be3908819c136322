"""From `from`, `until` and `maxDataPoints` to buckets of event time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from math import lcm
from typing import Final

from opendt_streams.errors import BadInput
from opendt_streams.model import times
from opendt_streams.model.task import Int64
from opendt_streams.projection.resample import bucket_ends

MOST_POINTS: Final = 10_000
DEFAULT_POINTS: Final = 1_000
_LATEST_S: Final = 9_214_646_400  # the year 2262, as everywhere
_UNITS_S: Final = {"s": 1, "min": 60, "h": 3_600, "d": 86_400, "w": 604_800, "mon": 2_592_000, "y": 31_536_000}
_RELATIVE: Final = re.compile(r"(?:now)?-(\d{1,9})(s|min|h|d|w|mon|y)\w*", re.ASCII)
_CLOCK: Final = re.compile(r"(?:(\d{2}):(\d{2})_)?(\d{8})", re.ASCII)
_STEPS_S: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400, 604_800, 2_592_000)


@dataclass(frozen=True, slots=True)
class Span:
    """(after, until] in buckets of `step_ms`, which `ends_ms` names by their ends, multiples of the step since the epoch."""

    after_ms: int
    until_ms: int
    step_ms: int

    @property
    def ends_ms(self) -> Int64:
        return bucket_ends(self.after_ms, self.until_ms, self.step_ms)


def span(from_: str | None, until: str | None, most: str | None, *, now_ms: int, sample_interval_ms: int) -> Span:
    """What a request asks for; without from and until the last 24 h of wall time, as Graphite does.

    Raises:
        BadInput: no time, no number, or nothing between.
    """
    after_ms, until_ms = time_ms(from_ or "-24h", "from", now_ms), time_ms(until or "now", "until", now_ms)
    if after_ms >= until_ms:
        raise BadInput("nothing lies between from and until", expected="from before until", where="from")
    return Span(after_ms, until_ms, _step_ms(until_ms - after_ms, _points(most), sample_interval_ms))


def time_ms(text: str, where: str, now_ms: int) -> int:
    """Seconds since the epoch, `now`, `-6h` or `now-6h`, `YYYYMMDD`, `HH:MM_YYYYMMDD` (UTC).

    Raises:
        BadInput: anything else.
    """
    text = text.strip()
    if text == "now":
        return now_ms
    if found := _CLOCK.fullmatch(text):
        try:
            day = datetime.strptime(found[3], "%Y%m%d").replace(tzinfo=UTC)
            return times.from_datetime(day.replace(hour=int(found[1] or 0), minute=int(found[2] or 0)))
        except (ValueError, BadInput):
            pass  # digits that are no date: seconds, if anything
    if re.fullmatch(r"\d{1,12}(\.\d{1,9})?", text, re.ASCII) and float(text) <= _LATEST_S:
        return int(float(text) * times.SECOND)
    if found := _RELATIVE.fullmatch(text):
        return max(0, now_ms - int(found[1]) * _UNITS_S[found[2]] * times.SECOND)
    raise BadInput(f"{text!r} is not a time", expected="seconds since the epoch, now, or such as -6h, -30min, -7d", where=where)


def _points(text: str | None) -> int:
    if text is None:
        return DEFAULT_POINTS
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII) or not int(text):
        raise BadInput(f"{text!r} is no number of points", expected="a positive integer", where="maxDataPoints")
    return min(int(text), MOST_POINTS)


def _step_ms(length_ms: int, points: int, sample_interval_ms: int) -> int:
    """The shortest round step of whole samples that gives at most so many points."""
    least_ms = max(-(-length_ms // points), sample_interval_ms)
    fitting = (s * times.SECOND for s in _STEPS_S if s * times.SECOND >= least_ms and not s * times.SECOND % sample_interval_ms)
    coarse_ms = lcm(sample_interval_ms, times.SECOND) if least_ms < _STEPS_S[-1] * times.SECOND else _STEPS_S[-1] * times.SECOND
    return next(fitting, -(-least_ms // coarse_ms) * coarse_ms)
