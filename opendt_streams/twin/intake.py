"""dc.workload strictly in its order: where time begins, how far it has come, which window a task belongs to (PROTOCOL 4)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from opendt_streams.engine.port import Submission
from opendt_streams.model import times
from opendt_streams.model.task import Task
from opendt_streams.windows.grid import Grid
from opendt_streams.windows.watermark import Watermark
from opendt_streams.wire.messages import End, Heartbeat, Invalid, Message, TaskSubmitted


@dataclass(slots=True)
class Counts:
    """Tasks that arrived while a window was the earliest one not yet due."""

    late: int = 0
    duplicate: int = 0
    empty: int = 0


@dataclass(frozen=True, slots=True)
class Waiting:
    """An accepted task and its offset."""

    offset: int
    task: Task


@dataclass(frozen=True, slots=True)
class Seen:
    """What is remembered of a task to recognise it again: its content and the window that was open when it was read."""

    content: str
    opened_ms: int


@dataclass(frozen=True, slots=True)
class Naming:
    """From `time_ms` on the physical topology is the snapshot with this digest (None: the producer names none)."""

    time_ms: int
    snapshot: str | None


class Intake:
    """Takes messages as far as the snapshots known allow; everything behind a heartbeat whose snapshot is missing waits."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.watermark = Watermark(grid.max_jump_ms)
        self.first_ms: int | None = None  # start of the first window
        self.parked: deque[tuple[int, Message]] = deque()
        self.early: list[Waiting] = []  # tasks read before the first heartbeat
        self.waiting: dict[int, list[Waiting]] = {}  # by the window in which they are submitted
        self.counts: dict[int, Counts] = {}
        self.seen: dict[int, Seen] = {}
        self.named: list[Naming] = []

    @property
    def ended(self) -> bool:
        return self.watermark.ended

    @property
    def awaited(self) -> Heartbeat | None:
        """The heartbeat whose snapshot is missing, behind which everything waits."""
        first = self.parked[0][1] if self.parked else None
        return first if isinstance(first, Heartbeat) else None

    def put(self, offset: int, message: Message) -> None:
        self.parked.append((offset, message))

    def take(self, known: Callable[[str], bool]) -> list[tuple[int, str]]:
        """Work through what is parked; returns (offset, reason) of what cannot be processed."""
        refused: list[tuple[int, str]] = []
        while self.parked and not self._must_wait(self.parked[0][1], known):
            offset, message = self.parked.popleft()
            if (reason := self._accept(offset, message, refused)) is not None:
                refused.append((offset, reason))
        return refused

    def open_window_ms(self) -> int:
        """Start of the earliest window not yet due."""
        assert self.first_ms is not None
        mark = self.watermark.time_ms
        return self.first_ms if mark is None else max(self.first_ms, self.grid.window_of(mark))

    def _must_wait(self, message: Message, known: Callable[[str], bool]) -> bool:
        """A heartbeat takes effect only after the snapshot that it names was read."""
        return (
            isinstance(message, Heartbeat)
            and message.snapshot is not None
            and not self.ended
            and not self.watermark.too_far(message.time_ms)
            and not known(message.snapshot)
        )

    def _accept(self, offset: int, message: Message, refused: list[tuple[int, str]]) -> str | None:
        """Take one message; the reason if it is refused. `refused` gathers tasks of the time before the first heartbeat."""
        match message:
            case Invalid():
                self.watermark.forget_refusal()
                return message.reason
            case End():
                self._end(refused)
                return None
            case _ if self.ended:
                return "after the end: `end` is final"
            case Heartbeat():
                if (reason := self._refused(message.time_ms)) is None:
                    self._heartbeat(message, refused)
                return reason
            case TaskSubmitted(task) if self.first_ms is None:
                self.early.append(Waiting(offset, task))
                return None
            case TaskSubmitted(task):
                return self._refused(task.submission_ms) or self._task(Waiting(offset, task))
            case _:
                return f"{type(message).__name__} does not belong on this topic"

    def _refused(self, time_ms: int) -> str | None:
        if not self.watermark.refuses(time_ms):
            return None
        return self._too_far(time_ms, self.watermark.time_ms or 0)

    def _too_far(self, time_ms: int, mark_ms: int) -> str:
        days = self.grid.max_jump_ms / times.DAY
        return f"{times.iso(time_ms)} is more than {days:g} days ahead of the watermark {times.iso(mark_ms)}"

    def _heartbeat(self, beat: Heartbeat, refused: list[tuple[int, str]]) -> None:
        self._begin(beat.time_ms, refused)
        if not self.watermark.advance(beat.time_ms):
            return  # moves nothing, so it names nothing
        if not self.named or self.named[-1].snapshot != beat.snapshot:
            self.named.append(Naming(beat.time_ms, beat.snapshot))
        self._forget_before(beat.time_ms - self.grid.dedup_horizon_ms)

    def _begin(self, time_ms: int, refused: list[tuple[int, str]]) -> None:
        """The first window holds the first heartbeat or, if earlier, a task read before it and at most `max_jump` away."""
        if self.first_ms is not None:
            return
        near = [w.task.submission_ms for w in self.early if abs(w.task.submission_ms - time_ms) <= self.grid.max_jump_ms]
        self.first_ms = self.grid.window_of(min([time_ms, *near]))
        early, self.early = self.early, []
        for waiting in early:
            too_far = waiting.task.submission_ms > time_ms + self.grid.max_jump_ms
            reason = self._too_far(waiting.task.submission_ms, time_ms) if too_far else self._task(waiting)
            if reason is not None:
                refused.append((waiting.offset, reason))

    def _end(self, refused: list[tuple[int, str]]) -> None:
        if self.early and not self.ended:
            self._begin(self.early[0].task.submission_ms, refused)
        self.watermark.ended = True

    def _task(self, waiting: Waiting) -> str | None:
        """Accept a task into its window, or into the open one if it came late; the reason if it contradicts an earlier one."""
        task, opened = waiting.task, self.open_window_ms()
        counts = self.counts.setdefault(opened, Counts())
        content = task.digest()
        if (before := self.seen.get(task.id)) is not None:
            if before.content != content:
                return f"task {task.id} was submitted before with other content"
            counts.duplicate += 1
            return None
        self.seen[task.id] = Seen(content, opened)
        own = self.grid.window_of(task.submission_ms)
        counts.late += own < opened
        if not len(task.fragments):
            counts.empty += 1  # OpenDC ignores such tasks (opendc-semantics section 2)
        else:
            self.waiting.setdefault(max(own, opened), []).append(waiting)
        return None

    def _forget_before(self, horizon_ms: int) -> None:
        """Tasks are seen in the order of the windows that were open, so those too old stand in front."""
        while self.seen and (oldest := next(iter(self.seen.items())))[1].opened_ms < horizon_ms:
            del self.seen[oldest[0]]

    def submissions(self, window_start_ms: int) -> list[Submission]:
        """What enters the engine in a window, in order of time; ties in the order of dc.workload. The window is closed by this."""
        entering = self.waiting_submissions(window_start_ms)
        self.waiting.pop(window_start_ms, None)
        return entering

    def waiting_submissions(self, window_start_ms: int) -> list[Submission]:
        """The same, and the window stays open."""
        tasks = self.waiting.get(window_start_ms, [])
        entering = [Submission(w.task, max(w.task.submission_ms, window_start_ms), w.offset) for w in tasks]
        return sorted(entering, key=lambda s: s.at_ms)
