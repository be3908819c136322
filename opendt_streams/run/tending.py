"""Looking after services and broker of a run: until the twin is complete, and after that as long as somebody looks at the page."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

import structlog

from opendt_streams.assembly import longest_step_ms
from opendt_streams.broker import EmbeddedBroker, publish
from opendt_streams.run.plan import Plan
from opendt_streams.run.supervisor import Supervisor
from opendt_streams.run.watch import Progress, announced_until_ms, follow
from opendt_streams.streams.deployment import Deployment
from opendt_streams.streams.log import LogReader
from opendt_streams.streams.recorder import is_complete
from opendt_streams.streams.service import FAUST_SERVICES

_LOOK_S: Final = 0.1
_STALL_S: Final = 60.0
_STALL_LOOK_S: Final = 5.0

log = structlog.get_logger()


class Tending:
    """`show` is called several times a second with the progress."""

    def __init__(
        self,
        plan: Plan,
        deployment: Deployment,
        supervisor: Supervisor,
        broker: EmbeddedBroker | None,
        show: Callable[[Progress], None],
    ) -> None:
        self._plan, self._deployment, self._supervisor, self._broker = plan, deployment, supervisor, broker
        self._progress, self._show = Progress(moved_at=time.monotonic()), show
        self._looked_for_stall = time.monotonic()
        self.broker_restarts = 0

    async def until_complete(self, stop: asyncio.Event) -> bool:
        """True when the recorder has everything; False when told to stop."""
        self._note_broker()
        following = asyncio.create_task(self._follow())
        try:
            while not stop.is_set():
                self._supervisor.tend()
                await self._tend_broker()
                if following.done() and not following.cancelled():
                    following.result()
                    if is_complete(self._plan.run_dir):
                        return True
                await self._tend_stall()
                self._show(self._progress)
                await _wait(stop, _LOOK_S)
            return False
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    async def until_told(self, stop: asyncio.Event) -> None:
        """Keep what still runs running, until told to stop."""
        while not stop.is_set():
            self._supervisor.tend()
            await self._tend_broker()
            await _wait(stop, _LOOK_S)

    async def _follow(self) -> None:
        async with LogReader(self._deployment.url, self._deployment.settings.kafka) as reader:
            await follow(reader, self._deployment.partition, self._progress)

    async def _tend_broker(self) -> None:
        """The run's own broker is a service like the others: dead, it is started again where its clients look for it."""
        if self._broker is None or self._broker.alive:
            return
        log.warning("the broker died", pid=self._broker.pid)
        await asyncio.to_thread(self._broker.restart)
        self.broker_restarts += 1
        publish(self._plan.run_dir, self._broker)
        self._note_broker()

    def _note_broker(self) -> None:
        self._supervisor.broker_pid = self._broker.pid if self._broker else None
        self._supervisor.write_pids()

    async def _tend_stall(self) -> None:
        """Consumers have been seen to stop without a word: where event time should move and does not, the workers start anew."""
        now = time.monotonic()
        settings = self._deployment.settings
        patience = _STALL_S + (settings.calibrator.max_wait + longest_step_ms(settings)) / 1000
        if now - self._progress.moved_at < patience or now - self._looked_for_stall < _STALL_LOOK_S:
            return
        self._looked_for_stall = now
        async with LogReader(self._deployment.url, self._deployment.settings.kafka) as reader:
            announced = await announced_until_ms(reader, self._deployment.partition)
        reached = self._progress.simulated_until_ms or self._progress.first_window_ms or 0
        behind = announced is not None and announced - reached >= 2 * settings.simulator.window
        if behind or self._progress.results_ended:
            for name in FAUST_SERVICES:
                self._supervisor.kill(name, f"no progress for {patience:.0f} s")
            self._progress.moved_at = now


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
