"""The application: routes around one context, errors as problem documents, the guard around it all."""

from __future__ import annotations

from functools import cache, partial
from typing import Final

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from opendt_api import problems
from opendt_api.context import Context
from opendt_api.documenting import document
from opendt_api.graphite import routes as graphite
from opendt_api.routes import calibration, datacenters, opendt, operations, page, series, topology
from opendt_api.security import Allowance, Guard, Principals

TITLE: Final = "opendt-streams"
VERSION: Final = "1"


def create_app(context: Context, principals: Principals, *, host: str, per_second: float, cors: tuple[str, ...] = ()) -> FastAPI:
    """`host` is where it will be bound: only on loopback are reads open. `cors`: origins of pages that may read."""
    app = FastAPI(
        title=TITLE,
        version=VERSION,
        summary="A datacenter's digital twin: what it says, how well it predicts, and the ledger of its topology.",
        docs_url=None,  # their pages come from other hosts
        redoc_url=None,
    )
    app.state.context = context
    problems.install(app)
    for module in (datacenters, series, calibration, topology, operations, opendt, graphite, page):
        app.include_router(module.router)
    if cors:
        app.add_middleware(CORSMiddleware, allow_origins=list(cors), allow_methods=["GET"], allow_headers=["Authorization"])
    app.openapi = cache(partial(document, app))  # type: ignore[method-assign]
    allowance = Allowance(per_second, 2 * per_second)
    app.add_middleware(Guard, principals=principals, host=host, allowance=allowance, open_paths=page.files().keys())
    return app
