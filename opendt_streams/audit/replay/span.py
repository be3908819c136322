"""Which part of event time a replay compares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from opendt_streams.errors import BadInput
from opendt_streams.model import times


@dataclass(frozen=True, slots=True)
class Span:
    """Outputs with from < event time <= to; an end of None is open. The event time of a window is its end.

    Raises:
        BadInput: nothing lies between the two.
    """

    from_ms: int | None = None
    to_ms: int | None = None

    def __post_init__(self) -> None:
        if self.from_ms is not None and self.to_ms is not None and self.from_ms >= self.to_ms:
            raise BadInput(f"--from {times.iso(self.from_ms)} is not before --to {times.iso(self.to_ms)}", expected="from < to")

    @property
    def is_whole(self) -> bool:
        return self.from_ms is None and self.to_ms is None

    def is_before(self, time_ms: int | None) -> bool:
        return self.from_ms is not None and time_ms is not None and time_ms <= self.from_ms

    def is_after(self, time_ms: int | None) -> bool:
        """Ends have no event time: they come after everything."""
        return self.to_ms is not None and (time_ms is None or time_ms > self.to_ms)


WHOLE: Final = Span()
