"""A long step: awaited, beside the event loop."""

from __future__ import annotations

import asyncio
import threading

import pytest

from opendt_streams.errors import SimulationError
from opendt_streams.streams.in_thread import in_thread


async def test_the_loop_goes_on_meanwhile() -> None:
    released = threading.Event()
    asyncio.get_running_loop().call_later(0, released.set)  # by the loop, while the work waits for it
    assert await in_thread(lambda: released.wait(60))


async def test_its_error_is_the_callers() -> None:
    def fail() -> None:
        raise SimulationError("odd")

    with pytest.raises(SimulationError, match="odd"):
        await in_thread(fail)


async def test_who_gives_up_waiting_is_not_held() -> None:
    never = threading.Event()
    waiting = asyncio.create_task(in_thread(never.wait))
    asyncio.get_running_loop().call_later(0, waiting.cancel)
    with pytest.raises(asyncio.CancelledError):
        await waiting
    never.set()
