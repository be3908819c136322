"""The laws of the stream that dc-mock sends (PROTOCOL 4.2, 4.6; opendt-compat 1.2), for any workload."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from opendt_streams.errors import BadInput
from opendt_streams.model.times import MINUTE
from opendt_streams.model.topology import Topology
from opendt_streams.workload.power import PowerSeries
from opendt_streams.workload.reader import Workload
from opendt_streams.workload.replay import (
    POWER_TOPIC,
    TOPOLOGY_TOPIC,
    WORKLOAD_TOPIC,
    EndItem,
    HeartbeatItem,
    Item,
    PowerItem,
    ReplaySettings,
    SnapshotItem,
    TaskItem,
    replay,
)
from opendt_streams.workload.tasks import TaskTable

T0 = 1_700_000_040_000  # on the minute


def workload(submissions: list[int], samples: list[int] | None = None) -> Workload:
    n = len(submissions)
    zeros, none = np.zeros(n, dtype=np.int64), np.empty(0, dtype=np.int64)
    tasks = TaskTable(
        id=np.arange(n),
        submission_ms=np.array(submissions, dtype=np.int64),
        duration_ms=zeros,
        cpu_count=zeros,
        cpu_capacity_mhz=zeros.astype(float),
        mem_capacity=zeros,
        fragment_offsets=np.zeros(n + 1, dtype=np.int64),
        fragment_duration_ms=none,
        fragment_usage_mhz=none.astype(float),
    )
    meter = np.zeros(len(samples or ()), dtype=np.int64)
    power = PowerSeries(np.array(samples, dtype=np.int64), np.ones(len(samples)), meter) if samples else None
    return Workload("site", "", Topology(()), MappingProxyType({}), tasks, power)


times = st.integers(0, 40 * MINUTE // 500).map(lambda t: T0 + t * 500)
on_the_grid = st.integers(0, 40).map(lambda t: T0 + t * MINUTE)
moments = st.lists(st.one_of(times, on_the_grid), max_size=25).map(sorted)
workloads = st.builds(workload, st.lists(st.one_of(times, on_the_grid), min_size=1, max_size=25).map(sorted), moments)
settings_ = st.builds(
    ReplaySettings,
    heartbeat_every_ms=st.sampled_from([MINUTE, 30_000, 7 * MINUTE, 13_000]),
    power_batch_ms=st.sampled_from([5 * MINUTE, MINUTE, 1, 90_000]),
    until_ms=st.one_of(st.none(), st.integers(T0 + 40 * MINUTE, T0 + 60 * MINUTE), times.map(lambda t: t + 40 * MINUTE)),
)


# Others share the machine: the time of one example says nothing.
without_deadline = effort(deadline=None)


def sample_times(w: Workload) -> list[int]:
    return [] if w.power is None else w.power.time_ms.tolist()


def first_moment(w: Workload) -> int:
    return min([int(w.tasks.submission_ms[0]), *sample_times(w)[:1]])


@without_deadline
@given(workloads, settings_)
def test_time_never_goes_back_and_the_ends_come_last(w: Workload, settings: ReplaySettings) -> None:
    items = list(replay(w, settings))
    assert all(a.time_ms <= b.time_ms for a, b in pairwise(items))
    assert isinstance(items[0], SnapshotItem)
    assert [i.topic for i in items[-2:]] == [WORKLOAD_TOPIC, POWER_TOPIC]
    assert all(isinstance(i, EndItem) for i in items[-2:])
    assert Counter(type(i) for i in items)[EndItem] == 2
    assert Counter(i.topic for i in items)[TOPOLOGY_TOPIC] == 1


@without_deadline
@given(workloads, settings_)
def test_every_task_and_sample_comes_once_in_order(w: Workload, settings: ReplaySettings) -> None:
    items = list(replay(w, settings))
    until = settings.until_ms
    tasks = [i for i in items if isinstance(i, TaskItem)]
    assert [i.index for i in tasks] == [k for k, t in enumerate(w.tasks.submission_ms.tolist()) if until is None or t <= until]
    assert all(i.time_ms == w.tasks.submission_ms[i.index] for i in tasks)
    sent = [sample_times(w)[k] for i in items if isinstance(i, PowerItem) for k in range(i.start, i.stop)]
    assert sent == [t for t in sample_times(w) if until is None or t <= until]


@without_deadline
@given(workloads, settings_)
def test_workload_heartbeats_are_on_the_grid_and_precede_their_instant(w: Workload, settings: ReplaySettings) -> None:
    items = [i for i in replay(w, settings) if i.topic == WORKLOAD_TOPIC]
    beats = [i.time_ms for i in items if isinstance(i, HeartbeatItem)]
    first = first_moment(w) // MINUTE * MINUTE
    every = settings.heartbeat_every_ms
    assert beats == list(range(first, beats[-1] + 1, every))
    last = max([w.tasks.submission_ms[-1].item(), *sample_times(w)[-1:]])
    if settings.until_ms is None or settings.until_ms >= last + every:
        assert last <= beats[-1] < last + every
    else:
        assert beats[-1] <= settings.until_ms
    for position, item in enumerate(items):
        if isinstance(item, TaskItem):
            behind = [i.time_ms for i in items[position:] if isinstance(i, HeartbeatItem)]
            assert all(t > item.time_ms for t in behind)


@without_deadline
@given(workloads, settings_)
def test_power_heartbeats_follow_the_samples_of_their_time(w: Workload, settings: ReplaySettings) -> None:
    items = [i for i in replay(w, settings) if i.topic == POWER_TOPIC]
    beaten = -1
    for item in items:
        if isinstance(item, HeartbeatItem):
            beaten = item.time_ms
        if isinstance(item, PowerItem):
            assert sample_times(w)[item.start] > beaten
    # The last instant is said on both topics, whatever the meter did.
    beats = [i.time_ms for i in replay(w, settings) if i.topic == WORKLOAD_TOPIC and isinstance(i, HeartbeatItem)]
    watermark = max(i.time_ms for i in items if not isinstance(i, EndItem))
    assert watermark >= beats[-1]


@without_deadline
@given(workloads, settings_)
def test_a_batch_lies_within_one_interval_and_is_sent_with_its_last_sample(w: Workload, settings: ReplaySettings) -> None:
    length = settings.power_batch_ms
    for item in replay(w, settings):
        if isinstance(item, PowerItem):
            batch = sample_times(w)[item.start : item.stop]
            assert item.time_ms == batch[-1]
            assert len({-(-t // length) for t in batch}) == 1


@without_deadline
@given(workloads, settings_, st.data())
def test_what_was_sent_is_skipped_and_the_rest_is_the_same(w: Workload, settings: ReplaySettings, data: st.DataObject) -> None:
    items = list(replay(w, settings))
    counts = Counter(i.topic for i in items)
    sent = {topic: data.draw(st.integers(0, counts[topic])) for topic in counts}
    rest = list(replay(w, settings, skip=sent))
    for topic in counts:
        whole = [i for i in items if i.topic == topic]
        assert [i for i in rest if i.topic == topic] == whole[sent[topic] :]
    assert len(rest) == len(items) - sum(sent.values())
    assert all(a.time_ms <= b.time_ms for a, b in pairwise(rest))


@without_deadline
@given(workloads, settings_)
def test_until_is_a_cut_of_the_same_stream(w: Workload, settings: ReplaySettings) -> None:
    def heads(stream: Any, until: int | None) -> list[Item]:
        kinds = (HeartbeatItem, TaskItem, SnapshotItem)
        return [i for i in stream if isinstance(i, kinds) and i.topic != POWER_TOPIC and (until is None or i.time_ms <= until)]

    whole = ReplaySettings(settings.heartbeat_every_ms, settings.power_batch_ms)
    assert heads(replay(w, settings), None) == heads(replay(w, whole), settings.until_ms)
    assert all(i.time_ms <= settings.until_ms for i in replay(w, settings) if settings.until_ms is not None)


def test_one_hour_by_hand() -> None:
    w = workload([T0 + 10_000, T0 + MINUTE, T0 + 90_000], [T0 + 30_000, T0 + 60_000, T0 + 90_000])
    said = [(type(i).__name__, i.topic, i.time_ms - T0) for i in replay(w, ReplaySettings(power_batch_ms=MINUTE))]
    assert said == [
        ("SnapshotItem", "dc.topology", 0),
        ("HeartbeatItem", "dc.workload", 0),
        ("HeartbeatItem", "dc.power", 0),
        ("TaskItem", "dc.workload", 10_000),
        ("HeartbeatItem", "dc.workload", 60_000),
        ("TaskItem", "dc.workload", 60_000),
        ("PowerItem", "dc.power", 60_000),
        ("HeartbeatItem", "dc.power", 60_000),
        ("TaskItem", "dc.workload", 90_000),
        ("PowerItem", "dc.power", 90_000),
        ("HeartbeatItem", "dc.workload", 120_000),
        ("HeartbeatItem", "dc.power", 120_000),
        ("EndItem", "dc.workload", 120_000),
        ("EndItem", "dc.power", 120_000),
    ]


def test_power_heartbeats_come_without_a_meter() -> None:
    beats = [i for i in replay(workload([T0, T0 + 5 * MINUTE])) if i.topic == POWER_TOPIC and isinstance(i, HeartbeatItem)]
    assert [i.time_ms for i in beats] == [T0 + k * MINUTE for k in range(6)]


@pytest.mark.parametrize(("samples", "last_ms"), [(None, 47 * MINUTE), ([T0 + MINUTE], 5 * MINUTE)])
def test_without_a_meter_time_goes_on_until_the_last_recorded_demand_ends(samples: list[int] | None, last_ms: int) -> None:
    """The first task runs for 47 minutes, the second, which comes later, for one and none."""
    w = workload([T0, T0 + 5 * MINUTE], samples)
    durations = np.array([40 * MINUTE, 7 * MINUTE - 1, MINUTE, 0])
    fragments = {"fragment_offsets": np.array([0, 2, 4]), "fragment_duration_ms": durations, "fragment_usage_mhz": np.ones(4)}
    w = replace(w, tasks=replace(w.tasks, **fragments))
    assert [i.time_ms for i in replay(w) if isinstance(i, EndItem)] == [T0 + last_ms] * 2
    (until,) = {i.time_ms for i in replay(w, ReplaySettings(until_ms=T0 + 3 * MINUTE)) if isinstance(i, EndItem)}
    assert until == T0 + 3 * MINUTE


def test_an_earlier_power_sample_begins_time() -> None:
    items = list(replay(workload([T0 + 5 * MINUTE], [T0 - 1])))
    assert items[1] == HeartbeatItem(WORKLOAD_TOPIC, T0 - MINUTE)


@pytest.mark.parametrize(
    "settings", [ReplaySettings(heartbeat_every_ms=0), ReplaySettings(power_batch_ms=-1), ReplaySettings(until_ms=T0 - 1)]
)
def test_settings_that_make_no_stream_are_refused(settings: ReplaySettings) -> None:
    with pytest.raises(BadInput):
        replay(workload([T0]), settings)
