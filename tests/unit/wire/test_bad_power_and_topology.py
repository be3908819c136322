"""Broken power messages and snapshots say what is wrong and where (issue 3, 'Bad input')."""

from __future__ import annotations

from typing import Any, Final

import pytest

from opendt_streams.wire import topics
from tests.unit.twin import said
from tests.unit.twin.said import T0
from tests.unit.wire.reasons import reason

TIME: Final = "2022-10-06T22:00:00Z"


def samples(times: Any, watts: Any) -> bytes:
    return said.encode(message_type="power", samples={"timestamp_ms": times, "power_w": watts})


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (samples([], []), "samples.timestamp_ms"),
        (samples([T0], []), "columns of unequal length: 1 timestamp_ms, 0 power_w"),
        (samples([T0], [-1.0]), "samples.power_w[0]"),
        (samples(["2022-10-06T22:00:00"], [1.0]), "has no time zone"),
        (samples(T0, [1.0]), "samples.timestamp_ms"),
        (said.encode(power_draw=-1.0, timestamp=TIME), "power_draw"),
        (said.encode(power_draw="9", timestamp=TIME), "power_draw"),
        (said.encode(power_draw=1.0), "timestamp"),
        (said.encode(message_type="power", power_draw=1.0, timestamp="2022-10-06T22:00:00"), "has no time zone"),
        (said.encode(message_type="silence", instant="x"), "instant"),
        (said.task(1, T0), "unknown message type 'task'"),
    ],
)
def test_a_broken_power_message_says_where(value: bytes, says: str) -> None:
    assert says in reason(topics.POWER, value)


def with_cpu(**changed: Any) -> dict[str, Any]:
    document = said.topology(1)
    document["clusters"][0]["hosts"][0] |= changed
    return document


def model(**changed: Any) -> dict[str, Any]:
    return {"modelType": "linear", "idlePower": 10, "maxPower": 20} | changed


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"clusters": []}, "clusters: no list with at least one entry"),
        ({}, "clusters: no list with at least one entry"),
        ({"clusters": [{"name": "C", "hosts": []}]}, "clusters[0].hosts: no list with at least one entry"),
        (said.topology(0), "clusters[0].hosts[0].count"),
        (with_cpu(count=1.5), "clusters[0].hosts[0].count"),
        (with_cpu(count=1e300), "clusters[0].hosts[0].count"),
        (with_cpu(memory={"memorySize": 1e300}), "clusters[0].hosts[0].memory.memorySize"),
        (with_cpu(cpu={"coreCount": 4, "coreSpeed": "fast"}), "clusters[0].hosts[0].cpu.coreSpeed"),
        (with_cpu(cpuPowerModel=model(idlePower=30)), "maxPower 20 W is below idlePower 30 W"),
        (with_cpu(cpuPowerModel=model(modelType="magic")), "unknown power model 'magic'"),
        (with_cpu(cpuPowerModel=model(maxPower="1e305 MW")), "clusters[0].hosts[0].cpuPowerModel.maxPower"),
    ],
)
def test_a_broken_topology_says_where(document: dict[str, Any], says: str) -> None:
    assert says in reason(topics.PHYSICAL, said.snapshot(T0, document))


def test_a_broken_carbon_trace_says_where() -> None:
    columns = {"timestamp_ms": [0, 1], "intensity_g_per_kwh": [1.0]}
    assert "carbon.c: columns of unequal length" in reason(topics.PHYSICAL, said.snapshot(T0, said.topology(1), {"c": columns}))
