"""The grid of windows and publication instants, aligned to the epoch."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from opendt_streams.errors import BadConfiguration
from opendt_streams.model import times


@dataclass(frozen=True, slots=True)
class Grid:
    """Lengths in milliseconds: `sample_interval_ms` divides `window_ms` divides `publish_every_ms`."""

    window_ms: int = 5 * times.MINUTE
    sample_interval_ms: int = 30 * times.SECOND
    publish_every_ms: int = times.HOUR
    max_jump_ms: int = 7 * times.DAY
    dedup_horizon_ms: int = 7 * times.DAY

    def __post_init__(self) -> None:
        chain = (
            ("simulator.sample_interval", self.sample_interval_ms),
            ("simulator.window", self.window_ms),
            ("calibrator.publish_every", self.publish_every_ms),
        )
        for (small_name, small), (large_name, large) in pairwise(chain):
            if small <= 0 or large % small:
                raise BadConfiguration(f"{small_name} ({small} ms) does not divide {large_name} ({large} ms)")

    def window_of(self, time_ms: int) -> int:
        """Start of the window [start, end) that holds the time."""
        return times.floor(time_ms, self.window_ms)

    def instant_of(self, window_start_ms: int) -> int:
        """The newest publication instant at or before a window's start."""
        return times.floor(window_start_ms, self.publish_every_ms)

    def first_instant(self, first_window_ms: int) -> int:
        """The first publication instant: strictly after the first window's start."""
        return times.next_multiple(first_window_ms, self.publish_every_ms)

    def is_instant(self, time_ms: int) -> bool:
        return time_ms % self.publish_every_ms == 0
