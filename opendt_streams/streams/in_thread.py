"""Work that takes long, awaited: the event loop goes on with heartbeats and commits meanwhile.

Not `asyncio.to_thread`: its threads are waited for when the process ends, and an invocation of the real OpenDC may take minutes.
A daemon thread goes with the process; what the work started has a guard of its own.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


async def in_thread(work: Callable[[], T]) -> T:
    """What `work` returns or raises."""
    done: Future[T] = Future()
    threading.Thread(target=_run, args=(work, done), name="long-step", daemon=True).start()
    return await asyncio.wrap_future(done)


def _run(work: Callable[[], T], done: Future[T]) -> None:
    if not done.set_running_or_notify_cancel():
        return
    try:
        done.set_result(work())
    except BaseException as error:  # noqa: BLE001 - whoever awaits it deals with it
        done.set_exception(error)
