"""The requests that Grafana's Graphite data source sends, as its source composes them, and what it needs in the answers.

Read in grafana/grafana, between 12.2 and 13.2 (their package.json), each file at the commit that is named:

* public/app/plugins/datasource/graphite/datasource.ts at 46831bf7255dac69fc13e7e1333af82a37691998: the browser, through Grafana's proxy
* pkg/tsdb/graphite/query.go at 07045fa0da0c57888bc004dc8d2cdbcff317d526: the server, for alert rules and the backend mode
* pkg/tsdb/graphite/resource_handler.go at 9a227de295e417890989084a969537cd4d10a71c: find, expand, events, functions in the backend mode
* pkg/tsdb/graphite/healthcheck.go at 2168564f2e4e641b1544abb077a72f0a97eab749: "Save & test"
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest

from opendt_streams.model import times
from tests.unit.api.site import HOUR, SITE, T0
from tests.unit.graphite.lively import BOUND_AT, END, RECORDED, TOKEN, client_of

UNQUOTED = "!~*'()"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
FROM, UNTIL = T0 // 1_000, END // 1_000


@pytest.fixture
async def grafana() -> AsyncIterator[httpx.AsyncClient]:
    async with client_of() as client:
        yield client


async def render(client: httpx.AsyncClient, body: str, path: str = "/graphite/render") -> list[dict[str, Any]]:
    found = await client.post(path, content=body, headers=FORM)
    assert found.status_code == 200, found.text
    answer: list[dict[str, Any]] = found.json()
    return answer


def browsers(*targets: str, **more: object) -> str:
    """datasource.ts, `query` and `buildGraphiteParams`: targets in aliasSub with their letters, as encodeURIComponent has them."""
    letters = (f'aliasSub({target}, "(^.*$)", "\\1 {letter}")' for target, letter in zip(targets, "ABC", strict=False))
    fields = [("target", letter) for letter in letters] + list({"from": FROM, "until": UNTIL, "format": "json", **more}.items())
    return "&".join(f"{name}={quote(str(value), safe=UNQUOTED)}" for name, value in fields)


def servers(target: str, points: int = 100) -> str:
    """query.go, `createGraphiteRequest`: Go's url.Values, in the order of the names."""
    return urlencode({"format": "json", "from": FROM, "maxDataPoints": points, "target": target, "until": UNTIL})


async def test_a_panels_queries_through_the_proxy(grafana: httpx.AsyncClient) -> None:
    """The letter is the last word of each name (`convertResponseToDataFrames`), times are seconds, values number or null."""
    body = browsers(f"alias(opendt.{SITE}.measured_power_w, 'Actual Power')", f"opendt.{SITE}.*_power_w", maxDataPoints=1_234)
    found = await render(grafana, body)
    assert [s["target"] for s in found] == ["Actual Power A", f"opendt.{SITE}.simulated_power_w B", f"opendt.{SITE}.measured_power_w B"]
    for series in found:
        values, seconds = zip(*series["datapoints"], strict=True)
        assert seconds[0] > FROM
        assert seconds[-1] == UNTIL
        assert len(seconds) <= 1_234
        assert {type(s) for s in seconds} == {int}
        assert all(v is None or isinstance(v, float) for v in values)


async def test_metrictanks_and_the_caches_parameters_do_no_harm(grafana: httpx.AsyncClient) -> None:
    found = await render(grafana, browsers(f"opendt.{SITE}.utilisation", cacheTimeout="60", rawData="true") + "&meta=true")
    assert len(found) == 1


async def test_an_alert_rules_query(grafana: httpx.AsyncClient) -> None:
    """toDataFrames: a series per target, tags are labels; a state is one value at the end, which the rule's reducer takes."""
    found = await render(grafana, servers("opendt.*.state.bound_binding"))
    assert [s["tags"]["datacenter"] for s in found] == [SITE]
    known = [point for point in found[0]["datapoints"] if point[0] is not None]
    assert known == [[1.0, UNTIL]]


async def test_save_and_test(grafana: httpx.AsyncClient) -> None:
    """healthcheck.go asks over the newest hour of wall time; the browser's own test does the same (`testDatasource`)."""
    for body in (servers("constantLine(100)"), browsers("constantLine(100)", maxDataPoints=300)):
        found = await render(grafana, body)
        assert {value for value, _ in found[0]["datapoints"]} == {100.0}


async def test_metrics_find_for_variables_and_the_query_editor(grafana: httpx.AsyncClient) -> None:
    """`requestMetricFind`: from and until in the URL, the query in the body, not encoded; `undefined` without a range."""
    for url in (f"/graphite/metrics/find?from={FROM}&until={UNTIL}", "/graphite/metrics/find?from=undefined&until=undefined"):
        found = await grafana.post(url, content="query=opendt.*", headers=FORM)
        assert found.json() == [{"text": SITE, "id": f"opendt.{SITE}", "leaf": 0, "expandable": 1, "allowChildren": 1}]
    metrics = (await grafana.post("/graphite/metrics/find", content=f"query=opendt.{SITE}.*", headers=FORM)).json()
    assert {"text": "utilisation", "id": f"opendt.{SITE}.utilisation", "leaf": 1, "expandable": 0, "allowChildren": 0} in metrics


async def test_metrics_expand(grafana: httpx.AsyncClient) -> None:
    """`requestMetricExpand`, for variables such as expand(opendt.*.utilisation)."""
    params: dict[str, str | int] = {"query": "opendt.*.utilisation", "from": FROM, "until": UNTIL}
    found = await grafana.get("/graphite/metrics/expand", params=params, headers=FORM)
    assert found.json() == {"results": [f"opendt.{SITE}.utilisation"]}


@pytest.mark.parametrize("span", [f"from={FROM}&until={UNTIL}", "from=-4h&until=now", "from=-240min&until=now"])
async def test_events_as_annotations(grafana: httpx.AsyncClient, span: str) -> None:
    """`events`: relative times as Graphite has them (`translateTime`), tags joined by spaces; GraphiteEventsResponse is what Go decodes."""
    found = (await grafana.get(f"/graphite/events/get_data?{span}&tags=ledger accepted")).json()
    assert [(e["when"], e["what"]) for e in found] == [(FROM, "baselined by simulator")]
    assert set(found[0]) == {"when", "what", "tags", "data"}
    assert {"ledger", "accepted", "baselined", "simulator", "main", SITE} == set(found[0]["tags"])
    assert isinstance(found[0]["data"], str)


async def test_events_of_other_kinds(grafana: httpx.AsyncClient) -> None:
    everything = (await grafana.get(f"/graphite/events/get_data?from={FROM}&until={UNTIL}")).json()
    assert [(e["when"], e["what"]) for e in everything] == [(FROM, "baselined by simulator"), (BOUND_AT // 1_000, "alarm: bound")]
    recorded = times.parse(RECORDED) // 1_000  # what no window used has no place in event time
    rejected = (await grafana.get(f"/graphite/events/get_data?from={recorded}&until={recorded + 1}&tags=rejected")).json()
    assert [(e["when"], e["what"]) for e in rejected] == [(recorded, "edited by ann")] * 2
    assert "too late" in rejected[0]["data"]


async def test_functions_and_version(grafana: httpx.AsyncClient) -> None:
    """`getVersion` takes a semantic version, `getFuncDefs` a document of functions by name (gfunc.ts, `parseFuncDefs`)."""
    assert (await grafana.get("/graphite/version")).text == "1.1.10"
    found = (await grafana.get("/graphite/functions")).json()
    for name, function in found.items():
        assert function["name"] == name
        assert function["group"]
        assert {p["type"] for p in function["params"]} <= {"seriesList", "string", "float", "integer", "node"}


async def test_tags_are_none(grafana: httpx.AsyncClient) -> None:
    for path in (
        "/graphite/tags",
        "/graphite/tags/autoComplete/tags?expr=a&limit=100",
        "/graphite/tags/autoComplete/values?tag=name&expr=",
    ):
        assert (await grafana.get(path)).json() == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (browsers("nonsense(a)"), "no function 'nonsense'"),
        (browsers("opendt.(a"), "expected"),
        (browsers(f"opendt.{SITE}.utilisation", **{"from": "soon"}), "'soon' is not a time"),
        (f"from={UNTIL}&until={FROM}&target=a.b", "from before until"),
        (f"from={FROM}&until={UNTIL}", "0 targets"),
        (f"target=a&from={FROM}&until={UNTIL}&format=png", "expected json"),
        (f"target=a&from={FROM}&until={UNTIL}&maxDataPoints=0", "no number of points"),
        ("target=aliasSub(a,'x(','y')", "aliasSub"),
        ("&".join("target=a" for _ in range(201)), "cannot be read"),
        ("target=%ff", "cannot be read"),
    ],
)
async def test_errors_are_a_line_that_a_panel_can_show(grafana: httpx.AsyncClient, body: str, words: str) -> None:
    """The browser shows a textual body as it is (backend_srv.ts, `processRequestError`), the server too (query.go, `parseResponse`)."""
    found = await grafana.post("/graphite/render", content=body, headers=FORM)
    assert (found.status_code, found.headers["content-type"]) == (422, "text/plain; charset=utf-8")
    assert words in found.text
    assert "\n" not in found.text


async def test_get_says_the_same_as_post(grafana: httpx.AsyncClient) -> None:
    body = servers(f"opendt.{SITE}.simulated_power_w")
    assert (await grafana.get(f"/graphite/render?{body}")).json() == await render(grafana, body)
    assert await render(grafana, "", f"/graphite/render?{body}") == await render(grafana, body)


# -- who may read ----------------------------------------------------------------------------------------------------------


async def test_off_loopback_grafana_needs_the_token_that_it_is_provisioned_with() -> None:
    async with client_of(host="10.0.0.1") as client:
        body = servers("constantLine(1)")
        assert (await client.post("/graphite/render", content=body, headers=FORM)).status_code == 401
        assert (await client.get("/graphite/events/get_data")).status_code == 401
        client.headers["Authorization"] = f"Bearer {TOKEN}"  # secureJsonData.httpHeaderValue1
        assert await render(client, body)
        assert (await client.get("/graphite/events/get_data")).status_code == 200


async def test_only_reading_by_post_is_open_on_loopback(grafana: httpx.AsyncClient) -> None:
    for path in ("/graphite/events/get_data", "/graphite/functions", "/graphite", "/graphite/render/x"):
        assert (await grafana.post(path)).status_code == 401


# -- what it costs ---------------------------------------------------------------------------------------------------------


async def test_too_many_series_are_refused(grafana: httpx.AsyncClient) -> None:
    body = f"{'target=opendt.*.*.*&' * 3}from={UNTIL - 10_000 * 30}&until={UNTIL}&maxDataPoints="
    assert (await grafana.post("/graphite/render", content=f"{body}100", headers=FORM)).status_code == 200
    found = await grafana.post("/graphite/render", content=f"{body}10000", headers=FORM)
    assert found.status_code == 422
    assert "at most" in found.text


async def test_fifty_years_are_as_many_points_as_asked_for(grafana: httpx.AsyncClient) -> None:
    found = await render(grafana, f"target=opendt.{SITE}.simulated_power_w&from=0&until={UNTIL + 10 * HOUR}&maxDataPoints=100")
    assert len(found[0]["datapoints"]) <= 101
