"""The ledger of topology events: what holds, what was believed, who changed what; and writing to it."""

from __future__ import annotations

import asyncio
import uuid
from typing import Annotated, Any, Final

import orjson
from aiokafka.errors import KafkaError
from fastapi import APIRouter, Header, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from opendt_api import parameters as p
from opendt_api.context import Context, Shared, Site
from opendt_api.problems import Problem, ProblemError, answering
from opendt_api.routes.datacenters import page
from opendt_streams.errors import BadInput
from opendt_streams.model import times
from opendt_streams.model.event import EVENT_KINDS, MAIN, EventKind
from opendt_streams.model.topology import Topology
from opendt_streams.model.topology_json import to_document
from opendt_streams.projection.datacenter import Datacenter
from opendt_streams.topology.asked import place
from opendt_streams.topology.change import Edit, Wish
from opendt_streams.topology.documents import entry_document, entry_summary
from opendt_streams.topology.history import Entry, History, InForce
from opendt_streams.topology.patching import patch_between, patched, whole
from opendt_streams.topology.words import changes

router = APIRouter(prefix="/api/v1", tags=["topology"])
_PATIENCE_S: Final = 30.0
REFUSALS: Final[dict[int | str, dict[str, Any]]] = {status: {"model": Problem} for status in (404, 409, 412, 503)}
_PATCH: Final = {
    "type": "array",
    "items": {"type": "object"},
    "examples": [[{"op": "replace", "path": "/clusters/0/hosts/0/count", "value": 12}]],
}
_KEY: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
Event = Annotated[
    str, Path(min_length=1, max_length=80, description="Id or its beginning, offset, event time, `head`, `head~1`, `what-if/NAME`.")
]
Against = Annotated[str | None, Query(max_length=80, description="Default: its parent."), p.text_schema(80)]
Believed = Annotated[
    str | None, Query(max_length=80, description="As the log was: a time, a ledger offset, an event's id."), p.text_schema(80)
]
IfMatch = Annotated[str | None, Header(max_length=200, description="The head that you saw: the ETag of GET …/topology.")]
IdempotencyKey = Annotated[
    str | None,
    Header(pattern=_KEY, description="Sent twice, it changes the topology once."),
    WithJsonSchema({"type": "string", "pattern": _KEY}),
]
Branch = Annotated[str, Query(max_length=80, description="`main`, or `what-if/NAME`.")]
SomeBranch = Annotated[str | None, Query(max_length=80, description="Default: all. `main`, or `what-if/NAME`."), p.text_schema(80)]
Kinds = Annotated[
    list[EventKind] | None,
    Query(alias="kind", max_length=10, description="Only events of these kinds.", examples=[["edited", "reverted"]]),
    WithJsonSchema({"type": "array", "maxItems": 10, "items": {"enum": list(EVENT_KINDS)}}),
]


class TopologyDocument(BaseModel):
    """A topology, and the event that it comes from."""

    datacenter: str
    event: dict[str, Any]
    topology: dict[str, Any]


class Events(BaseModel):
    """Newest first, accepted and rejected."""

    datacenter: str
    head: str | None = Field(description="Id of the newest accepted event of main.")
    events: list[dict[str, Any]]
    next: int | None


class Difference(BaseModel):
    """`patch` (RFC 6902) makes of the topology of `a` that of `b`; `changes` says the same in words."""

    a: dict[str, Any]
    b: dict[str, Any]
    changes: list[str]
    patch: list[dict[str, Any]]


class Wanted(BaseModel):
    """Either `patch` (RFC 6902, against the document of GET …/topology) or a whole `topology`."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"oneOf": [{"required": ["patch"]}, {"required": ["topology"]}]})

    patch: Annotated[list[dict[str, Any]] | None, WithJsonSchema(_PATCH)] = None
    topology: Annotated[dict[str, Any] | None, WithJsonSchema({"type": "object"})] = None
    reason: str = Field(min_length=1, max_length=10_000, examples=["rack 7 is online"])
    branch: str = Field(default=MAIN, max_length=80)


class Written(BaseModel):
    """What became of the event. `effective`: the first event time whose windows use it; while undecided, not before `earliest`."""

    event: str | None
    offset: int | None
    accepted: bool
    verdict: str
    branch: str
    head: str
    parent: str
    changes: list[str]
    patch: list[dict[str, Any]]
    effective: str | None
    earliest: str | None
    complete: bool = Field(description="The run is over: no window will use the event.")
    since: list[dict[str, Any]] = Field(description="What came first, if it was not accepted.")


@router.get("/datacenters/{dc}/topology")
async def topology(
    site: Site,
    response: Response,
    effective: p.Time = None,
    believed: Believed = None,
    branch: Branch = MAIN,
) -> TopologyDocument:
    """The topology now, or as windows at an event time used it, or as it was believed at a moment. The ETag is the event's id."""
    time_ms = p.time_ms(effective, "effective")
    with answering(404):
        history = site.history() if believed is None else site.history_as_of(believed)
        found = history.now(branch) if time_ms is None else history.at(time_ms)
    response.headers["ETag"] = f'"{found.entry.event.id}"'
    entry = entry_document(found.entry)
    del entry["topology"]
    return TopologyDocument(datacenter=site.name, event=entry, topology=to_document(found.topology))


@router.get("/datacenters/{dc}/topology/events")
async def events(
    site: Site, limit: p.Limit = 100, cursor: p.Cursor = None, branch: SomeBranch = None, kind: Kinds = None, brief: p.Brief = False
) -> Events:
    """The ledger, newest first."""
    history = site.history()
    found, following = page(
        history.entries, cursor, limit, lambda e: branch in (None, e.event.branch) and (not kind or e.event.kind in kind)
    )
    head = history.ledger.head
    document = entry_summary if brief else entry_document
    return Events(datacenter=site.name, head=head.event.id if head else None, events=[document(e) for e in found], next=following)


@router.get("/datacenters/{dc}/topology/events/{event:path}/diff")
async def diff(site: Site, event: Event, against: Against = None) -> Difference:
    """What an event changed."""
    history = site.history()
    b = _found(history, event)
    asked = against if against is not None else b.entry.event.parent
    if asked is None:
        raise ProblemError(404, "the first event of a ledger has no parent", hint="Give against=EVENT.")
    a = _found(history, asked)
    said, patch = await run_in_threadpool(_between, a.topology, b.topology)  # of large topologies it takes its time
    return Difference(a=_named(a.entry), b=_named(b.entry), changes=said, patch=patch)


def _between(a: Topology, b: Topology) -> tuple[list[str], list[dict[str, Any]]]:
    return changes(a, b), list(patch_between(a, b))


@router.get("/datacenters/{dc}/topology/events/{event:path}")
async def one_event(site: Site, event: Event) -> dict[str, Any]:
    """One event with its verdict."""
    return entry_document(_found(site.history(), event).entry)


@router.post(
    "/datacenters/{dc}/topology/events",
    status_code=201,
    response_model=Written,
    responses=REFUSALS,
)
async def write(
    site: Site,
    wanted: Wanted,
    request: Request,
    context: Shared,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Change the topology by a new event on top of the head that you saw. The answer is the verdict, read back from the log."""
    if if_match is None:
        raise ProblemError(422, "the head that you saw is not stated", hint="Send its id as If-Match: the ETag of GET …/topology.")
    wish = Wish(_edit(wanted, idempotency_key), request.state.principal, wanted.reason, wanted.branch, if_match.strip().strip('"'))
    return await fulfil(context, site, wish)


async def fulfil(context: Context, site: Datacenter, wish: Wish) -> Response:
    """Write, and say what became of it: 201 accepted, 409 nobody could write it, 412 others were faster."""
    if context.writer is None or site.name != context.datacenter:
        raise ProblemError(503, f"the ledger of {site.name} cannot be written here", hint=f"This API writes that of {context.datacenter}.")
    try:
        async with asyncio.timeout(_PATIENCE_S):
            with answering(409):
                answer = await context.writer.write(wish)
            effect = await context.writer.effect(answer)
    except (KafkaError, TimeoutError):
        what = "the broker does not answer, and it is not known whether it has the event"
        raise ProblemError(503, what, hint="Look at GET …/topology/events; with the same Idempotency-Key it can be sent again.") from None
    document = {
        **answer.document(wish.branch),
        "effective": times.iso_or_none(effect.effective_ms),
        "earliest": times.iso_or_none(effect.earliest_ms),
        "complete": effect.complete,
    }
    if not answer.accepted:
        hint = "Look at what changed, and send it again with the head as If-Match."
        raise ProblemError(412, f"{answer.parent} is not the head of {wish.branch} any more", hint=hint, **document)
    return Response(orjson.dumps(document), 201, {"ETag": f'"{answer.head.event.id}"'}, "application/json")


def _edit(wanted: Wanted, key: str | None) -> Edit:
    operations, document = wanted.patch, wanted.topology
    if (operations is None) == (document is None):
        raise BadInput("neither patch nor topology, or both", expected="one of them", where="body")
    key = key or uuid.uuid4().hex
    if operations is not None:
        return Edit(lambda parent: patched(parent, operations), key)
    with answering(409):
        made = whole(document)
    return Edit(lambda _: made, key)


def _found(history: History, asked: str) -> InForce:
    with answering(404):
        return place(history, asked, "event")


def _named(entry: Entry) -> dict[str, Any]:
    return {name: value for name, value in entry_summary(entry).items() if name not in ("parent", "cause")}
