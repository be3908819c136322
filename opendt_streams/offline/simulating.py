"""A recording of a workload directory: the twin's own simulator over what dc-mock would send, without Kafka."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from opendt_streams.engine.native import NATIVE
from opendt_streams.errors import BadInput
from opendt_streams.model.canonical import canonical
from opendt_streams.model.power import PowerSample
from opendt_streams.model.result import WindowResult
from opendt_streams.offline.recording import Hardware, PowerMessage, Recording
from opendt_streams.twin.outputs import Output, Publish
from opendt_streams.twin.simulator import Simulator
from opendt_streams.windows.grid import Grid
from opendt_streams.wire import encode, topics
from opendt_streams.wire.decode import decode
from opendt_streams.wire.messages import End, Heartbeat, Message, PowerBatch, Snapshot, TaskSubmitted
from opendt_streams.workload.reader import Workload
from opendt_streams.workload.replay import EndItem, HeartbeatItem, Item, PowerItem, ReplaySettings, SnapshotItem, TaskItem, replay

_GRID: Final = Grid()
_PLAN: Final = ReplaySettings()
_NO_DECISIONS: Final = 10**9  # windows between decisions: no workload is that long


class _Simulator(Simulator):
    """Keeps its results instead of writing them. Nobody decides anything: all windows use the first baseline."""

    def __init__(self, datacenter: str, grid: Grid, policy: str, semantics: str) -> None:
        super().__init__(datacenter, grid, NATIVE, policy, semantics)
        self.results: list[WindowResult] = []

    def _emit(self, result: WindowResult) -> None:
        self.results.append(result)


def record_workload(
    workload: Workload,
    grid: Grid = _GRID,
    *,
    policy: str = "Mem",
    semantics: str = "2.4f",
    plan: ReplaySettings = _PLAN,
    progress: Callable[[float], None] = lambda _: None,
) -> Recording:
    """Simulate the workload once. `progress` is told the share that is done.

    Raises:
        BadInput: the workload has no power samples to calibrate on.
    """
    if workload.power is None:
        raise BadInput("nothing was measured", expected="consumption.parquet with samples", where=workload.name)
    never = Grid(grid.window_ms, grid.sample_interval_ms, grid.window_ms * _NO_DECISIONS, grid.max_jump_ms, grid.dedup_horizon_ms)
    simulator = _Simulator(workload.name, never, policy, semantics)
    offsets = dict.fromkeys(topics.ALL_TOPICS, 0)
    power: list[PowerMessage] = []
    items = list(replay(workload, plan))
    for index, (topic, message) in enumerate(_messages(workload, items)):
        if topic == topics.POWER:
            assert isinstance(message, PowerMessage)
            power.append(message)
        else:
            _feed(simulator, offsets, topic, message)
        if index % 1000 == 0:
            progress(index / len(items))
    root = simulator.root
    if root is None or not simulator.results:
        raise BadInput("the workload has not one window", expected="tasks, or at least an hour of power samples", where=workload.name)
    return Recording(workload.name, grid, tuple(simulator.results), (Hardware(0, root.topology),), tuple(power))


def _feed(simulator: Simulator, offsets: dict[str, int], topic: str, message: Message) -> None:
    """One message, and what the simulator itself writes to the ledger: its baseline."""
    waiting: list[tuple[str, Message]] = [(topic, message)]
    while waiting:
        topic, message = waiting.pop(0)
        offset, offsets[topic] = offsets[topic], offsets[topic] + 1
        waiting += [(topics.LEDGER, event) for event in _events(simulator.step(topic, offset, message))]


def _events(outputs: list[Output]) -> Iterator[Message]:
    for output in outputs:
        if isinstance(output, Publish) and output.topic == topics.LEDGER:
            yield decode(topics.LEDGER, canonical(output.value), {})


def _messages(workload: Workload, items: list[Item]) -> Iterator[tuple[str, Message]]:
    """What dc-mock would send, as its readers understand it."""
    power = workload.power
    assert power is not None
    snapshot = decode(topics.PHYSICAL, encode.snapshot_message(items[0].time_ms, workload.topology, workload.carbon), {})
    assert isinstance(snapshot, Snapshot)
    for item in items:
        match item:
            case SnapshotItem():
                yield topics.PHYSICAL, snapshot
            case TaskItem(index=index):
                yield topics.WORKLOAD, TaskSubmitted(workload.tasks.task(index))
            case PowerItem(start=start, stop=stop):
                columns = (power.time_ms[start:stop].tolist(), power.power_w[start:stop].tolist(), power.meter[start:stop].tolist())
                yield topics.POWER, PowerBatch(tuple(PowerSample(t, w, power.meters[m]) for t, w, m in zip(*columns, strict=True)))
            case HeartbeatItem(topic=topic, time_ms=time_ms):
                yield topic, Heartbeat(time_ms, snapshot.digest if topic == topics.WORKLOAD else None)
            case EndItem(topic=topic):
                yield topic, End()
