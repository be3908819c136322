"""Bytes that nobody promised: whatever comes as path, query, header or body is answered, never with 5xx, errors as problem documents."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from string import printable
from urllib.parse import quote, urlencode

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.api.site import SITE
from tests.unit.api.test_routes import ANN, EVENTS, client_of

SITE_PATH = f"/api/v1/datacenters/{SITE}"
PATHS = ("/api/v1/datacenters", SITE_PATH, EVENTS, f"{EVENTS}/head", "/api/power", "/api/topology", "/health", "/metrics", "")
NAMES = ("from", "to", "metric", "resolution", "cluster", "branch", "limit", "cursor", "effective", "believed", "interval_seconds")
HEADERS = ("If-Match", "Idempotency-Key", "Accept", "Content-Type", "Origin", "Range", "Authorization", "Content-Encoding")
NASTY = ("", "0", "-1", "1e400", "NaN", "null", "../../etc/passwd", "%00", "'; DROP", "head~999999999", "2022-10-06T22:00:00Z", "1s")
KEYS = ("patch", "topology", "reason", "op", "path", "value", "from", "clusters")
DEEP = ("deep lists", "deep objects")  # named, since they are too long to be shown


def as_json(value: object) -> bytes:
    """With integers beyond 64 bits, which orjson does not write."""
    return json.dumps(value).encode()


words = st.text(max_size=40) | st.sampled_from(NASTY)
header_words = st.text(printable.strip(), max_size=60)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words | st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)
bodies = st.one_of(
    st.binary(max_size=200),
    values.map(as_json),
    st.fixed_dictionaries({"reason": words, "patch": values}).map(as_json),
    st.fixed_dictionaries({"reason": words, "topology": values, "branch": words}).map(as_json),
    st.sampled_from(DEEP),
)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    found, _ = client_of()
    async with found:
        yield found


@given(
    method=st.sampled_from(["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"]),
    base=st.sampled_from(PATHS),
    tail=st.none() | words,
    query=st.dictionaries(st.sampled_from(NAMES) | words, words, max_size=3),
    headers=st.dictionaries(st.sampled_from(HEADERS), header_words, max_size=3),
    body=bodies,
    known=st.booleans(),
)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_nothing_is_too_strange_for_an_answer(
    client: httpx.AsyncClient,
    method: str,
    base: str,
    tail: str | None,
    query: dict[str, str],
    headers: dict[str, str],
    body: bytes | str,
    known: bool,
) -> None:
    url = f"{base or '/'}{'' if tail is None else '/' + quote(tail)}?{urlencode(query)}"
    sent = {"Content-Type": "application/json"} | headers | (ANN if known else {})
    content = body if isinstance(body, bytes) else {DEEP[0]: b"[" * 100_000, DEEP[1]: b'{"a":' * 50_000}[body]
    found = await client.request(method, url, headers=sent, content=content)
    assert found.status_code < 500, found.text
    if found.status_code >= 400 and found.request.method != "HEAD":
        assert found.headers["content-type"] == "application/problem+json"
        document = found.json()
        assert document["status"] == found.status_code
        assert document["detail"] and document["title"]
        assert "Traceback" not in found.text and "site-packages" not in found.text
    assert found.headers["x-content-type-options"] == "nosniff"
