"""Every query of every dashboard and rule is answered with data, on a run made by hand and on the SURF week."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlencode

import httpx
import pytest

from opendt_streams.model.canonical import canonical
from opendt_streams.model.result import ClusterSeries, TaskCounts
from opendt_streams.wire import encode, topics
from opendt_streams.wire import headers as h
from opendt_streams.wire.messages import ResultRecorded
from opendt_streams.wire.record import Record
from opendt_streams.wire.twin import result_value
from tests.unit.api.site import SITE, T0
from tests.unit.calibration import surf
from tests.unit.grafana.boards import BOARDS, rules, targets
from tests.unit.graphite.lively import END, WINDOWS, client_of
from tests.unit.twinlog.surf_run import DATACENTER, surf_logs

TARGETS = list(targets())


async def known(client: httpx.AsyncClient, target: str, datacenter: str, from_ms: int, until_ms: int) -> list[float]:
    """All values of a target, as a panel of 1,000 pixels asks."""
    named = target.replace("$datacenter", datacenter)
    fields = {"target": named, "from": from_ms // 1_000, "until": until_ms // 1_000, "maxDataPoints": 1_000}
    found = await client.post("/graphite/render", content=urlencode(fields), headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert found.status_code == 200, found.text
    return [value for series in found.json() for value, _ in series["datapoints"] if value is not None]


async def test_every_target_has_data() -> None:
    assert len(TARGETS) > 60
    async with client_of() as client:
        for where, target in TARGETS:
            assert await known(client, target, SITE, T0, END), where


async def test_a_state_is_known_whatever_the_range_is() -> None:
    async with client_of() as client:
        for _, target in ((w, t) for w, t in TARGETS if ".state." in t or "opendt_api." in t):
            assert await known(client, target, SITE, 0, 86_400_000), target


@pytest.mark.parametrize(("rule", "value"), [("Twin stale", 1.0), ("Dead letters present", 1.0), ("Parameter bound binding", 1.0)])
async def test_rules_see_what_is_so(rule: str, value: float) -> None:
    (target,) = (r["data"][0]["model"]["target"] for r in rules() if r["title"] == rule)
    async with client_of() as client:
        assert await known(client, target, "", END - 300_000, END) == [value]


async def test_a_twin_that_goes_on_is_not_stale() -> None:
    async with client_of(now_ms=T0 + WINDOWS * 2_000) as client:
        assert await known(client, "opendt.*.state.stale", "", T0, END) == [0.0]


async def test_events_and_the_variable_have_data() -> None:
    asked = [query["tags"] for board in BOARDS.values() for panel in board["panels"] for query in panel["targets"] if "tags" in query]
    asked += [mark["target"]["tags"] for board in BOARDS.values() for mark in board["annotations"]["list"]]
    assert len(asked) >= 6
    async with client_of() as client:
        for tags in asked:
            params: dict[str, str | int] = {"from": T0 // 1_000, "until": "now", "tags": " ".join(tags).replace("$datacenter", SITE)}
            assert (await client.get("/graphite/events/get_data", params=params)).json(), tags
        for query in {variable["query"] for board in BOARDS.values() for variable in board["templating"]["list"]}:
            found = await client.post("/graphite/metrics/find", data={"query": query})
            assert [node["text"] for node in found.json()] == [SITE]


# -- the SURF week ---------------------------------------------------------------------------------------------------------


def surf_records() -> Iterator[Record]:
    """The run of `tests.unit.twinlog.surf_run`, with its cluster, running tasks, and a heartbeat before each result."""
    for topic, log in surf_logs().items():
        for offset, record in enumerate(log):
            value, recorded_ms = record.value, offset * 1_000
            if topic == topics.RESULTS and isinstance(record.message, ResultRecorded):
                result = record.message.result
                assert result.total is not None
                told = replace(result, clusters=(ClusterSeries("C01", result.total),), tasks=TaskCounts(running=1))
                value = canonical(result_value(told))
                yield Record(topics.WORKLOAD, 0, offset, b"", encode.heartbeat_message(result.window_end_ms), (), recorded_ms)
            yield Record(topic, 0, offset, DATACENTER.encode(), value, tuple(h.to_kafka(record.headers)), recorded_ms)


@pytest.mark.surf
@pytest.mark.skipif(not surf.FOLDER.exists(), reason="the SURF week is not beside the checkout")
async def test_every_target_has_data_on_the_surf_week() -> None:
    found: dict[str, list[Record]] = {topic: [] for topic in topics.ALL_TOPICS}
    for record in surf_records():
        found[record.topic].append(record)
    result = found[topics.RESULTS][-2].message()
    assert isinstance(result, ResultRecorded)
    until_ms = result.result.window_end_ms
    async with client_of(found, datacenter=DATACENTER, now_ms=until_ms) as client:
        for where, target in TARGETS:
            assert await known(client, target, DATACENTER, until_ms - 7 * 86_400_000, until_ms), where
        error = await known(client, "opendt.SURF.error_percent", DATACENTER, until_ms - 7 * 86_400_000, until_ms)
        assert sum(error) / len(error) < 1.5
        params: dict[str, str | int] = {"from": 0, "until": until_ms // 1_000, "tags": "ledger accepted SURF"}
        assert len((await client.get("/graphite/events/get_data", params=params)).json()) > 100
