"""How far a stream has come in event time, and which times it refuses (PROTOCOL 4.2)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Watermark:
    """The newest time that was announced. It never moves back; after `end` it is at infinity.

    A time more than `max_jump_ms` ahead is refused: one heartbeat dated 2099 must not make a million windows due. But the second such
    message in a row, if it lies within `max_jump_ms` of the first, is believed: then the datacenter was away, not the clock wrong.
    """

    max_jump_ms: int
    time_ms: int | None = None
    ended: bool = False
    refused_ms: int | None = None  # time of the message before, if that was refused

    def too_far(self, time_ms: int) -> bool:
        """Whether the next message, being of this time, is to be refused."""
        far = self.time_ms is not None and time_ms > self.time_ms + self.max_jump_ms
        outage = self.refused_ms is not None and abs(time_ms - self.refused_ms) <= self.max_jump_ms
        return far and not outage

    def refuses(self, time_ms: int) -> bool:
        """The same, once per message in its order: it is remembered for the message after it."""
        self.refused_ms = time_ms if self.too_far(time_ms) else None
        return self.refused_ms is not None

    def forget_refusal(self) -> None:
        """The message was of a kind without a time, or broken: what comes next does not follow a refused one."""
        self.refused_ms = None

    def advance(self, time_ms: int) -> bool:
        """Move to `time_ms`; whether that was forward."""
        if self.time_ms is not None and time_ms <= self.time_ms:
            return False
        self.time_ms = time_ms
        return True

    def reached(self, time_ms: int) -> bool:
        return self.ended or (self.time_ms is not None and self.time_ms >= time_ms)
