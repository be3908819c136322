"""The API as a process: follows the topics, serves until SIGTERM, and writes the ledger of its datacenter."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from hashlib import sha256
from typing import Any

import structlog
import uvicorn
from fastapi import FastAPI

from opendt_api.app import create_app
from opendt_api.certificate import require_certificate
from opendt_api.context import Context
from opendt_api.follower import Follower
from opendt_api.security import OPERATOR, Principals, given_token, is_loopback, own_token
from opendt_streams.broker.ports import listen
from opendt_streams.errors import Unavailable
from opendt_streams.model import times
from opendt_streams.notices.telling import Telling
from opendt_streams.projection.datacenter import Datacenter
from opendt_streams.projection.projection import Projection
from opendt_streams.settings.sections import ApiSettings
from opendt_streams.streams.clock import now_ms
from opendt_streams.streams.deployment import Deployment
from opendt_streams.streams.ledger_writer import LedgerWriter
from opendt_streams.streams.service import SOCKET_VARIABLE
from opendt_streams.wire import topics
from opendt_streams.wire.headers import ID, OURS
from opendt_streams.wire.record import Record

SOURCE = f"{OURS}api"
_LOOK_S = 2.0
_KINDS = {topics.RESULTS: "result", topics.CALIBRATION: "decision", topics.LEDGER: "topology", topics.DEAD_LETTER: "dead-letter"}

log = structlog.get_logger()


def serve(deployment: Deployment) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        BadConfiguration: the certificate and its key are not of use.
        Unavailable: nobody can listen there.
    """
    settings = deployment.settings.api
    require_certificate(settings)
    app = application(deployment)
    log.info("the API listens", host=settings.host, port=settings.port, tls=settings.tls_certificate is not None)
    if settings.tls_certificate is None and not is_loopback(settings.host):
        log.warning("tokens cross the network in plain text: set api.tls_certificate and api.tls_key", host=settings.host)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=2,
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
    )
    server = uvicorn.Server(config)
    server.run([_socket(settings)])
    if not server.started:
        raise Unavailable("the API could not start", hint="Its log says why.")


def _socket(settings: ApiSettings) -> socket.socket:
    """The one that `opendt run` listens on already, or one of our own."""
    if (inherited := os.environ.get(SOCKET_VARIABLE)) is not None:
        return socket.socket(fileno=int(inherited))
    try:
        return listen(settings.host, settings.port)
    except OSError as error:
        what = f"nothing can listen on port {settings.port} of {settings.host}: {error.strerror}"
        raise Unavailable(what, where="api.port", hint="Give another --port, or end who has it.") from None


def application(deployment: Deployment) -> FastAPI:
    settings = deployment.settings.api
    known = {token_hash: name for name, token_hash in (entry.split(":", 1) for entry in settings.principals)}
    token = own_token(deployment.run_dir) if settings.token_file is None else given_token(settings.token_file)
    principals = Principals({sha256(token.encode()).hexdigest(): OPERATOR, **known})
    projection = Projection(deployment.settings.grid, deployment.datacenter_of)
    context = Context(projection, now_ms, ready=lambda: False, datacenter=deployment.datacenter)
    follower = Follower(deployment, projection, lambda record, site: _tell(context, follower, record, site))
    context.ready = lambda: follower.ready.is_set() and follower.connected
    app = create_app(context, principals, host=settings.host, per_second=settings.requests_per_second, cors=tuple(settings.cors))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        following = asyncio.create_task(follower.run())
        telling = asyncio.create_task(_log_warnings(context))
        try:
            async with LedgerWriter(deployment, source=SOURCE) as context.writer:
                yield
        finally:
            for task in (telling, following):
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    app.router.lifespan_context = lifespan
    return app


async def _log_warnings(context: Context) -> None:
    """What a user must know goes to the log too, once each, as it becomes known."""
    telling = Telling()
    while True:
        await asyncio.sleep(_LOOK_S)
        for site in list(context.projection.datacenters.values()) if context.ready() else ():
            for notice in telling.new(site.name, site.warnings):
                log.warning("to know", datacenter=site.name, **notice.document())


def _tell(context: Context, follower: Follower, record: Record, site: Datacenter | None) -> None:
    """Listeners hear of what comes from now on, not of the past that is being read."""
    kind = _KINDS.get(record.topic)
    if kind is None or not follower.ready.is_set() or not context.listeners.queues:
        return
    data: dict[str, Any] = {"offset": record.offset, "id": record.headers.get(ID), "recorded": times.iso(record.timestamp_ms)}
    if site is not None:
        data["datacenter"] = site.name
        if site.progress.newest_end_ms is not None:
            data["newest_window_end"] = times.iso(site.progress.newest_end_ms)
    context.listeners.tell(kind, data)
