"""The routes over a projection that is there: shapes, errors as problem documents, and who may do what."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import httpx
import pandas as pd
import pyarrow as pa
import pytest
from opendt_api.app import create_app
from opendt_api.context import Context
from opendt_api.openapi import openapi_document
from opendt_api.security import MOST_BODY_BYTES, Principals, own_token

from opendt_streams.model.topology_json import to_document
from opendt_streams.projection.projection import FOLLOWED, Projection
from opendt_streams.resources import resource
from opendt_streams.streams.ledger_writer import Answer, Effect
from opendt_streams.topology.change import Wish, events_of
from opendt_streams.topology.ledger import Verdict
from tests.unit.api.site import GRID, SITE, TOPOLOGY, first_event, logs

TOKEN = "secret-token-of-ann"
ANN = {"Authorization": f"Bearer {TOKEN}"}
EVENTS = f"/api/v1/datacenters/{SITE}/topology/events"
PATCH = {"patch": [{"op": "replace", "path": "/clusters/0/hosts/0/count", "value": 5}], "reason": "more"}


class LedgerInMemory:
    """Folds what it writes, as the log would."""

    def __init__(self, projection: Projection) -> None:
        self._projection = projection
        self.wishes: list[Wish] = []

    async def write(self, wish: Wish) -> Answer:
        self.wishes.append(wish)
        ledger = self._projection.datacenters[SITE].history().ledger
        event = events_of(ledger, wish)[-1]
        assert ledger.head is not None
        ledger.add(ledger.offset, event)
        return Answer(event, ledger.offset - 1, Verdict.ACCEPTED, event.parent or "", ledger.heads[event.branch])

    async def effect(self, answer: Answer) -> Effect:
        return Effect(None, None, complete=False)


def context_of_site(*, ready: bool = True) -> tuple[Context, LedgerInMemory]:
    """A context that has read the logs of the site."""
    projection = Projection(GRID, lambda _: SITE)
    found = logs(24)
    for record in (r for topic in FOLLOWED for r in found[topic]):
        projection.take(record)
    ledger = LedgerInMemory(projection)
    return Context(projection, lambda: 0, ready=lambda: ready, datacenter=SITE, writer=ledger), ledger


def principals() -> Principals:
    return Principals({sha256(TOKEN.encode()).hexdigest(): "ann"})


def client_of(*, host: str = "127.0.0.1", per_second: float = 1e6, ready: bool = True) -> tuple[httpx.AsyncClient, LedgerInMemory]:
    context, ledger = context_of_site(ready=ready)
    app = create_app(context, principals(), host=host, per_second=per_second)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url=f"http://{host}:8000"), ledger


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    found, _ = client_of()
    async with found:
        yield found


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/datacenters",
        f"/api/v1/datacenters/{SITE}/state",
        f"/api/v1/datacenters/{SITE}/series",
        f"/api/v1/datacenters/{SITE}/accuracy",
        f"/api/v1/datacenters/{SITE}/calibration?limit=1",
        f"/api/v1/datacenters/{SITE}/alarms",
        f"/api/v1/datacenters/{SITE}/topology",
        EVENTS,
        f"{EVENTS}/head",
        "/api/v1/dead-letters",
        "/health/live",
        "/health/ready",
        "/health",
        "/metrics",
        "/api/power",
        "/api/co2_emission?interval_seconds=300",
        "/openapi.json",
    ],
)
async def test_everything_answers(client: httpx.AsyncClient, path: str) -> None:
    found = await client.get(path)
    assert found.status_code == 200, found.text
    assert found.headers["x-content-type-options"] == "nosniff"


async def test_series_in_three_forms_say_the_same(client: httpx.AsyncClient) -> None:
    path = f"/api/v1/datacenters/{SITE}/series?metric=simulated_power_w,error_percent&resolution=30m"
    plain = (await client.get(path)).json()
    table = pd.read_csv(io.StringIO((await client.get(path, headers={"Accept": "text/csv"})).text))
    with pa.ipc.open_stream((await client.get(f"{path}&format=arrow")).content) as stream:
        arrow = stream.read_all()
    assert plain["units"] == {"simulated_power_w": "W", "error_percent": "%"}
    assert table["time"].tolist() == plain["time"]
    for name, values in plain["columns"].items():
        expected = [float("nan") if v is None else v for v in values]
        assert table[name].tolist() == pytest.approx(expected, nan_ok=True)
        assert arrow[name].to_pylist() == values


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/api/v1/datacenters/nowhere/state", 404, "known: site"),
        (f"/api/v1/datacenters/{SITE}/series?metric=nonsense", 422, "metric"),
        (f"/api/v1/datacenters/{SITE}/series?resolution=0m", 422, "resolution"),
        (f"/api/v1/datacenters/{SITE}/series?from=2023-11-15T00:00:00", 422, "no time zone"),
        (f"/api/v1/datacenters/{SITE}/series?cluster=nowhere", 404, "no cluster"),
        (f"/api/v1/datacenters/{SITE}/topology?branch=what-if/none", 404, "no branch"),
        (f"/api/v1/datacenters/{SITE}/topology?effective=1990-01-01T00:00:00Z", 404, "no window"),
        (f"{EVENTS}/beef1234", 404, "event"),
        (f"{EVENTS}/head/diff", 404, "no parent"),
        (f"{EVENTS}?limit=100000", 422, "limit"),
        ("/nothing", 404, "Not Found"),
    ],
)
async def test_errors_are_problem_documents(client: httpx.AsyncClient, path: str, status: int, words: str) -> None:
    found = await client.get(path)
    assert (found.status_code, found.headers["content-type"]) == (status, "application/problem+json")
    assert words in found.json()["detail"]
    assert found.json()["status"] == status


async def test_a_wrong_method_is_a_problem_too(client: httpx.AsyncClient) -> None:
    found = await client.put("/api/v1/datacenters", headers=ANN)
    assert (found.status_code, found.headers["content-type"]) == (405, "application/problem+json")


# -- writing ---------------------------------------------------------------------------------------------------------------


async def test_an_event_is_written_in_the_name_of_the_token() -> None:
    client, ledger = client_of()
    async with client:
        head = (await client.get(f"/api/v1/datacenters/{SITE}/topology")).headers["etag"]
        assert head == f'"{first_event().id}"'
        found = await client.post(EVENTS, json=PATCH, headers=ANN | {"If-Match": head, "Idempotency-Key": "k"})
    assert found.status_code == 201, found.text
    assert found.json()["accepted"]
    assert (ledger.wishes[0].actor, ledger.wishes[0].reason) == ("ann", "more")


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}, {"Authorization": "Bearer"}]
)
async def test_without_a_known_token_nothing_is_written(headers: dict[str, str]) -> None:
    client, ledger = client_of()
    async with client:
        for request in (client.post(EVENTS, json=PATCH, headers=headers), client.put("/api/topology", json={}, headers=headers)):
            assert (await request).status_code == 401
    assert ledger.wishes == []


@pytest.mark.parametrize(
    ("body", "more", "status"),
    [
        (PATCH, {}, 422),
        ({"reason": "x"}, {"If-Match": "head"}, 422),
        (PATCH | {"topology": {}}, {"If-Match": "head"}, 422),
        (PATCH | {"unknown": 1}, {"If-Match": "head"}, 422),
        ({"patch": PATCH["patch"]}, {"If-Match": "head"}, 422),
        (PATCH, {"If-Match": "no-such-event"}, 409),
        (PATCH, {"If-Match": "head", "Idempotency-Key": "dc|2024"}, 422),
        ({"topology": {"clusters": []}, "reason": "x"}, {"If-Match": "head"}, 409),
        ({"patch": [{"op": "replace", "path": "/nowhere", "value": 1}], "reason": "x"}, {"If-Match": "head"}, 409),
    ],
)
async def test_what_cannot_be_written_is_refused(body: dict[str, object], more: dict[str, str], status: int) -> None:
    more = more | ({"If-Match": first_event().id} if more.get("If-Match") == "head" else {})
    client, _ = client_of()
    async with client:
        found = await client.post(EVENTS, json=body, headers=ANN | more)
    assert found.status_code == status, found.text
    assert found.headers["content-type"] == "application/problem+json"


async def test_opendts_way_of_writing() -> None:
    client, ledger = client_of()
    document = to_document(TOPOLOGY)
    document["clusters"][0]["hosts"][0]["count"] = 7  # type: ignore[index,call-overload]
    async with client:
        found = await client.put("/api/topology", json=document, headers=ANN)
    assert found.status_code == 200, found.text
    assert (found.json()["status"], found.json()["total_hosts"], found.json()["total_cores"]) == ("updated", 7, 28)
    assert ledger.wishes[0].actor == "ann"


# -- limits ----------------------------------------------------------------------------------------------------------------


async def test_off_loopback_reads_need_a_token_too() -> None:
    client, _ = client_of(host="10.0.0.1")
    async with client:
        assert (await client.get("/api/v1/datacenters")).status_code == 401
        assert (await client.get("/api/v1/datacenters", headers=ANN)).status_code == 200
        assert (await client.get("/health/live")).status_code == 200


async def test_another_hosts_name_is_refused_on_loopback(client: httpx.AsyncClient) -> None:
    """A page of elsewhere may point its own name at 127.0.0.1."""
    assert (await client.get("/api/v1/datacenters", headers={"Host": "evil.example"})).status_code == 400
    for host in ("localhost:8000", "127.0.0.1", "[::1]:8000"):
        assert (await client.get("/health/live", headers={"Host": host})).status_code == 200


async def test_large_bodies_are_refused_whether_or_not_they_say_their_size(client: httpx.AsyncClient) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(MOST_BODY_BYTES // 2**16 + 2):
            yield b" " * 2**16

    for content in (b" " * (MOST_BODY_BYTES + 1), chunks()):
        found = await client.post(EVENTS, content=content, headers=ANN | {"Content-Type": "application/json", "If-Match": "x"})
        assert found.status_code == 413, found.text


async def test_too_many_requests_are_refused() -> None:
    client, _ = client_of(per_second=1)
    async with client:
        answers = [(await client.get("/health/live")).status_code for _ in range(10)]
    assert answers.count(429) >= 7
    assert answers[:2] == [200, 200]


async def test_not_ready_is_said() -> None:
    client, _ = client_of(ready=False)
    async with client:
        assert (await client.get("/health/ready")).status_code == 503
        assert (await client.get("/health/live")).status_code == 200


def test_the_token_is_the_owners_alone_and_stays(tmp_path: Path) -> None:
    token = own_token(tmp_path)
    assert len(token) >= 40
    assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600
    assert own_token(tmp_path) == token


def test_the_openapi_document_is_the_one_checked_in() -> None:
    assert resource("schemas/openapi.json").read_bytes() == openapi_document(), "make schemas writes it anew"


async def test_warnings_are_at_the_state_at_their_route_and_in_the_metrics() -> None:
    projection = Projection(GRID, lambda _: SITE)
    found = logs(24, measured_w=lambda time_ms: 65_535.0 if time_ms % 600_000 == 0 else 30.0)
    for record in (r for topic in FOLLOWED for r in found[topic]):
        projection.take(record)
    app = create_app(Context(projection, lambda: 0, lambda: True, SITE), principals(), host="127.0.0.1", per_second=1e6)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8000") as client:
        said = (await client.get(f"/api/v1/datacenters/{SITE}/warnings")).json()["warnings"]
        state = (await client.get(f"/api/v1/datacenters/{SITE}/state")).json()
        metrics = (await client.get("/metrics")).text
        accuracy = (await client.get(f"/api/v1/datacenters/{SITE}/accuracy")).json()
        series = (await client.get(f"/api/v1/datacenters/{SITE}/series?metric=measured_power_w")).json()
    assert [(w["kind"], w["count"]) for w in said] == [("reading-impossible", 12)] and said == state["warnings"]
    assert f'opendt_warnings{{datacenter="{SITE}",kind="reading-impossible"}} 12.0' in metrics
    assert accuracy["mape_percent"] < 100
    assert max(w for w in series["columns"]["measured_power_w"] if w is not None) < 100
