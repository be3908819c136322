"""The order of things in a run.

1. A broker: the user's, or the run's own. 2. Topics, which must be empty unless the run is resumed. 3. Services, which are tended until the
recorder has both ends. 4. The twinning log is merged, the figures are taken from the topics. 5. Services and broker end, on every way out.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import structlog

from opendt_streams.assembly import longest_step_ms
from opendt_streams.audit.evidence import Evidence
from opendt_streams.audit.unrepeatable import unrepeatable
from opendt_streams.broker import EmbeddedBroker, declare, embedded_broker, publish, reachable, retract
from opendt_streams.errors import BadInput
from opendt_streams.run.plan import Plan
from opendt_streams.run.seal import seal
from opendt_streams.run.shadow import shadow_settled
from opendt_streams.run.summary import Timing, summarise
from opendt_streams.run.supervisor import Supervisor
from opendt_streams.run.watch import Progress, announced_until_ms, first_message_ms, follow
from opendt_streams.streams.clock import now_ms
from opendt_streams.streams.copy import copy_topics
from opendt_streams.streams.deployment import Deployment
from opendt_streams.streams.log import LogReader
from opendt_streams.streams.recorder import is_complete
from opendt_streams.streams.service import FAUST_SERVICES, Service
from opendt_streams.wire import topics

_LOOK_S: Final = 0.1
_STALL_S: Final = 60.0
_STALL_LOOK_S: Final = 5.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to: its `--json` summary, and how it ended."""

    summary: dict[str, object]
    state: str  # complete, interrupted
    notes: list[str]  # what happened to services on the way, and what a second run would not repeat


async def conduct(plan: Plan, *, quiet: bool, show: Callable[[Progress], None], began: float) -> Outcome:
    """Run the twin until its streams end, or until SIGINT or SIGTERM.

    `show` is called several times a second with the progress; `began` is the monotonic time at which the command was given.

    Raises:
        BrokerUnavailable: no broker could be had.
        ServiceFailed: a service cannot go on.
    """
    stop = _stop_on_signals()
    async with _broker(plan, quiet=quiet) as (deployment, broker):
        await declare(deployment.url, deployment.topic_settings(), deployment.settings.kafka.partitions)
        if not plan.resume:
            await _require_empty(deployment)
        names = [s.value for s in (*FAUST_SERVICES, *([] if plan.external else [Service.DC_MOCK]))]
        supervisor = Supervisor(plan.run_dir, names)
        progress = Progress(moved_at=time.monotonic())
        with supervisor:
            conductor = _Conductor(plan, deployment, supervisor, broker, progress, show)
            completed = await conductor.until_complete(stop)
            recorded_ms = now_ms()
            first_ms = await first_message_ms(deployment)
            started_ms = first_ms if first_ms is not None else recorded_ms
            startup_s = max(0.0, time.monotonic() - began - (now_ms() - started_ms) / 1000)
            timing = Timing(startup_s, (recorded_ms - started_ms) / 1000)
            if completed:
                await shadow_settled(plan, supervisor, stop)
            supervisor.stop()  # the recorder writes nothing any more while the log is merged
        with TemporaryDirectory(prefix="opendt-evidence-") as folder:
            await copy_topics(deployment, Path(folder))
            evidence = Evidence(Path(folder))
            summary = summarise(plan, evidence, timing, supervisor, conductor.broker_restarts, complete=completed)
            summary["log_root"], unsealed = seal(evidence, plan.run_dir)
            notes = [*supervisor.notes(), *unrepeatable(evidence), *unsealed]
        return Outcome(summary, "complete" if completed else "interrupted", notes)


class _Conductor:
    """Step 3: look after services and broker until the twin is complete."""

    def __init__(
        self,
        plan: Plan,
        deployment: Deployment,
        supervisor: Supervisor,
        broker: EmbeddedBroker | None,
        progress: Progress,
        show: Callable[[Progress], None],
    ) -> None:
        self._plan, self._deployment, self._supervisor, self._broker = plan, deployment, supervisor, broker
        self._progress, self._show = progress, show
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
        behind = announced is not None and announced - reached >= 2 * self._deployment.settings.simulator.window
        if behind or self._progress.results_ended:
            for name in FAUST_SERVICES:
                self._supervisor.kill(name, f"no progress for {patience:.0f} s")
            self._progress.moved_at = now


@asynccontextmanager
async def _broker(plan: Plan, *, quiet: bool) -> AsyncIterator[tuple[Deployment, EmbeddedBroker | None]]:
    """The deployment on the user's cluster, or on a broker that lives as long as the block."""
    if (url := plan.settings.broker) is not None:
        await reachable(url)
        publish(plan.run_dir, url)
        yield Deployment(plan.run_dir, plan.settings, url), None
        return
    broker = embedded_broker(plan.run_dir, quiet=quiet)
    await asyncio.to_thread(broker.start)
    try:
        publish(plan.run_dir, broker)
        yield Deployment(plan.run_dir, plan.settings, broker.url), broker
    finally:
        await asyncio.to_thread(broker.stop)
        retract(plan.run_dir)


async def _require_empty(deployment: Deployment) -> None:
    async with LogReader(deployment.url, deployment.settings.kafka) as reader:
        for topic in topics.TWIN_TOPICS:
            if await reader.end(topic, deployment.partition):
                raise BadInput(
                    f"the topic {deployment.topic(topic)} already holds a run",
                    where=deployment.url,
                    hint="Go on with it with --resume, or give another --namespace.",
                )


def _stop_on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
