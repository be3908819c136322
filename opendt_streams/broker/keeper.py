"""The keeper: a tiny process between us and Java that leaves no Java behind, whichever of the three is killed.

    our process  ── a pipe on the keeper's stdin ──>  keeper  ── parent of ──>  java

* Our process ends, however: the pipe closes, or the keeper finds itself with another parent (a forked child of ours
  may hold the pipe open); it ends Java with SIGTERM, then SIGKILL, and goes.
* The keeper is killed: the kernel kills Java (`PR_SET_PDEATHSIG`, Linux). The signal follows the *thread* that made
  Java, so Java is not started from our process, whose threads come and go, but from the keeper's only thread.
  Elsewhere than on Linux our process ends Java when it sees that the keeper is gone.
* Java ends: the keeper ends with its exit code. It lets go of a Java that ended at once only when our process has
  written a byte, and so has looked at the pid while it was still Java's.

Without `--parent` the keeper detaches itself and lives as long as Java does. It is run by path, `python -I -S`, and
imports nothing of ours, so that it is small and starts at once.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import select
import signal
import sys
import time

PR_SET_PDEATHSIG = 1
LOOK_S = 0.2  # how often to look whether the parent changed; everything else wakes the keeper
NOT_RUN = 127


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--parent", type=int, help="the process whose end ends Java; without it, none does")
    parser.add_argument("--grace-s", type=float, required=True)
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    if arguments.parent is None and os.fork() > 0:
        return 0
    wakeup = _wake_on(signal.SIGCHLD, signal.SIGTERM)
    java = _start(arguments.command)
    os.write(sys.stdout.fileno(), json.dumps({"pid": java}).encode() + b"\n")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # gives the pipe back: the reader sees its end
    return _keep(java, arguments.parent, wakeup, arguments.grace_s)


def _wake_on(*numbers: signal.Signals) -> int:
    """A file descriptor that becomes readable when one of the signals arrives."""
    receiver, sender = os.pipe()
    os.set_blocking(sender, False)
    signal.set_wakeup_fd(sender)
    for number in numbers:
        signal.signal(number, lambda *_: None)
    return receiver


def _start(command: list[str]) -> int:
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    keeper = os.getpid()
    child = os.fork()
    if child > 0:
        return child
    try:
        if libc is not None:
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != keeper:  # killed before the line above
                os._exit(NOT_RUN)
        for number in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(2, 1)
        os.execv(command[0], command)
    except OSError as error:
        os.write(2, f"{command[0]}: {error.strerror}\n".encode())
    finally:
        os._exit(NOT_RUN)


def _keep(java: int, parent: int | None, wakeup: int, grace_s: float) -> int:
    """Wait until Java has ended; end it when `parent` is gone or SIGTERM comes. Returns Java's exit code."""
    kill_at: float | None = None
    watched = [wakeup] if parent is None else [wakeup, 0]
    seen = parent is None
    while True:
        if seen:
            ended, status = os.waitpid(java, os.WNOHANG)
            if ended:
                return _exit_code(status)
        readable, _, _ = select.select(watched, [], [], LOOK_S)
        closed = 0 in readable and not os.read(0, 1)
        orphaned = closed or (parent is not None and os.getppid() != parent)
        seen = seen or orphaned or 0 in readable
        told = wakeup in readable and signal.SIGTERM in os.read(wakeup, 4096)
        if kill_at is None and (orphaned or told):
            os.kill(java, signal.SIGTERM)
            kill_at = time.monotonic() + grace_s
            watched = [wakeup]
        elif kill_at is not None and time.monotonic() >= kill_at:
            os.kill(java, signal.SIGKILL)


def _exit_code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
