"""The thin shell around a machine: it reads logs, sends outputs one by one, stores state only when all is acknowledged, and restores."""

from __future__ import annotations

import json
from collections import deque
from typing import Final

from opendt_streams.calibration.off import Off
from opendt_streams.engine.port import EngineKind
from opendt_streams.model.canonical import canonical
from opendt_streams.twin import calibrator_state, simulator_state
from opendt_streams.twin.calibrator import Calibrator
from opendt_streams.twin.outputs import Output
from opendt_streams.twin.simulator import Simulator
from opendt_streams.wire import topics
from opendt_streams.wire.messages import Message
from tests.unit.twin.logs import DATACENTER, WRITTEN, Logs, Record, record_of
from tests.unit.twin.scenario import GRID
from tests.unit.twin.stubs import StubEngines, StubMethod

STUB_ENGINES: Final = StubEngines()


def new_calibrator(off: bool) -> Calibrator:
    return Calibrator(DATACENTER, GRID, Off() if off else StubMethod())


def new_simulator(engines: EngineKind = STUB_ENGINES) -> Simulator:
    return Simulator(DATACENTER, GRID, engines)


class Worker:
    """One process. `machine` is lost in a crash; what was sent, and the stored state, is not."""

    machine: Simulator | Calibrator

    def __init__(self, logs: Logs) -> None:
        self.logs = logs
        self.restart()

    def restart(self) -> None:
        self.machine = self.restored()
        self.at = dict(self.machine.next)
        self.unsent: dict[str, deque[Record]] = {topic: deque() for topic in WRITTEN}

    def restored(self) -> Simulator | Calibrator:
        raise NotImplementedError

    def sendable(self) -> list[str]:
        return [topic for topic, queue in self.unsent.items() if queue]

    def possible(self) -> list[tuple[str, str]]:
        """What it can do now: (verb, topic)."""
        return [("read", t) for t, o in self.at.items() if o < len(self.logs[t])] + [("send", t) for t in self.sendable()]

    def do(self, verb: str, topic: str) -> None:
        if verb == "send":
            self.logs[topic].append(self.unsent[topic].popleft())
            return
        offset = self.at[topic]
        self.at[topic] += 1
        self.enqueue(self.machine.step(topic, offset, self.logs[topic][offset].message))

    def enqueue(self, outputs: list[Output]) -> None:
        for output in outputs:
            if (record := record_of(output, self.machine.name)) is not None:
                self.unsent[record.topic].append(record)

    def store(self) -> None:
        """Write down the state, if this worker does and may do so now."""


class Table:
    """The state table, shared by all simulators of a world: the newest stored value."""

    value: bytes | None = None


class SimulatorWorker(Worker):
    machine: Simulator
    stores_unacknowledged = False

    def __init__(self, logs: Logs, table: Table, engines: EngineKind) -> None:
        self.table, self.engines = table, engines
        super().__init__(logs)

    def restored(self) -> Simulator:
        if self.table.value is None:
            return new_simulator(self.engines)
        state = json.loads(self.table.value)
        named = simulator_state.references(state)

        def read(topic: str, offset: int) -> Message:
            assert offset in named[topic], f"{topic} at {offset} is read but not named by the state"
            return self.logs[topic][offset].message

        ledger = [(o, r.message) for o, r in enumerate(self.logs[topics.LEDGER][: state["next"][topics.LEDGER]])]
        machine = simulator_state.restore(state, GRID, self.engines, "Mem", ledger, read)
        assert canonical(simulator_state.snapshot(machine)) == self.table.value, "a restored state is another one"
        return machine

    def store(self) -> None:
        if self.stores_unacknowledged or not self.sendable():
            self.table.value = canonical(simulator_state.snapshot(self.machine))


class CalibratorWorker(Worker):
    machine: Calibrator
    decides_unacknowledged = False

    def __init__(self, logs: Logs, off: bool) -> None:
        self.off = off
        super().__init__(logs)

    def restored(self) -> Calibrator:
        method = new_calibrator(self.off).method
        ledger, decisions = ([(o, r.message) for o, r in enumerate(self.logs[t])] for t in (topics.LEDGER, topics.CALIBRATION))
        return calibrator_state.restore(DATACENTER, GRID, method, ledger, decisions)

    def sendable(self) -> list[str]:
        """A decision is this worker's state, so it is written when everything before it is acknowledged."""
        busy = super().sendable()
        return busy if self.decides_unacknowledged or len(busy) == 1 else [t for t in busy if t != topics.CALIBRATION]

    def silence(self) -> None:
        self.enqueue(self.machine.silence())
