"""Errors as RFC 9457 problem details: what was wrong, what was expected, where, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

from opendt_streams.errors import BadInput, NotKnown, OpenDTError, Unavailable

PROBLEM: Final = "application/problem+json"
TITLES: Final = {
    400: "The request cannot be understood",
    401: "A token is needed",
    404: "No such thing",
    405: "This is not done here",
    409: "The ledger cannot take this",
    412: "Others were faster",
    413: "Too large",
    422: "The request is wrong",
    429: "Too many requests",
    500: "The API is at fault",
    503: "Not ready",
}


_STATUS: Final[dict[type[OpenDTError], int]] = {NotKnown: 404, BadInput: 422, Unavailable: 503}


class Problem(BaseModel):
    """RFC 9457. `hint` says what to do next."""

    model_config = ConfigDict(extra="allow")

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    hint: str | None = Field(default=None, examples=["GET /api/v1/datacenters lists them."])


class ProblemError(Exception):
    """An answer other than what was asked for. `more` are members of the problem document."""

    def __init__(self, status: int, detail: str, *, hint: str | None = None, headers: dict[str, str] | None = None, **more: Any) -> None:
        super().__init__(detail)
        self.status, self.detail, self.hint, self.headers, self.more = status, detail, hint, headers, more


def problem(
    status: int, detail: str, *, hint: str | None = None, headers: dict[str, str] | None = None, more: dict[str, Any] | None = None
) -> Response:
    document: dict[str, Any] = {"type": "about:blank", "title": TITLES.get(status, "Error"), "status": status, "detail": detail}
    if hint is not None:
        document["hint"] = hint
    return Response(orjson.dumps(document | (more or {})), status, headers, PROBLEM)


def said(error: OpenDTError) -> str:
    """What was wrong, where, and what was expected."""
    text = f"{error.where}: {error.what}" if error.where else error.what
    return f"{text}; expected {error.expected}" if error.expected else text


@contextmanager
def answering(status: int) -> Iterator[None]:
    """What is wrong with the input in this block has a status of its own."""
    try:
        yield
    except BadInput as error:
        raise ProblemError(status, said(error), hint=error.hint) from None


def install(app: FastAPI) -> None:
    """Every error that leaves a route becomes a problem document."""

    @app.exception_handler(ProblemError)
    async def _ours(_: Request, error: ProblemError) -> Response:
        return problem(error.status, error.detail, hint=error.hint, headers=error.headers, more=error.more)

    @app.exception_handler(OpenDTError)
    async def _domain(_: Request, error: OpenDTError) -> Response:
        status = next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 500)
        return problem(status, said(error), hint=error.hint)

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return problem(422, f"{where}: {first['msg']}", hint="GET /openapi.json says what is expected.")

    @app.exception_handler(Exception)
    async def _unforeseen(_: Request, __: Exception) -> Response:
        return problem(500, "an error of the API; its log says which", hint="Please report it with the log.")

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        detail = f"{request.method} {request.url.path}: {error.detail}"
        headers = dict(error.headers or {})
        if error.status_code == 405:
            headers["Allow"] = ", ".join(sorted(_methods(app, request.scope)))
        return problem(error.status_code, detail, hint="GET /openapi.json lists what there is.", headers=headers)


def _methods(app: FastAPI, scope: Scope) -> set[str]:
    """What can be done here: several routes may have one path, each with methods of its own."""
    routes = [route for route in app.routes if isinstance(route, Route) and route.matches(scope)[0] is not Match.NONE]
    return {method for route in routes for method in route.methods or ()}
