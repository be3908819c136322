"""The simulator as a Faust worker: every message of its four topics goes to `twin.simulator.Simulator.step`.

Its state is a row of the table `state` (one per datacenter), written every few windows; the table `windows` shows progress.
"""

from __future__ import annotations

import time
import zlib
from typing import Any

import orjson

from opendt_streams.assembly import live_engine, new_simulator, restore_simulator
from opendt_streams.model import times
from opendt_streams.model.canonical import canonical
from opendt_streams.streams.app import App, create_app, raw_topic
from opendt_streams.streams.deployment import Deployment
from opendt_streams.streams.log import LogReader
from opendt_streams.streams.saying import Waiting
from opendt_streams.streams.worker import Worker
from opendt_streams.twin import simulator_state
from opendt_streams.twin.outputs import Output, WindowRow
from opendt_streams.twin.simulator import Simulator
from opendt_streams.twin.unanswered import NONE, Unanswered, unanswered_windows
from opendt_streams.wire import topics
from opendt_streams.wire.messages import Message
from opendt_streams.wire.record import Record

SERVICE = "simulator"
_LOOK_S = 2.0


class Storage:
    """Where simulators are kept between two lives of the worker: a Faust table, of which RocksDB and the changelog are the copies."""

    reads = Simulator.reads

    def __init__(self, deployment: Deployment, states: Any, windows: Any) -> None:
        self._deployment, self._states, self._windows = deployment, states, windows
        self._engines = live_engine(deployment.settings, deployment.run_dir)
        self._unanswered: dict[str, Unanswered] = {}  # by datacenter; whether the engine answers is on the log, where it did not
        self._rows: dict[str, str | None] = {}  # of the window table, to be written with the next event
        self._stored: dict[str, int | None] = {}  # datacenter -> next window when its state was last written
        self._stored_at = 0.0
        self.worker: Worker[Simulator] | None = None

    @property
    def long_steps(self) -> bool:
        return self._deployment.settings.engine.name != "native"

    def datacenter_of(self, key: bytes | None) -> str:
        return self._deployment.datacenter_of(key)

    def create(self, datacenter: str) -> Simulator:
        return new_simulator(datacenter, self._deployment.settings, self._engines, self._unanswered.get(datacenter, NONE))

    async def restore_all(self, partition: int, log: LogReader) -> dict[str, Simulator]:
        if self.long_steps:
            self._unanswered = await self._read_unanswered(partition, log)
        states = [orjson.loads(zlib.decompress(packed)) for packed in self._states.values()]
        return {s["datacenter"]: await self._restore(s, partition, log) for s in states if s["partition"] == partition}

    async def _read_unanswered(self, partition: int, log: LogReader) -> dict[str, Unanswered]:
        said: dict[str, list[Message]] = {}
        async for record in log.read(topics.RESULTS, partition, await log.start(topics.RESULTS, partition)):
            said.setdefault(self.datacenter_of(record.key), []).append(record.message())
        return {datacenter: unanswered_windows(messages) for datacenter, messages in said.items()}

    async def _restore(self, state: dict[str, Any], partition: int, log: LogReader) -> Simulator:
        read: dict[tuple[str, int], Record] = {}
        for topic, offsets in simulator_state.references(state).items():
            found = await log.read_offsets(topic, partition, offsets)
            read |= {(topic, offset): record for offset, record in found.items()}
        ledger: list[tuple[int, Message]] = [
            (record.offset, record.message())
            async for record in log.read(topics.LEDGER, partition, 0, state["next"][topics.LEDGER])
            if self.datacenter_of(record.key) == state["datacenter"]
        ]
        return restore_simulator(
            state,
            self._deployment.settings,
            ledger,
            lambda topic, offset: read[topic, offset].message(),
            self._engines,
            self._unanswered.get(state["datacenter"], NONE),
        )

    async def stepped(
        self, machines: dict[str, Simulator], machine: Simulator, partition: int, outputs: list[Output], in_event: bool
    ) -> None:
        for output in outputs:
            if isinstance(output, WindowRow):
                self._rows[f"{machine.datacenter}|{times.iso(output.window_start_ms)}"] = output.state
        if not in_event:
            return
        for key, state in self._rows.items():
            if state is not None:
                self._windows[key] = state
            elif key in self._windows:
                del self._windows[key]
        self._rows.clear()
        await self._store_if_due(machines, partition)

    async def _store_if_due(self, machines: dict[str, Simulator], partition: int) -> None:
        """Write the state of all machines of the partition, at most every `snapshot_every` of wall time, when windows were simulated.

        Only after everything they said is acknowledged: a state row claims that its outputs exist (PROTOCOL 7.2).
        """
        unknown = [m for d, m in machines.items() if d not in self._stored]
        advanced = [m for d, m in machines.items() if d in self._stored and self._stored[d] != m.window_ms]
        waited = (time.monotonic() - self._stored_at) * 1000 >= self._deployment.settings.simulator.snapshot_every
        if not unknown and not (advanced and waited):
            return
        assert self.worker is not None
        await self.worker.publisher.acknowledged()
        for datacenter, machine in machines.items():
            state = simulator_state.snapshot(machine) | {"partition": partition}
            self._states[datacenter] = zlib.compress(canonical(state), 1)
            self._stored[datacenter] = machine.window_ms
        self._stored_at = time.monotonic()


def create(deployment: Deployment) -> App:
    """The Faust application."""
    app = create_app(SERVICE, deployment)
    partitions = deployment.settings.kafka.partitions
    states = app.Table("state", key_type=str, value_type=bytes, partitions=partitions)
    windows = app.Table("windows", key_type=str, value_type=str, partitions=partitions)
    storage = Storage(deployment, states, windows)
    worker = storage.worker = Worker(SERVICE, app, storage)

    @app.agent(raw_topic(app, topics.WORKLOAD))
    async def workload(stream: Any) -> None:
        await worker.deliver(topics.WORKLOAD, stream)

    @app.agent(raw_topic(app, topics.PHYSICAL))
    async def physical_topology(stream: Any) -> None:
        await worker.deliver(topics.PHYSICAL, stream)

    @app.agent(raw_topic(app, topics.LEDGER))
    async def ledger(stream: Any) -> None:
        await worker.deliver(topics.LEDGER, stream)

    @app.agent(raw_topic(app, topics.CALIBRATION))
    async def decisions(stream: Any) -> None:
        await worker.deliver(topics.CALIBRATION, stream)

    waiting = Waiting()

    @app.timer(interval=_LOOK_S)
    async def say_what_is_missing() -> None:
        for partition in list(worker.partitions.values()):
            for datacenter, machine in partition.machines.items():
                waiting.look(datacenter, machine)

    return app


def __getattr__(name: str) -> App:
    """`app`, for `faust -A opendt_streams.streams.simulator worker`: made when asked for, since it needs a run folder."""
    if name == "app":
        return create(Deployment.from_environment())
    raise AttributeError(name)
