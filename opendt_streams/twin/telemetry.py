"""dc.power as far as it was read: how far it has come, and which samples a decision may use (PROTOCOL 6.2 to 6.4)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from opendt_streams.model import times
from opendt_streams.model.power import PowerSample
from opendt_streams.windows.watermark import Watermark
from opendt_streams.wire.messages import End, Heartbeat, Invalid, Message, PowerBatch, ResumePoint, Silence


@dataclass(frozen=True, slots=True)
class Prefix:
    """What dc.power said up to the message that reached an instant. `samples` is None where it fell silent before."""

    samples: tuple[PowerSample, ...] | None
    late: int
    power: int  # offset of the message that reached the instant
    fresh: int  # first offset whose too old samples were not counted yet
    watermark_ms: int | None  # before that message
    refused_ms: int | None
    ended: bool = False  # dc.power, before that message

    def resume(self, results: int) -> ResumePoint:
        return ResumePoint(self.power, self.fresh, self.watermark_ms, self.refused_ms, results, self.ended)


@dataclass(frozen=True, slots=True)
class _Entry:
    offset: int
    message: PowerBatch | Heartbeat | End | Silence
    refused_ms: int | None  # of the watermark, before this message


class Telemetry:
    """Everything of dc.power from the newest decision's resume point on."""

    def __init__(self, max_jump_ms: int) -> None:
        self.read = Watermark(max_jump_ms)  # at the end of what was read
        self.entries: deque[_Entry] = deque()
        self.resume = ResumePoint(power=0, fresh=0, watermark_ms=None, refused_ms=None, results=0)

    @property
    def kept(self) -> int:
        """How many messages are held."""
        return len(self.entries)

    def restart(self, resume: ResumePoint) -> None:
        """Go on as if everything before the resume point had just been read."""
        self.entries.clear()
        self.read = Watermark(self.read.max_jump_ms, resume.watermark_ms, resume.ended, resume.refused_ms)
        self.resume = resume

    def put(self, offset: int, message: Message) -> str | None:
        """Note the next message; the reason if it cannot be processed."""
        refused_ms = self.read.refused_ms
        match message:
            case Invalid():
                self.read.forget_refusal()
                return message.reason
            case End():
                self.read.ended = True
            case Silence():
                pass  # our own note: it moves no watermark, and is none of the datacenter's messages
            case _ if self.read.ended:
                return "after the end: `end` is final"
            case PowerBatch() | Heartbeat():
                time_ms = newest(message)
                if self.read.refuses(time_ms):
                    days = self.read.max_jump_ms / times.DAY
                    mark = times.iso(self.read.time_ms or 0)
                    return f"{times.iso(time_ms)} is more than {days:g} days ahead of the watermark {mark}"
                self.read.advance(time_ms)
            case _:
                return f"{type(message).__name__} does not belong on this topic"
        if offset >= self.resume.power:
            self.entries.append(_Entry(offset, message, refused_ms))
        return None

    def adopt(self, resume: ResumePoint) -> None:
        """A decision stands: what it used is forgotten."""
        self.resume = resume
        while self.entries and self.entries[0].offset < resume.power:
            self.entries.popleft()

    def here(self, next_offset: int) -> Prefix:
        """Where reading stands, for decisions that do not look at telemetry."""
        return Prefix(None, 0, next_offset, next_offset, self.read.time_ms, self.read.refused_ms, self.read.ended)

    def until(self, instant_ms: int, previous_ms: int | None) -> Prefix | None:
        """Samples with previous < t <= instant in the prefix that reaches the instant, first per time and meter; None if not there yet.

        Older samples are counted as late, once: those at offsets that an earlier decision has counted are not counted again.
        """
        kept: dict[tuple[int, str, str], PowerSample] = {}
        late, mark = 0, self.resume.watermark_ms
        for entry in self.entries:
            if isinstance(entry.message, Silence):
                if entry.message.instant_ms == instant_ms:
                    return Prefix(None, 0, entry.offset, entry.offset + 1, mark, entry.refused_ms)
                continue
            before, reached = mark, isinstance(entry.message, End)
            if not isinstance(entry.message, End):
                mark = max(newest(entry.message), mark if mark is not None else newest(entry.message))
                reached = mark >= instant_ms
            for sample in entry.message.samples if isinstance(entry.message, PowerBatch) else ():
                key = (sample.time_ms, sample.meter.cluster or "", sample.meter.host_group or "")
                old = previous_ms is not None and sample.time_ms <= previous_ms
                if sample.time_ms <= instant_ms and not old and key not in kept:
                    kept[key] = sample
                elif sample.time_ms <= instant_ms and entry.offset >= self.resume.fresh:
                    late += 1
            if reached:
                samples = tuple(kept[key] for key in sorted(kept))
                return Prefix(samples, late, entry.offset, entry.offset + 1, before, entry.refused_ms)
        return None


def newest(message: PowerBatch | Heartbeat) -> int:
    """The newest time in a message."""
    return message.time_ms if isinstance(message, Heartbeat) else max(s.time_ms for s in message.samples)
