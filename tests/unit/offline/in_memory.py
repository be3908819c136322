"""Both machines of the twin end to end in memory: dc-mock's messages as bytes, everything that they write read back as bytes."""

from __future__ import annotations

from collections.abc import Iterator

from opendt_streams.calibration import CalibrationSettings, method
from opendt_streams.engine.native import NATIVE
from opendt_streams.model.canonical import sha256_hex
from opendt_streams.twin.calibrator import Calibrator
from opendt_streams.twin.machine import Machine
from opendt_streams.twin.simulator import Simulator
from opendt_streams.windows.grid import Grid
from opendt_streams.wire import encode, topics
from opendt_streams.workload.reader import Workload
from opendt_streams.workload.replay import EndItem, HeartbeatItem, PowerItem, SnapshotItem, TaskItem, replay
from tests.unit.twin.logs import Logs, Record, empty_logs, record_of


def twin_logs(workload: Workload, grid: Grid, calibration: str = "recursive") -> Logs:
    """All topics as a run leaves them."""
    logs = empty_logs()
    settings = CalibrationSettings(grid.publish_every_ms, grid.sample_interval_ms)
    simulator = Simulator(workload.name, grid, NATIVE)
    calibrator = Calibrator(workload.name, grid, method(calibration, settings))
    machines: tuple[Machine, ...] = (simulator, calibrator)
    for record in said(workload):
        logs[record.topic].append(record)
    while any(_step(machine, logs) for machine in machines):
        pass
    assert all(machine.done for machine in machines)
    return logs


def _step(machine: Machine, logs: Logs) -> bool:
    """Read everything that is there; whether that was anything."""
    behind = [t for t in machine.reads if machine.next[t] < len(logs[t])]
    for topic in behind:
        while (offset := machine.next[topic]) < len(logs[topic]):
            for output in machine.step(topic, offset, logs[topic][offset].message):
                record = record_of(output, machine.name)
                if record is not None:
                    logs[record.topic].append(record)
    return bool(behind)


def said(workload: Workload) -> Iterator[Record]:
    """What dc-mock sends."""
    power = workload.power
    assert power is not None
    items = list(replay(workload))
    snapshot = encode.snapshot_message(items[0].time_ms, workload.topology, workload.carbon)
    for item in items:
        match item:
            case SnapshotItem():
                yield Record(item.topic, snapshot)
            case TaskItem(index=index):
                yield Record(item.topic, encode.task_message(workload.tasks.task(index)))
            case PowerItem(start=start, stop=stop):
                meters = [power.meters[i] for i in power.meter[start:stop].tolist()]
                yield Record(item.topic, encode.power_message(power.time_ms[start:stop], power.power_w[start:stop], meters))
            case HeartbeatItem(topic=topic, time_ms=time_ms):
                yield Record(topic, encode.heartbeat_message(time_ms, sha256_hex(snapshot) if topic == topics.WORKLOAD else None))
            case EndItem(topic=topic):
                yield Record(topic, encode.end_message())
