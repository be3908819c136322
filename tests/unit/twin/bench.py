"""A machine on the bench: inputs by hand, outputs by topic."""

from __future__ import annotations

from typing import Any

from opendt_streams.engine.port import EngineKind
from opendt_streams.model.canonical import canonical
from opendt_streams.model.decision import Decision
from opendt_streams.model.event import TopologyEvent
from opendt_streams.model.result import TaskCounts, WindowResult
from opendt_streams.model.topology_json import read_topology
from opendt_streams.topology.events import make_event
from opendt_streams.twin.calibrator import Calibrator
from opendt_streams.twin.outputs import DeadLetter, Output, Publish, WindowRow
from opendt_streams.twin.results import result_id
from opendt_streams.twin.simulator import Simulator
from opendt_streams.wire import headers as h
from opendt_streams.wire import topics, twin
from opendt_streams.wire.messages import ResumePoint
from tests.unit.twin import said
from tests.unit.twin.logs import DATACENTER, Record
from tests.unit.twin.said import T0, S
from tests.unit.twin.scenario import GRID
from tests.unit.twin.workers import STUB_ENGINES, new_calibrator


class Bench:
    """`said` holds what the last input brought about; logs are those of the topics that were read."""

    def __init__(self, machine: Simulator | Calibrator) -> None:
        self.machine = machine
        self.logs: dict[str, list[Record]] = {topic: [] for topic in machine.reads}
        self.outputs: list[Output] = []

    def read(self, topic: str, *values: bytes | Record) -> None:
        self.outputs = []
        for value in values:
            record = value if isinstance(value, Record) else Record(topic, value)
            self.logs[topic].append(record)
            self.outputs += self.machine.step(topic, len(self.logs[topic]) - 1, record.message)

    def published(self, topic: str) -> list[Publish]:
        return [o for o in self.outputs if isinstance(o, Publish) and o.topic == topic]

    def values(self, topic: str) -> list[dict[str, Any]]:
        return [Record(topic, canonical(o.value)).document for o in self.published(topic)]

    def dead(self) -> list[tuple[str, int]]:
        return [(o.topic, o.offset) for o in self.outputs if isinstance(o, DeadLetter)]

    def rows(self) -> list[tuple[int, str | None]]:
        return [((o.window_start_ms - T0) // S, o.state) for o in self.outputs if isinstance(o, WindowRow)]

    def echo(self, topic: str) -> None:
        """The log acknowledges what was just published, and the machine reads it."""
        self.read(topic, *(as_record(o) for o in self.published(topic)))


def as_record(output: Publish) -> Record:
    return Record(output.topic, canonical(output.value), output.headers)


def simulator(engines: EngineKind = STUB_ENGINES) -> Bench:
    return Bench(Simulator(DATACENTER, GRID, engines))


def calibrator(*, off: bool = False) -> Bench:
    return Bench(new_calibrator(off))


def windows(bench: Bench) -> list[int]:
    """Starts of the results of the last input, in seconds."""
    return [(v["window_start_ms"] - T0) // S for v in bench.values(topics.RESULTS) if v["message_type"] == "window-result"]


def event_record(event: TopologyEvent) -> Record:
    return Record(topics.LEDGER, canonical(twin.event_value(event)))


def decision_record(second: int, pin: int, **changed: Any) -> Record:
    """A decision at an instant as somebody else's calibrator might have written it."""
    fields: dict[str, Any] = {
        "id": f"{DATACENTER}|{second}",
        "datacenter": DATACENTER,
        "instant_ms": T0 + second * S,
        "method": "stub",
        "outcome": "kept",
        "reason": "deadband",
        "parameters": {},
        "estimate": {},
        "samples": 0,
        "late_samples": 0,
    }
    resume = ResumePoint(power=0, fresh=0, watermark_ms=None, refused_ms=None, results=0)
    headers = {h.PIN: str(pin), h.RESUME: h.json_header(twin.RESUME.dump_python(changed.pop("resume", resume)))}
    return Record(topics.CALIBRATION, canonical(twin.decision_value(Decision(**(fields | changed)))), headers)


def result_record(second: int, ledger: int, *, event: str = "e", drain: bool = False) -> Record:
    start = T0 + second * S
    result = WindowResult(result_id(DATACENTER, start), DATACENTER, "main", start, start + GRID.window_ms, event, drain, TaskCounts())
    return Record(topics.RESULTS, canonical(twin.result_value(result)), {h.LEDGER: str(ledger)})


def edit(machine: Bench, hosts: int, *, carbon_path: str | None = None) -> TopologyEvent:
    """A person's edit on top of the head that the machine knows."""
    head = machine.machine.ledger.head
    assert head is not None
    topology = read_topology(said.topology(hosts, idle_w=77, carbon_path=carbon_path))
    return make_event(parent=head.event.id, kind="edited", actor="p", reason="", cause="c", topology=topology)
