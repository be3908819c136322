"""The AsyncAPI document: complete, with no dangling reference, and true about what services read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from opendt_streams.twin.calibrator import Calibrator
from opendt_streams.twin.simulator import Simulator
from opendt_streams.wire import headers, topics
from opendt_streams.wire.asyncapi import asyncapi_document
from opendt_streams.wire.schemas import VERSION, documents

DOCUMENT = asyncapi_document(VERSION)


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from ([node["$ref"]] if "$ref" in node else [])
        for inner in node.values():
            yield from references(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from references(inner)


def test_every_topic_is_a_channel() -> None:
    assert tuple(DOCUMENT["channels"]) == topics.ALL_TOPICS


def test_no_reference_dangles() -> None:
    files = documents()
    for reference in references(DOCUMENT):
        if reference.startswith("./"):
            assert reference.removeprefix("./") in files
            continue
        target: Any = DOCUMENT
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]


def test_every_schema_is_the_payload_of_a_message() -> None:
    payloads = {m["payload"]["schema"]["$ref"].removeprefix("./") for m in DOCUMENT["components"]["messages"].values()}
    assert payloads == documents().keys() - {"asyncapi.yaml"}


def test_the_machines_read_what_it_says() -> None:
    for machine in (Simulator, Calibrator):
        said = {n.split(".receive.")[1] for n in DOCUMENT["operations"] if n.startswith(f"{machine.__name__.lower()}.receive.")}
        assert said == {*machine.reads, topics.CONFIG}


def test_headers_are_those_that_are_written() -> None:
    written = headers.cloud_event(event_id="", event_type="", source="", time="").keys()
    decision = DOCUMENT["components"]["messages"]["calibration-decision"]["headers"]
    ours = {headers.CONFIG, headers.INPUTS, headers.LEDGER, headers.PIN, headers.RESUME}
    assert decision["properties"].keys() == written | ours
    assert set(decision["required"]) == (written | ours) - {"content-type"}
    assert "required" not in DOCUMENT["components"]["messages"]["task"]["headers"]


def test_it_is_plain_yaml() -> None:
    assert yaml.safe_load(documents()["asyncapi.yaml"]) == DOCUMENT
