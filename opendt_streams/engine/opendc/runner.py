"""Asking the real OpenDC, with patience: attempts, the time and the memory it may take, and what stays of it.

What comes back is an answer or a reason. A reason is a function of the inputs where every attempt ends with the same words of OpenDC's
own; a kill, the time limit, lack of memory or disk, an unreadable file never are (docs/decisions/0013-no-answer.md).
"""

from __future__ import annotations

import shlex
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import structlog

from opendt_streams.engine.opendc.archive import Archive
from opendt_streams.engine.opendc.inputs import EXPERIMENT
from opendt_streams.engine.opendc.installation import Installation
from opendt_streams.engine.opendc.last_words import reason
from opendt_streams.engine.opendc.options import Options
from opendt_streams.engine.opendc.process import Ending, invoke
from opendt_streams.engine.opendc.rows import Unreadable
from opendt_streams.engine.port import NO_ANSWER
from opendt_streams.errors import SimulationError
from opendt_streams.java import java_environment

LOG: Final = "runner.log"

T = TypeVar("T")
log = structlog.get_logger()


class NoAnswer(SimulationError):
    """`may_pass`: the reason may be gone at the next question, as lack of memory may; running out of time is not expected to."""

    may_pass = True


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt gave nothing; `of_inputs`: the same inputs fail like that anywhere; `slow`: it took too long."""

    reason: str
    of_inputs: bool
    slow: bool = False


class Runner:
    """At most `options.pool` invocations run at the same time; others wait."""

    def __init__(self, installation: Installation, options: Options, folder: Path | None = None) -> None:
        self.installation, self.options = installation, options
        self._archive = Archive(folder, options.keep)
        self._slots = threading.BoundedSemaphore(options.pool)
        self.invocations = 0

    def ask(
        self, label: str, write: Callable[[Path], None], read: Callable[[Path], T], *, attempts: int | None = None, cwd: Path | None = None
    ) -> T:
        """`write` the inputs into a folder, run OpenDC in it (or in `cwd`), `read` its answer. `label` names the folder in the archive.

        Raises:
            SimulationError: OpenDC refuses the inputs, in every attempt with the same words.
            NoAnswer: no answer after all attempts, and the inputs alone do not say why. The text begins with NO_ANSWER.
        """
        failures: list[Failure] = []
        while len(failures) < (attempts or self.options.attempts):
            with self._slots:
                answer = self._attempt(f"{label}-{len(failures) + 1}", write, read, cwd)
            if not isinstance(answer, Failure):
                return answer
            failures.append(answer)
            log.warning("no answer of the real OpenDC", label=label, attempt=len(failures), reason=answer.reason)
        reasons = list(dict.fromkeys(f.reason for f in failures))
        if len(reasons) == 1 and failures[0].of_inputs:
            raise SimulationError(f"the real OpenDC cannot run these inputs: {reasons[0]}")
        error = NoAnswer(f"{NO_ANSWER} (OpenDC, {len(failures)} attempts): {'; '.join(reasons)}")
        error.may_pass = not all(f.slow for f in failures)
        raise error

    def _attempt(self, label: str, write: Callable[[Path], None], read: Callable[[Path], T], cwd: Path | None) -> T | Failure:
        try:
            folder = self._archive.open()
        except OSError as error:
            return Failure(f"its folder cannot be made: {error.strerror}", of_inputs=False)
        answer: T | Failure = Failure("interrupted", of_inputs=False)
        try:
            answer = self._in(folder, write, read, cwd)
        finally:
            failed = isinstance(answer, Failure)
            kept = self._archive.close(folder, label, failed=failed)
            if failed and kept is not None and self._archive.stays:
                log.info("its inputs and log are kept", folder=str(kept))
        return answer

    def _in(self, folder: Path, write: Callable[[Path], None], read: Callable[[Path], T], cwd: Path | None) -> T | Failure:
        timeout_s = self.options.timeout_ms / 1000
        self.invocations += 1
        try:
            write(folder)
            ending = self._run(folder, timeout_s, cwd or folder)
        except OSError as error:
            return Failure(f"its inputs cannot be written: {error.strerror}", of_inputs=False)
        if ending.code != 0:
            why, of_inputs = reason(ending, folder / LOG, timeout_s)
            return Failure(why, of_inputs, slow=ending.code is None)
        try:
            return read(folder)
        except Unreadable as error:
            return Failure(f"what it wrote is no result: {error}", of_inputs=False)

    def _run(self, folder: Path, timeout_s: float, cwd: Path) -> Ending:
        """One bare invocation; its log and its temporary files go into `folder`."""
        scratch = folder / "tmp"
        scratch.mkdir(exist_ok=True)
        flags = (
            f"-Xmx{self.options.memory_mib}m",
            "-XX:+ExitOnOutOfMemoryError",
            "-XX:+UseSerialGC",  # one thread, the fastest start; runs of some minutes gain nothing from others
            "-XX:-UsePerfData",
            f"-Djava.io.tmpdir={scratch}",
        )
        environ = java_environment() | {"JAVA_HOME": str(self.installation.java.home), "JAVA_OPTS": shlex.join(flags)}
        command = [str(self.installation.script), "--experiment-path", str(folder / EXPERIMENT)]
        return invoke(command, cwd=cwd, environ=environ, log=folder / LOG, timeout_s=timeout_s)
