"""`opendt service api` over a real Kafka: it catches up, follows, and writes what many clients want at once."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import httpx
import pytest
import trustme

from opendt_streams.broker.ports import free_port
from opendt_streams.wire import topics
from tests.integration.streams.harness import DATACENTER, Twin, window_ends
from tests.integration.streams.producer import producer
from tests.integration.streams.undisturbed import Undisturbed

API = "api"
SITE = f"/api/v1/datacenters/{DATACENTER}"
WRITERS = 100


@pytest.fixture
async def client(undisturbed: Undisturbed, tmp_path: Path, broker_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """The API alone, over topics that hold what a run once said."""
    async with Twin(tmp_path / "served", broker_url, undisturbed.settings) as twin, producer(twin) as kafka:
        for topic in (topics.LEDGER, topics.RESULTS, topics.CALIBRATION, topics.POWER, topics.WORKLOAD):
            for record in undisturbed.logs[topic]:
                await kafka.send(topic, record.value, record.key, dict(record.headers))
        await kafka.arrived()
        port = free_port(Random())
        await twin.start(API, port=str(port))
        listening = httpx.AsyncHTTPTransport(retries=8)  # until it listens
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60, transport=listening) as found:
            await _ready(found, twin)
            found.headers["Authorization"] = f"Bearer {(twin.folder / 'token').read_text().strip()}"
            yield found


async def _ready(client: httpx.AsyncClient, twin: Twin) -> None:
    async with asyncio.timeout(60):
        while (await client.get("/health/ready")).status_code != 200:
            assert twin.alive(API)


async def test_it_has_what_the_topics_hold(client: httpx.AsyncClient, undisturbed: Undisturbed) -> None:
    state = (await client.get(f"{SITE}/state")).json()
    assert state["windows"] == len(window_ends(undisturbed.logs))
    assert state["complete"]
    assert (await client.get(f"{SITE}/accuracy")).json()["skill"] > 0


async def test_a_hundred_writers_at_once_and_no_lost_update(client: httpx.AsyncClient) -> None:
    """All build on one head: one of them is accepted, everybody else is told who; and each answer is what the ledger says."""
    head = (await client.get(f"{SITE}/topology")).headers["etag"]
    before = (await client.get(f"{SITE}/state")).json()["topology_events"]
    async with client.stream("GET", "/api/v1/events") as updates:
        answers = await asyncio.gather(*(_write(client, head, count) for count in range(1, WRITERS + 1)))
        async with asyncio.timeout(30):
            async for line in updates.aiter_lines():
                if line == "event: topology":
                    break
    accepted = [answer.json() for answer in answers if answer.status_code == 201]
    refused = [answer.json() for answer in answers if answer.status_code == 412]
    assert (len(accepted), len(refused)) == (1, WRITERS - 1)
    assert {answer["since"][0]["event"] for answer in refused} == {accepted[0]["event"]}
    ledger = (await client.get(f"{SITE}/topology/events", params={"limit": 200})).json()
    assert ledger["head"] == accepted[0]["event"]
    assert ledger["events"][0]["actor"] == "operator"
    assert len(ledger["events"]) == before + 1


async def test_counters_that_race_lose_no_increment(client: httpx.AsyncClient) -> None:
    """Everybody adds one to what they saw, and looks again when others were faster."""
    adders = 12
    first = (await client.get(f"{SITE}/topology")).json()["topology"]["clusters"][0]["hosts"][0]["count"]
    await asyncio.gather(*(_add_one(client) for _ in range(adders)))
    found = (await client.get(f"{SITE}/topology")).json()["topology"]["clusters"][0]["hosts"][0]["count"]
    assert found == first + adders


async def _add_one(client: httpx.AsyncClient) -> None:
    while True:
        seen = await client.get(f"{SITE}/topology")
        count = seen.json()["topology"]["clusters"][0]["hosts"][0]["count"] + 1
        body = {"patch": [{"op": "replace", "path": "/clusters/0/hosts/0/count", "value": count}], "reason": "one more"}
        answer = await client.post(f"{SITE}/topology/events", json=body, headers={"If-Match": seen.headers["ETag"]})
        assert answer.status_code in (201, 412), answer.text
        if answer.status_code == 201:
            return


async def _write(client: httpx.AsyncClient, head: str, count: int) -> httpx.Response:
    body = {"patch": [{"op": "replace", "path": "/clusters/0/hosts/0/count", "value": 1_000 + count}], "reason": f"writer {count}"}
    return await client.post(f"{SITE}/topology/events", json=body, headers={"If-Match": head})


async def test_it_speaks_tls_and_then_only_with_a_token_where_others_can_reach_it(
    undisturbed: Undisturbed, tmp_path: Path, broker_url: str
) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    files = {"api.tls_certificate": tmp_path / "cert.pem", "api.tls_key": tmp_path / "key.pem"}
    issued.cert_chain_pems[0].write_to_path(files["api.tls_certificate"])
    issued.private_key_pem.write_to_path(files["api.tls_key"])
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    settings = undisturbed.settings | {name: str(path) for name, path in files.items()} | {"api.host": "0.0.0.0"}
    async with Twin(tmp_path / "tls", broker_url, settings) as twin:
        port = free_port(Random())
        await twin.start(API, port=str(port))
        listening = httpx.AsyncHTTPTransport(retries=8, verify=trusting)
        async with httpx.AsyncClient(base_url=f"https://127.0.0.1:{port}", timeout=60, transport=listening) as client:
            await _ready(client, twin)
            assert (await client.get("/api/v1/datacenters")).status_code == 401
            token = (twin.folder / "token").read_text().strip()
            assert (twin.folder / "token").stat().st_mode & 0o777 == 0o600
            found = await client.get("/api/v1/datacenters", headers={"Authorization": f"Bearer {token}"})
            assert found.status_code == 200
