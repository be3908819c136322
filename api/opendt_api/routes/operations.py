"""For whoever looks after the process: health, metrics, and live updates."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Header
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from pydantic import BaseModel
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.responses import Response

from opendt_api.context import Context, Shared
from opendt_api.problems import Problem, ProblemError
from opendt_api.routes.datacenters import state_of
from opendt_streams.notices.notice import counts_by_kind

router = APIRouter(tags=["operations"])
STREAM: Final = "text/event-stream"
_PING_S: Final = 15
_GLANCE_S: Final = 1.0  # for who did not ask for a stream, and would wait for its end
_COUNTED: Final = {
    "windows": "Windows simulated.",
    "failed_windows": "Windows that could not be simulated.",
    "decisions": "Decisions of the calibrator.",
    "alarms": "Alarms of the calibrator.",
}


class Health(BaseModel):
    status: str


@router.get("/health/live")
async def live() -> Health:
    """The process answers."""
    return Health(status="ok")


@router.get("/health/ready", responses={503: {"model": Problem}})
async def ready(context: Shared) -> Health:
    """Everything that the topics held at the start has been read, and they can be read now."""
    if not context.ready():
        raise ProblemError(503, "the topics are being read", hint="Try again in a second.", headers={"Retry-After": "1"})
    return Health(status="ok")


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(context: Shared) -> Response:
    """Prometheus metrics."""
    registry = CollectorRegistry()
    _gauge(registry, "opendt_api_ready", "Whether the topics have been read.", [({}, float(context.ready()))])
    _gauge(registry, "opendt_api_records", "Records read.", [({}, context.projection.records)])
    _gauge(registry, "opendt_dead_letters", "Records that could not be processed.", [({}, len(context.projection.dead_letters))])
    states = [(({"datacenter": dc.name}), state_of(dc, context), dc) for dc in context.projection.datacenters.values()]
    for name, text in _COUNTED.items():
        _gauge(registry, f"opendt_{name}", text, [(labels, getattr(state, name)) for labels, state, _ in states])
    _gauge(registry, "opendt_stale", "No result for a minute.", [(labels, float(state.stale)) for labels, state, _ in states])
    warned = [
        ({**labels, "kind": kind}, float(count)) for labels, _, site in states for kind, count in counts_by_kind(site.warnings).items()
    ]
    _gauge(registry, "opendt_warnings", "What a user must know, by kind: how many of what it counts.", warned)
    lags = [(labels, state.lag_seconds) for labels, state, _ in states if state.lag_seconds is not None]
    _gauge(registry, "opendt_lag_seconds", "Event time between the workload's watermark and the newest window.", lags)
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


@router.get("/api/v1/events", response_class=EventSourceResponse, responses={200: {"content": {STREAM: {}}}})
async def updates(context: Shared, accept: Annotated[str, Header(include_in_schema=False)] = "") -> EventSourceResponse:
    """Server-sent events: `result`, `decision`, `topology`, `dead-letter`, as they come.

    They come until the client leaves if it asks for `text/event-stream`, else for a second.
    """
    queue = context.listeners.join()
    return EventSourceResponse(_told(context, queue, None if STREAM in accept else _GLANCE_S), ping=_PING_S)


async def _told(
    context: Context, queue: asyncio.Queue[tuple[str, dict[str, Any]] | None], seconds: float | None
) -> AsyncIterator[ServerSentEvent]:
    try:
        async with asyncio.timeout(seconds):
            while (told := await queue.get()) is not None:
                event, data = told
                yield ServerSentEvent(orjson.dumps(data).decode(), event=event)
    except TimeoutError:
        return
    finally:
        context.listeners.queues.discard(queue)


def _gauge(registry: CollectorRegistry, name: str, text: str, values: list[tuple[dict[str, str], float]]) -> None:
    labels = list(values[0][0]) if values else []
    gauge = Gauge(name, text, labels, registry=registry)
    for names, value in values:
        (gauge.labels(**names) if names else gauge).set(value)
