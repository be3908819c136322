"""OpenDT's dc-mock as it speaks (opendt-compat 1.1, 1.2), through a plain Kafka client: no `end`, no snapshot named, no power heartbeat."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from opendt_streams.model import times
from opendt_streams.model.result import WindowResult
from opendt_streams.model.task import Task
from opendt_streams.wire import topics
from opendt_streams.wire.messages import PowerBatch, ResultRecorded, TaskSubmitted
from opendt_streams.workload.site import TOPOLOGY
from tests.integration.streams.harness import CALIBRATOR, SIMULATOR, Logs, Twin
from tests.integration.streams.producer import producer
from tests.integration.streams.undisturbed import Undisturbed, half_day


async def test_opendts_messages_give_what_ours_give(undisturbed: Undisturbed, tmp_path: Path, broker_url: str) -> None:
    tasks = [m.task for r in undisturbed.logs[topics.WORKLOAD] if isinstance(m := r.message(), TaskSubmitted)]
    document = json.loads((undisturbed.workload / TOPOLOGY).read_text())
    beats = _heartbeats(tasks)
    until_ms = times.floor(beats[-1], 5 * times.MINUTE)
    async with Twin(tmp_path, broker_url, half_day(undisturbed.workload)) as twin, producer(twin) as kafka:
        await twin.start(SIMULATOR, CALIBRATOR)
        await kafka.send(topics.PHYSICAL, _topology(document, "2026-01-17T10:00:00"), b"datacenter")
        for key, value in _workload(tasks, beats):
            await kafka.send(topics.WORKLOAD, value, key)
        for value in _power(undisturbed.logs):
            await kafka.send(topics.POWER, value)
        for republished in ("2026-01-17T10:00:30.000123", "2026-01-17T10:01:00"):
            await kafka.send(topics.PHYSICAL, _topology(document, republished), b"datacenter")
        await kafka.arrived()
        await twin.until(topics.RESULTS, lambda r: isinstance(m := r.message(), ResultRecorded) and m.result.window_end_ms == until_ms)
        logs = await twin.logs()

    ours, theirs = _results(undisturbed.logs, until_ms), _results(logs, until_ms)
    assert len(ours) > 100
    assert [_without_carbon(r) for r in theirs] == [_without_carbon(r) for r in ours]
    assert {r.total.carbon_g for r in theirs if r.total} == {None}
    assert logs[topics.DEAD_LETTER] == []


def _results(logs: Logs, until_ms: int) -> list[WindowResult]:
    found = (m.result for r in logs[topics.RESULTS] if isinstance(m := r.message(), ResultRecorded))
    return [result for result in found if result.window_end_ms <= until_ms]


def _without_carbon(result: WindowResult) -> tuple[object, ...]:
    assert result.total is not None
    clusters = [(c.name, c.series.power_w, c.series.energy_j) for c in result.clusters]
    return result.window_start_ms, result.row_ms, result.total.power_w, result.total.energy_j, clusters, result.tasks, result.basis


def _heartbeats(tasks: list[Task]) -> range:
    """Every minute from the first task's on, none after the last task."""
    return range(times.floor(tasks[0].submission_ms, times.MINUTE), tasks[-1].submission_ms + 1, times.MINUTE)


def _workload(tasks: list[Task], beats: range) -> Iterator[tuple[bytes, bytes]]:
    """Key and value of tasks by submission, each after all heartbeats until then."""
    waiting = iter(beats)
    beat = next(waiting, None)
    for number, task in enumerate(tasks):
        while beat is not None and beat <= task.submission_ms:
            body = {"message_type": "heartbeat", "timestamp": _iso(beat)} | ({"task": None} if number % 2 else {})
            yield b"heartbeat", _json(body)
            beat = next(waiting, None)
        yield str(task.id).encode(), _json(_task(task, number))


def _task(task: Task, number: int) -> dict[str, Any]:
    """In each of the spellings that OpenDT takes for ids and times in turn."""
    identity = (task.id, str(task.id), f"task-{task.id}")[number % 3]
    time = times.iso(task.submission_ms)
    fragments = [
        {("task_id", "id")[number % 2]: task.id, "duration": duration, "cpu_count": task.cpu_count, "cpu_usage": usage}
        for duration, usage in zip(task.fragments.duration_ms.tolist(), task.fragments.cpu_usage_mhz.tolist(), strict=True)
    ]
    body = {
        "id": identity,
        "submission_time": (time, time.removesuffix("Z"), task.submission_ms)[number // 3 % 3],
        "duration": task.duration_ms,
        "cpu_count": task.cpu_count,
        "cpu_capacity": task.cpu_capacity_mhz,
        "mem_capacity": task.mem_capacity,
        "fragments": fragments,
    }
    return {"message_type": "task", "timestamp": _iso(task.submission_ms), "task": body}


def _power(logs: Logs) -> Iterator[bytes]:
    batches = (m for r in logs[topics.POWER] if isinstance(m := r.message(), PowerBatch))
    for sample in (s for batch in batches for s in batch.samples):
        yield _json({"power_draw": sample.power_w, "energy_usage": 30 * sample.power_w, "timestamp": times.iso(sample.time_ms)})


def _topology(document: dict[str, Any], wall_clock: str) -> bytes:
    return _json({"timestamp": wall_clock, "topology": document})


def _iso(time_ms: int) -> str:
    return times.iso(time_ms).replace("Z", "+00:00")


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode()
