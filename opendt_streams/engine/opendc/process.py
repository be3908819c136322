"""One invocation of the runner, seen from our side: start it under its guard, wait no longer than allowed, leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from opendt_streams.engine.opendc import guard

_MOST_FILE_BYTES: Final = 4 * 2**30
_GUARD_S: Final = 10.0  # how long the guard may take to kill what it guards


@dataclass(frozen=True, slots=True)
class Ending:
    """How an invocation ended: `code` is None where it took too long; above 128 a signal ended it."""

    code: int | None

    @property
    def signal(self) -> int | None:
        return self.code - 128 if self.code is not None and self.code > 128 else None


def invoke(command: Sequence[str], *, cwd: Path, environ: Mapping[str, str], log: Path, timeout_s: float) -> Ending:
    """Run `command` (an absolute executable and its arguments) in a process group of its own; `log` takes what it prints."""
    told, tell = os.pipe()
    try:
        with log.open("wb") as out:
            guarded = subprocess.Popen(
                [
                    *(sys.executable, "-I", "-S", guard.__file__),
                    *("--parent", str(os.getpid()), "--pid-fd", str(tell), "--file-bytes", str(_MOST_FILE_BYTES)),
                    *("--", *command),
                ],
                cwd=cwd,
                env=dict(environ),
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=subprocess.STDOUT,
                pass_fds=(tell,),
                start_new_session=True,
            )
    finally:
        os.close(tell)
    try:
        return Ending(guarded.wait(timeout_s))
    except subprocess.TimeoutExpired:
        return Ending(None)
    finally:
        _end(guarded, told)


def _end(guarded: subprocess.Popen[bytes], told: int) -> None:
    if guarded.poll() is None:
        guarded.terminate()
        try:
            guarded.wait(_GUARD_S)
        except subprocess.TimeoutExpired:
            guarded.kill()
            guarded.wait()
    if guarded.stdin is not None:
        guarded.stdin.close()
    with os.fdopen(told, "rb") as pipe:
        pid = pipe.readline()
    if guarded.returncode < 0 and pid:  # the guard itself was killed, and did not come to clean up
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(int(pid), signal.SIGKILL)
