"""Checking windows against the real OpenDC: one invocation for as many of them as it can answer, and a tally of what came out."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import orjson
import structlog

from opendt_streams.engine.opendc.asking import ask
from opendt_streams.engine.opendc.check import Answered, Question, check
from opendt_streams.engine.opendc.runner import Runner
from opendt_streams.engine.opendc.solved import same_but_later
from opendt_streams.errors import SimulationError
from opendt_streams.model import times

_MOST_WAITING: Final = 256

log = structlog.get_logger()


@dataclass(slots=True)
class Tally:
    """Windows by what became of them, and rows of those that were checked. `waiting` ones are under way."""

    windows: int = 0
    rows: int = 0
    right_limit_rows: int = 0
    different_rows: int = 0
    unanswered: int = 0
    skipped: int = 0
    waiting: int = 0
    invocations: int = 0
    first_difference: str | None = None


class Checker:
    """Takes questions and works on them, in a thread of its own or (not `background`) when `finish` is called or it must.

    `told` is given the tally whenever it changes.
    """

    def __init__(self, runner: Runner, told: Callable[[Tally], None] = lambda _: None, *, background: bool = True) -> None:
        self._runner, self._told = runner, told
        self.tally = Tally()
        self._waiting: list[Question] = []
        self._changed = threading.Condition()
        self._background = background
        if background:
            threading.Thread(target=self._work, name="shadow", daemon=True).start()

    def put(self, question: Question) -> None:
        """Note a window down to be checked; it is skipped if too many wait already."""
        if not self._background and self._waiting and not same_but_later(self._waiting[-1].problem, question.problem, _end(self._waiting)):
            self.finish()
        with self._changed:
            if len(self._waiting) >= _MOST_WAITING and self._background:
                self.tally.skipped += 1
            else:
                self._waiting.append(question)
                self.tally.waiting += 1
            self._told(self.tally)
            self._changed.notify()

    def skip(self) -> None:
        """A window that OpenDC cannot be asked about."""
        with self._changed:
            self.tally.skipped += 1
            self._told(self.tally)

    def finish(self) -> None:
        """Work on everything that waits, here and now."""
        while batch := self._batch():
            self._check(batch)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
            self.finish()

    def _batch(self) -> list[Question]:
        """The first questions that one run answers: the last of them knows all that the others do."""
        with self._changed:
            size = min(1, len(self._waiting))
            while size < len(self._waiting) and same_but_later(
                self._waiting[size - 1].problem, self._waiting[size].problem, _end(self._waiting[:size])
            ):
                size += 1
            batch, self._waiting = self._waiting[:size], self._waiting[size:]
            return batch

    def _check(self, batch: list[Question]) -> None:
        problem = batch[-1].problem
        label = "shadow-" + times.iso(problem.until_ms).replace(":", "")
        try:
            found = ask(self._runner, problem, label, attempts=1)
        except SimulationError as error:
            log.warning("windows were not checked", windows=len(batch), until=times.iso(problem.until_ms), reason=str(error))
            with self._changed:
                self.tally.unanswered += len(batch)
                self._settled(len(batch))
            return
        answered = Answered(problem, found, batch[-1].semantics)
        for question in batch:
            answer = check(question, answered)
            if answer.first is not None:
                log.error("the engines differ", window_end=times.iso(question.problem.until_ms), rows=answer.different, first=answer.first)
            with self._changed:
                self.tally.windows += 1
                self.tally.rows += answer.rows
                self.tally.right_limit_rows += answer.right_limits
                self.tally.different_rows += answer.different
                self.tally.first_difference = self.tally.first_difference or answer.first
                self._settled(1)

    def _settled(self, windows: int) -> None:
        self.tally.waiting -= windows
        self.tally.invocations = self._runner.invocations
        self._told(self.tally)


def _end(questions: list[Question]) -> int:
    return questions[-1].problem.until_ms


def write_tally(path: Path, tally: Tally) -> None:
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_bytes(orjson.dumps(asdict(tally), option=orjson.OPT_INDENT_2))
    unfinished.replace(path)
