"""What routes share: the projection, who follows the topics for it, and the way to the ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Protocol

from fastapi import Depends, Request

from opendt_api.problems import ProblemError
from opendt_streams.projection.datacenter import Datacenter
from opendt_streams.projection.projection import Projection
from opendt_streams.streams.ledger_writer import Answer, Effect
from opendt_streams.topology.change import Wish

MOST_LISTENERS: Final = 100
_MOST_WAITING: Final = 1_000  # events that a slow listener may be behind


class Writer(Protocol):
    """`streams.ledger_writer.LedgerWriter`, as far as routes need it."""

    async def write(self, wish: Wish) -> Answer: ...

    async def effect(self, answer: Answer) -> Effect: ...


@dataclass(slots=True)
class Listeners:
    """Who wants to be told of what happens. One that does not keep up loses its connection, never anybody else's time."""

    queues: set[asyncio.Queue[tuple[str, dict[str, Any]] | None]] = field(default_factory=set)

    def tell(self, event: str, data: dict[str, Any]) -> None:
        for queue in list(self.queues):
            try:
                queue.put_nowait((event, data))
            except asyncio.QueueFull:
                self.queues.discard(queue)
                with suppress(asyncio.QueueEmpty):
                    queue.get_nowait()
                queue.put_nowait(None)

    def join(self) -> asyncio.Queue[tuple[str, dict[str, Any]] | None]:
        if len(self.queues) >= MOST_LISTENERS:
            raise ProblemError(503, f"{MOST_LISTENERS} listeners are connected already", hint="Try again later.")
        queue: asyncio.Queue[tuple[str, dict[str, Any]] | None] = asyncio.Queue(_MOST_WAITING)
        self.queues.add(queue)
        return queue


@dataclass(slots=True)
class Context:
    """`writer` is None where the ledger cannot be written (yet); `now_ms` is wall time."""

    projection: Projection
    now_ms: Callable[[], int]
    ready: Callable[[], bool]
    datacenter: str  # the one that may be written
    writer: Writer | None = None
    listeners: Listeners = field(default_factory=Listeners)


async def context_of(request: Request) -> Context:  # not in a thread: there is nothing to wait for
    found: Context = request.app.state.context
    return found


Shared = Annotated[Context, Depends(context_of)]


async def datacenter_of(dc: str, context: Shared) -> Datacenter:
    found = context.projection.datacenters.get(dc)
    if found is None:
        known = ", ".join(context.projection.datacenters) or "none yet"
        raise ProblemError(404, f"no datacenter {dc!r}; known: {known}", hint="GET /api/v1/datacenters lists them.")
    return found


Site = Annotated[Datacenter, Depends(datacenter_of)]
