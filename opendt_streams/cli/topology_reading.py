"""Reading what the topology commands show: the ledger of a run, what its decisions pin, and as of which moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from opendt_streams.cli.reading import open_run, records
from opendt_streams.errors import BadInput
from opendt_streams.model import times
from opendt_streams.streams.deployment import Deployment
from opendt_streams.topology.history import History, Pins, Written
from opendt_streams.topology.log_index import LogIndex, Moment
from opendt_streams.topology.verify import LedgerReport, verify_ledger
from opendt_streams.wire import topics
from opendt_streams.wire.messages import DecisionRecorded, ResultRecorded
from opendt_streams.wire.record import Record


@dataclass(frozen=True, slots=True)
class Found:
    """`believed_ms`: the time of recording up to which the topics were read, None for all of them."""

    datacenter: str
    history: History
    believed_ms: int | None = None


def read_history(run_dir: Path, *, quiet: bool, believed: str | None = None) -> Found:
    """The ledger of a run, now or as it was at the moment that is called `believed`."""
    with open_run(run_dir, quiet=quiet) as deployment:
        return asyncio.run(_history(deployment, believed))


def read_report(run_dir: Path, *, quiet: bool) -> tuple[str, LedgerReport]:
    """Datacenter, and everything that is wrong with its ledger."""
    with open_run(run_dir, quiet=quiet) as deployment:
        read = asyncio.run(_read(deployment, topics.RESULTS, topics.CALIBRATION, topics.LEDGER))  # what refers to others first
    results, decisions, ledger = read
    return deployment.datacenter, verify_ledger(ledger, decisions, results, datacenter=deployment.datacenter)


async def _history(deployment: Deployment, believed: str | None) -> Found:
    written = [Written.of(record) async for record in records(deployment, topics.LEDGER)]
    then = None
    if believed is not None:
        then = _index(written).moment(believed)
        if not then.rows:
            raise BadInput(f"the ledger held nothing as of {believed}", expected=_since(written), where="--believed")
        written = written[: then.rows]
    offsets: dict[int, int] = {}
    async with aclosing(_until(records(deployment, topics.CALIBRATION), then)) as decisions:
        async for record in decisions:
            message = record.message()
            if isinstance(message, DecisionRecorded):
                offsets.setdefault(message.decision.instant_ms, message.pin)
    pins = Pins(offsets, deployment.settings.grid.publish_every_ms, await _first_window_ms(deployment, then))
    return Found(deployment.datacenter, History(written, pins, believed), None if then is None else then.time_ms)


async def _first_window_ms(deployment: Deployment, then: Moment | None) -> int | None:
    async with aclosing(_until(records(deployment, topics.RESULTS), then)) as results:
        async for record in results:
            message = record.message()
            if isinstance(message, ResultRecorded):
                return message.result.window_start_ms
    return None


async def _until(read: AsyncGenerator[Record], then: Moment | None) -> AsyncGenerator[Record]:
    """What a topic held at a moment: everything before its first record from after it."""
    async with aclosing(read):
        async for record in read:
            if then is not None and record.timestamp_ms > then.time_ms:
                return
            yield record


async def _read(deployment: Deployment, *names: str) -> list[list[Record]]:
    return [[record async for record in records(deployment, name)] for name in names]


def _index(written: list[Written]) -> LogIndex:
    index = LogIndex()
    for record in written:
        index.append(record.offset, record.timestamp_ms, record.event.id if record.event else "")
    return index


def _since(written: list[Written]) -> str:
    return f"a time from {times.iso(written[0].timestamp_ms)} on, when its first event was recorded" if written else "a ledger with events"
