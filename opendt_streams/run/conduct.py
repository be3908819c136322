"""The order of things in a run.

1. A broker: the user's, or the run's own. 2. Topics, which must be empty unless the run is resumed. 3. Services, which are tended until
the recorder has both ends. 4. The twinning log is merged, the figures are taken from the topics, and told. 5. The page stays as long as
somebody wants it. 6. Services and broker end, on every way out.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from opendt_streams.audit.evidence import Evidence
from opendt_streams.audit.unrepeatable import unrepeatable
from opendt_streams.broker import EmbeddedBroker, declare, embedded_broker, publish, reachable, retract
from opendt_streams.errors import BadInput
from opendt_streams.projection.datacenter import Datacenter, dead_letters
from opendt_streams.run.page import Page
from opendt_streams.run.plan import Plan
from opendt_streams.run.report_page import write_page
from opendt_streams.run.seal import seal
from opendt_streams.run.shadow import shadow_settled
from opendt_streams.run.summary import Timing, summarise
from opendt_streams.run.supervisor import Launch, Supervisor
from opendt_streams.run.tending import Tending
from opendt_streams.run.watch import Progress, first_message_ms
from opendt_streams.streams.clock import now_ms
from opendt_streams.streams.copy import copy_topics
from opendt_streams.streams.deployment import Deployment
from opendt_streams.streams.log import LogReader
from opendt_streams.streams.service import FAUST_SERVICES, SOCKET_VARIABLE, Service
from opendt_streams.wire import topics


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to: its `--json` summary, and how it ended."""

    summary: dict[str, object]
    state: str  # complete, interrupted
    notes: list[str]  # what happened to services on the way, and what a second run would not repeat


class Audience(Protocol):
    """Who is told of a run: `progress` several times a second, `ended` once, while the page can still be looked at."""

    def progress(self, progress: Progress) -> None: ...

    def ended(self, outcome: Outcome) -> None: ...


async def conduct(plan: Plan, page: Page | None, audience: Audience, *, quiet: bool, stay: bool, began: float) -> None:
    """Run the twin until its streams end, or until SIGINT or SIGTERM.

    `stay`: when the twin is complete the page stays until such a signal. `began`: the monotonic time at which the command was given.

    Raises:
        BrokerUnavailable: no broker could be had.
        ServiceFailed: a service cannot go on.
    """
    stop = _stop_on_signals()
    async with _broker(plan, quiet=quiet) as (deployment, broker):
        await declare(deployment.url, deployment.topic_settings(), deployment.settings.kafka.partitions)
        if not plan.resume:
            await _require_empty(deployment)
        with Supervisor(plan.run_dir, _services(plan, page), optional={Service.API}) as supervisor:
            tending = Tending(plan, deployment, supervisor, broker, audience.progress)
            completed = await tending.until_complete(stop)
            timing = await _timing(deployment, began)
            if completed:
                await shadow_settled(plan, supervisor, stop)
            supervisor.stop(set(supervisor.children) - {Service.API})  # the recorder writes nothing while the log is merged
            audience.ended(await _outcome(plan, deployment, timing, supervisor, tending.broker_restarts, completed=completed))
            if stay and completed and page is not None:
                await tending.until_told(stop)


def _services(plan: Plan, page: Page | None) -> Mapping[str, Launch]:
    services = {name.value: Launch() for name in (*FAUST_SERVICES, *([] if plan.external else [Service.DC_MOCK]))}
    if page is not None:
        listening = page.listening.fileno()
        services[Service.API.value] = Launch({SOCKET_VARIABLE: str(listening)}, [listening])
    return services


async def _timing(deployment: Deployment, began: float) -> Timing:
    recorded_ms = now_ms()
    first_ms = await first_message_ms(deployment)
    started_ms = first_ms if first_ms is not None else recorded_ms
    startup_s = max(0.0, time.monotonic() - began - (now_ms() - started_ms) / 1000)
    return Timing(startup_s, (recorded_ms - started_ms) / 1000, started_ms)


async def _outcome(
    plan: Plan, deployment: Deployment, timing: Timing, supervisor: Supervisor, broker_restarts: int, *, completed: bool
) -> Outcome:
    with TemporaryDirectory(prefix="opendt-evidence-") as folder:
        await copy_topics(deployment, Path(folder))
        evidence = Evidence(Path(folder))
        site = Datacenter(plan.datacenter, plan.settings.grid)
        summary = summarise(plan, evidence, timing, supervisor, broker_restarts, site, complete=completed)
        summary["log_root"], unsealed = seal(evidence, plan.run_dir)
        state, notes = "complete" if completed else "interrupted", [*supervisor.notes(), *unrepeatable(evidence), *unsealed]
        write_page(plan.run_dir, summary, state, notes, site, dead_letters(evidence.own(topics.DEAD_LETTER)))
    return Outcome(summary, state, notes)


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
