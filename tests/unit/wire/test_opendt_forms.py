"""What OpenDT's producers write is accepted as it is (opendt-compat section 1.1)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from opendt_streams.model import times
from opendt_streams.wire import topics
from opendt_streams.wire.decode import decode
from opendt_streams.wire.messages import Heartbeat, PowerBatch, Snapshot, TaskSubmitted
from tests.unit.twin import said

TASK = (
    b'{"message_type":"task","timestamp":"2022-10-06T22:00:00+00:00","task":{"id":2133112,"submission_time":"2022-10-06T22:00:00Z",'
    b'"duration":27935000,"cpu_count":16,"cpu_capacity":33600.0,"mem_capacity":100000,'
    b'"fragments":[{"task_id":2133112,"duration":30000,"cpu_count":16,"cpu_usage":33600.0}]}}'
)
T = times.parse("2022-10-06T22:00:00Z")


def task(**changed: Any) -> TaskSubmitted:
    document = json.loads(TASK)
    document["task"] |= changed
    message = decode(topics.WORKLOAD, json.dumps(document).encode(), {})
    assert isinstance(message, TaskSubmitted), message
    return message


def test_a_task_as_the_documentation_shows_it() -> None:
    message = decode(topics.WORKLOAD, TASK, {})
    assert isinstance(message, TaskSubmitted)
    found = message.task
    assert (found.id, found.submission_ms, found.duration_ms) == (2133112, T, 27_935_000)
    assert (found.cpu_count, found.cpu_capacity_mhz, found.memory_mib) == (16, 33_600.0, 100)
    assert found.fragments.duration_ms.tolist() == [30_000]
    assert found.fragments.cpu_usage_mhz.tolist() == [33_600.0]


@pytest.mark.parametrize("identity", [123, "123", "task-123"])
def test_the_three_ways_of_writing_an_id(identity: object) -> None:
    assert task(id=identity).task == task(id=123).task


@pytest.mark.parametrize("time", ["2022-10-06T22:00:00", "2022-10-06T22:00:00Z", "2022-10-07T00:00:00+02:00", T, float(T)])
def test_the_ways_of_writing_a_time(time: object) -> None:
    assert task(submission_time=time).task.submission_ms == T


def test_fragments_may_name_their_task_either_way_be_whole_numbers_and_be_absent() -> None:
    fragment = {"duration": 5, "cpu_count": 1, "cpu_usage": 7}
    assert task(fragments=[fragment | {"id": 1}]).task == task(fragments=[fragment | {"task_id": "task-1"}]).task
    document = json.loads(TASK)
    del document["task"]["fragments"]
    message = decode(topics.WORKLOAD, json.dumps(document).encode(), {})
    assert isinstance(message, TaskSubmitted)
    assert len(message.task.fragments) == 0


def test_the_same_task_in_our_columns_is_the_same_task() -> None:
    columns = {"duration_ms": [30_000], "cpu_usage_mhz": [33_600]}
    ours, theirs = task(fragments=columns).task, task().task
    assert ours == theirs
    assert ours.digest() == theirs.digest()


@pytest.mark.parametrize("more", [{}, {"task": None}])
def test_a_heartbeat_without_a_task_or_with_null(more: dict[str, Any]) -> None:
    value = said.encode(message_type="heartbeat", timestamp="2022-10-06T22:00:00+00:00", **more)
    assert decode(topics.WORKLOAD, value, {}) == Heartbeat(T, None)


@pytest.mark.parametrize("time", ["2022-10-06T22:00:30Z", "2022-10-06T22:00:30"])
def test_a_power_sample_without_a_message_type(time: str) -> None:
    message = decode(topics.POWER, said.encode(power_draw=22008.0, energy_usage=660240.0, timestamp=time), {})
    assert isinstance(message, PowerBatch)
    (sample,) = message.samples
    assert (sample.time_ms, sample.power_w, sample.meter.cluster) == (T + 30_000, 22008.0, None)


def test_a_topology_with_the_naive_time_of_a_wall_clock_and_unknown_keys() -> None:
    document = said.topology(277, carbon_path="/app/workload/SURF/carbon.parquet") | {"comment": "extra"}
    document["clusters"][0]["hosts"][0]["rack"] = 7
    message = decode(topics.PHYSICAL, said.encode(timestamp="2026-01-17T10:00:00.123456", topology=document), {})
    assert isinstance(message, Snapshot)
    assert message.topology.host_count == 277
    assert message.carbon == {}


def test_a_topology_published_again_has_another_digest_but_the_same_content() -> None:
    first, again = (
        decode(topics.PHYSICAL, said.encode(timestamp=t, topology=said.topology(1)), {})
        for t in ("2026-01-17T10:00:00", "2026-01-17T10:00:30")
    )
    assert isinstance(first, Snapshot)
    assert isinstance(again, Snapshot)
    assert first.digest != again.digest
    assert first.content == again.content


def test_opendt_fills_a_power_model_otherwise_than_opendc() -> None:
    document = said.topology(1)
    document["clusters"][0]["hosts"][0]["cpuPowerModel"] = {"power": 300.0, "idlePower": 25.0, "maxPower": 174.0}
    message = decode(topics.PHYSICAL, said.encode(timestamp="2026-01-17T10:00:00", topology=document), {})
    assert isinstance(message, Snapshot)
    model = message.topology.clusters[0].host_groups[0].power_model
    assert (model.model_type, model.asym_util, model.dvfs) == ("asymptotic", 0.5, False)
