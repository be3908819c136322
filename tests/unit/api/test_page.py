"""The page's files: open to everybody, named one by one, under a strict policy; and what the API answers for it."""

from __future__ import annotations

import httpx
import pytest
from opendt_api.routes.page import files

from tests.unit.api.site import SITE
from tests.unit.api.test_routes import ANN, EVENTS, client_of

POLICY = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"


@pytest.mark.parametrize("host", ["127.0.0.1", "10.0.0.1"])
@pytest.mark.parametrize("path", files())
async def test_it_is_served_to_everybody(path: str, host: str) -> None:
    client, _ = client_of(host=host)
    async with client:
        found = await client.get(path)
        assert found.status_code == 200
        assert found.headers["content-security-policy"] == POLICY
        assert found.headers["content-type"].partition(";")[0] in {"text/html", "text/css", "text/javascript", "image/svg+xml"}
        assert found.headers["cache-control"] == "no-cache"
        again = await client.get(path, headers={"If-None-Match": found.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("path", ["/page/nothing.js", "/page/index.html", "/page/..%2Fapp.py", "/page/%2e%2e/app.py"])
async def test_what_is_no_file_of_it_is_not_found(path: str) -> None:
    client, _ = client_of()
    async with client:
        assert (await client.get(path)).status_code == 404


async def test_being_open_opens_nothing_else() -> None:
    client, _ = client_of(host="10.0.0.1")
    async with client:
        for path in (
            "/api/v1/datacenters",
            "/openapi.json",
            "/page/nothing.js",
            "/metrics",
            f"/api/v1/datacenters/{SITE}/accuracy/intervals",
        ):
            assert (await client.get(path)).status_code == 401, path
        assert (await client.post("/", headers={})).status_code == 401


@pytest.fixture
async def answers() -> dict[str, httpx.Response]:
    """With and without `brief`."""
    client, _ = client_of()
    paths = (EVENTS, f"/api/v1/datacenters/{SITE}/calibration", "/api/v1/dead-letters")
    async with client:
        return {f"{path}{query}": await client.get(path + query) for path in paths for query in ("", "?brief=true")}


def test_brief_lists_leave_out_what_is_long(answers: dict[str, httpx.Response]) -> None:
    whole, brief = answers[EVENTS].json()["events"][0], answers[f"{EVENTS}?brief=true"].json()["events"][0]
    assert whole.keys() - brief.keys() == {"topology", "result", "rules"}
    path = f"/api/v1/datacenters/{SITE}/calibration"
    assert answers[path].json()["decisions"][0].keys() - answers[f"{path}?brief=true"].json()["decisions"][0].keys() == {"estimate"}


async def test_events_of_some_kinds() -> None:
    client, _ = client_of()
    async with client:
        assert len((await client.get(EVENTS, params={"kind": ["baselined", "edited"]})).json()["events"]) == 1
        assert (await client.get(EVENTS, params={"kind": "edited"})).json()["events"] == []


async def test_accuracy_of_a_range_interval_by_interval() -> None:
    client, _ = client_of()
    path = f"/api/v1/datacenters/{SITE}/accuracy"
    async with client:
        whole, run = (await client.get(f"{path}/intervals")).json(), (await client.get(path)).json()
        assert whole["range"]["mape_percent"] == run["mape_percent"]
        assert (len(whole["time"]), whole["interval_seconds"]) == (1, 3600.0)
        assert whole["columns"]["mape_percent"] == [run["mape_percent"]]
        everything = (await client.get(f"{path}/intervals?from=1990-01-01T00:00:00Z", headers=ANN)).json()
        assert everything == whole
        nothing = (await client.get(f"{path}/intervals?from=2023-11-16T00:00:00Z&to=2023-11-15T00:00:00Z", headers=ANN)).json()
        assert (nothing["range"], nothing["time"]) == (None, [])
