"""Graphite's routes as Grafana calls them (ADR 11 says what was read). The protocol is Graphite's, so it is not in our OpenAPI document."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Final
from urllib.parse import parse_qs

import orjson
from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from starlette.responses import PlainTextResponse, Response

from opendt_api.context import Shared
from opendt_api.graphite.annotations import told_between
from opendt_api.graphite.catalogue import catalogue
from opendt_api.graphite.functions import Series, definitions, evaluate
from opendt_api.graphite.span import span, time_ms
from opendt_api.graphite.tree import Leaf, find
from opendt_streams.errors import BadInput
from opendt_streams.model import times

PREFIX: Final = "/graphite"
VERSION: Final = "1.1.10"
"""Of Graphite: with this one Grafana asks /functions which functions there are."""
_MOST_FIELDS: Final = 200
_MOST_TARGETS: Final = 50
_WAYS: Final = ["GET", "POST"]


class _Route(APIRoute):
    """Errors as one line of text: what Grafana shows in a panel, and in the state of an alert rule, is the body as it is."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handling(request: Request) -> Response:
            try:
                return await handle(request)
            except BadInput as error:
                return PlainTextResponse(" ".join(str(error).split()), 422)

        return handling


router = APIRouter(prefix=PREFIX, route_class=_Route, include_in_schema=False)


@router.api_route("/render", methods=_WAYS)
async def render(request: Request, context: Shared) -> Response:
    """Series of targets: `[{"target", "tags", "datapoints": [[value, seconds], …]}, …]`."""
    asked = await _parameters(request)
    if (form := _one(asked, "format") or "json") != "json":
        raise BadInput(f"{form!r} is no form of answer here", expected="json", where="format")
    targets = asked.get("target", [])
    if not 0 < len(targets) <= _MOST_TARGETS:
        raise BadInput(f"{len(targets)} targets", expected=f"1 to {_MOST_TARGETS}", where="target")
    over = span(
        _one(asked, "from"),
        _one(asked, "until"),
        _one(asked, "maxDataPoints"),
        now_ms=context.now_ms(),
        sample_interval_ms=context.projection.grid.sample_interval_ms,
    )
    root = catalogue(context)
    seconds = (over.ends_ms // times.SECOND).tolist()
    return _json([_document(series, seconds) for series in evaluate(root, targets, over)])


@router.api_route("/metrics/find", methods=_WAYS)
async def metrics_find(request: Request, context: Shared) -> Response:
    """The nodes that a pattern means, as the query editor and template variables want them. from and until are of no matter."""
    query = _query(await _parameters(request))
    nodes = [(found, isinstance(found.node, Leaf)) for found in find(catalogue(context), query)]
    return _json(
        [
            {"text": found.text, "id": found.path, "leaf": int(leaf), "expandable": int(not leaf), "allowChildren": int(not leaf)}
            for found, leaf in nodes
        ]
    )


@router.api_route("/metrics/expand", methods=_WAYS)
async def metrics_expand(request: Request, context: Shared) -> Response:
    """The full paths that a pattern means."""
    query = _query(await _parameters(request))
    return _json({"results": [found.path for found in find(catalogue(context), query)]})


@router.get("/events/get_data")
async def events(request: Request, context: Shared) -> Response:
    """Ledger events and alarms of a range that have all of `tags` (separated by spaces): `ledger`, `alarm`, the kind, the verdict …"""
    asked = await _parameters(request)
    now_ms = context.now_ms()
    after_ms, until_ms = (time_ms(_one(asked, name) or default, name, now_ms) for name, default in (("from", "-24h"), ("until", "now")))
    tags = frozenset((_one(asked, "tags") or "").split())
    return _json([note.document() for note in told_between(context.projection.datacenters.values(), after_ms, until_ms, tags)])


@router.get("/functions")
async def functions() -> Response:
    """What `target` may use."""
    return _json(definitions())


@router.get("/version")
async def version() -> Response:
    return PlainTextResponse(VERSION)


@router.get("/tags")
@router.get("/tags/autoComplete/tags")
@router.get("/tags/autoComplete/values")
async def tags() -> Response:
    """None: series are found by their paths."""
    return _json([])


async def _parameters(request: Request) -> dict[str, list[str]]:
    """Of the query and of a form, together.

    Raises:
        BadInput: a body that is no form, or too many fields.
    """
    try:
        text = f"{request.url.query}&{(await request.body()).decode()}"
        return parse_qs(text, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError:
        expected = f"a form (application/x-www-form-urlencoded, UTF-8) of at most {_MOST_FIELDS} fields"
        raise BadInput("the request cannot be read", expected=expected) from None


def _one(asked: dict[str, list[str]], name: str) -> str | None:
    """The last of a name."""
    return asked[name][-1] if asked.get(name) else None


def _query(asked: dict[str, list[str]]) -> str:
    query = _one(asked, "query")
    if query is None:
        raise BadInput("no query", expected="a path such as opendt.*", where="query")
    return query


def _document(series: Series, seconds: list[int]) -> dict[str, Any]:
    points = list(zip(series.values.tolist(), seconds, strict=True))
    return {"target": series.name, "tags": {"name": series.path, **series.tags}, "datapoints": points}


def _json(document: Any) -> Response:
    return Response(orjson.dumps(document), media_type="application/json")
