"""The guard: a tiny process between us and one invocation of the runner that leaves nothing of it behind, whoever is killed.

    our process  ── a pipe on the guard's stdin ──>  guard  ── parent and reaper of ──>  runner and all that it starts

* Our process ends, however, or SIGTERM comes: the guard kills the runner's process group, then every orphan of it, and goes.
* The runner ends: what it left running is killed; the guard ends with its exit code.
* The guard is killed: the kernel kills the runner (`PR_SET_PDEATHSIG`, Linux); our process kills its group.

Killing is SIGKILL at once: a half-written result is worth nothing, so there is nothing to be gentle for. It is run by path,
`python -I -S`, and imports nothing of ours, so that it is small and starts at once.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import resource
import select
import signal
import sys
from contextlib import suppress
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
LOOK_S = 0.2  # how often to look whether the parent changed; everything else wakes the guard
NOT_RUN = 127


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--parent", type=int, required=True, help="the process whose end ends the runner")
    parser.add_argument("--pid-fd", type=int, required=True, help="where the runner's pid is told; its group has the same number")
    parser.add_argument("--file-bytes", type=int, required=True, help="no file of the runner's may grow larger")
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    os.set_inheritable(arguments.pid_fd, False)
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if libc is not None:
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
    receiver, sender = os.pipe()
    os.set_blocking(sender, False)
    signal.set_wakeup_fd(sender)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    runner = _start(arguments.command, libc, arguments.file_bytes)
    os.write(arguments.pid_fd, f"{runner}\n".encode())
    os.close(arguments.pid_fd)
    code = _wait(runner, arguments.parent, receiver)
    _kill_all(runner)
    return code


def _start(command: list[str], libc: ctypes.CDLL | None, file_bytes: int) -> int:
    guard = os.getpid()
    child = os.fork()
    if child > 0:
        with suppress(OSError):  # both sides do it, so that it is done whoever comes first
            os.setpgid(child, child)
        return child
    try:
        os.setpgid(0, 0)
        if libc is not None:
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != guard:  # killed before the line above
                os._exit(NOT_RUN)
        for number in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.execv(command[0], command)
    except OSError as error:
        os.write(2, f"{command[0]}: {error.strerror}\n".encode())
    finally:
        os._exit(NOT_RUN)


def _wait(runner: int, parent: int, wakeup: int) -> int:
    """Until the runner has ended, or has to: its exit code, or 128 and the signal."""
    while True:
        ended, status = os.waitpid(runner, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code
        readable, _, _ = select.select([wakeup, 0], [], [], LOOK_S)
        told = wakeup in readable and signal.SIGTERM in os.read(wakeup, 4096)
        if told or 0 in readable or os.getppid() != parent:
            return 128 + signal.SIGKILL


def _kill_all(runner: int) -> None:
    """The runner's group, and everything that left it: orphans of ours come to us, since we are their reaper."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(runner, signal.SIGKILL)
    while True:
        for child in _children():
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _children() -> list[int]:
    try:
        return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split()]
    except OSError:
        return []  # elsewhere than on Linux the group is all that is known


if __name__ == "__main__":
    sys.exit(main())
