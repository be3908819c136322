"""Made rules1-v1.jsonl.gz, once: a twin's whole life in eight minutes, with every kind of message of schema version 1 and rules 1.

It is kept to be read, never to be run again: the log is what a version really wrote, and its readers have to go on understanding it.
A new schema version or new rules get a script and a log of their own.

    python -m tests.frozen.make_rules1_v1

The verdicts are those that PROTOCOL 5.2 asks for, put down here by hand; the script ends if the fold says otherwise.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np
import orjson

from opendt_streams.assembly import new_simulator, restore_calibrator, started_now
from opendt_streams.model import times
from opendt_streams.model.canonical import JSON, canonical, digest, sha256_hex
from opendt_streams.model.carbon import carbon_trace
from opendt_streams.model.event import MAIN, EventKind, TopologyEvent
from opendt_streams.model.task import Float64, Int64, Task, fragments
from opendt_streams.model.topology import Topology
from opendt_streams.model.topology_json import read_topology
from opendt_streams.settings import load
from opendt_streams.topology.events import event_id, make_event
from opendt_streams.topology.ledger import Accepted, Ledger, Verdict
from opendt_streams.twin.outputs import DeadLetter, Output, Publish
from opendt_streams.wire import encode, topics
from opendt_streams.wire import headers as h
from opendt_streams.wire.record import Record
from opendt_streams.wire.system import dead_letter_value
from opendt_streams.wire.twin import event_value
from tests.frozen.frozen import DATACENTER, FOLDER, store, understood

T0: Final = times.parse("2024-03-04T00:00:00Z")
WALL_MS: Final = times.parse("2026-01-01T00:00:00Z")
MINUTE: Final = times.MINUTE
SETTINGS: Final = load(
    None,
    {"datacenter": DATACENTER, "simulator.window": "1m", "simulator.sample_interval": "30s", "calibrator.publish_every": "2m"},
).settings


class Life:
    """The topics, the two machines over them, and the verdicts that people's events must get."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.verdicts: dict[int, str | None] = {}
        self.machines = (new_simulator(DATACENTER, SETTINGS), restore_calibrator(DATACENTER, SETTINGS))
        self.config: dict[str, str] = {}
        for machine in self.machines:
            value = started_now(machine.name, SETTINGS)
            self.config[machine.name] = str(value["id"])
            self.say(topics.CONFIG, canonical(value), machine.name, "started", str(value["id"]))

    def say(self, topic: str, value: bytes | None, source: str = "", kind: str = "", identity: str = "", **headers: str) -> int:
        """A record at the end of a topic; without `source` somebody's who knows no CloudEvents."""
        offset, now_ms = len(self.log(topic)), WALL_MS + 250 * len(self.records)
        if source:
            event = h.cloud_event(event_id=identity, event_type=kind, source=f"opendt/{source}", time=times.iso(now_ms))
            config = {h.CONFIG: self.config[source]} if source in self.config else {}
            headers = {**event, **config, **headers}
        self.records.append(Record(topic, 0, offset, DATACENTER.encode(), value, tuple(h.to_kafka(headers)), now_ms))
        return offset

    def log(self, topic: str) -> list[Record]:
        return [record for record in self.records if record.topic == topic]

    def go_on(self) -> None:
        """Until both machines have read everything."""
        unread = True
        while unread:
            unread = False
            for machine in self.machines:
                for topic in machine.reads:
                    for record in self.log(topic)[machine.next[topic] :]:
                        unread = True
                        self._write(machine.name, machine.step(topic, record.offset, record.message()))

    def silence(self) -> None:
        self._write("calibrator", self.machines[1].silence())
        self.go_on()

    def _write(self, source: str, outputs: list[Output]) -> None:
        for output in outputs:
            if isinstance(output, Publish):
                self.say(output.topic, canonical(output.value), source, output.kind, output.id, **output.headers)
            elif isinstance(output, DeadLetter):
                raw = self.log(output.topic)[output.offset].value
                value = dead_letter_value(output.topic, 0, output.offset, output.reason, raw)
                self.say(topics.DEAD_LETTER, canonical(value), source, "dead-letter", str(value["id"]))

    # -- people ----------------------------------------------------------------------------------------------------------

    @property
    def ledger(self) -> Ledger:
        return self.machines[0].ledger

    @property
    def head(self) -> Accepted:
        assert self.ledger.head is not None
        return self.ledger.head

    def people(self, event: TopologyEvent, verdict: Verdict | None) -> TopologyEvent:
        provenance = {h.INPUTS: h.json_header({topics.LEDGER: self.ledger.offset}), h.LEDGER: str(self.ledger.offset)}
        offset = self.say(topics.LEDGER, canonical(event_value(event)), "cli", "topology-event", event.id, **provenance)
        self.verdicts[offset] = None if verdict is None else verdict.name
        self.go_on()
        return event


def hardware(hosts: int, idle_w: float = 50.0) -> Topology:
    cpu, memory = {"coreCount": 4, "coreSpeed": 1000}, {"memorySize": 1024}
    model: Mapping[str, JSON] = {"modelType": "linear", "power": 300.0, "idlePower": idle_w, "maxPower": 150.0}
    entry = {"name": "H", "count": hosts, "cpu": cpu, "memory": memory, "cpuPowerModel": model}
    return read_topology({"clusters": [{"name": "C", "hosts": [entry], "powerSource": {"carbonTracePath": "carbon.parquet"}}]})


def event(kind: EventKind, parent: str | None, after: Topology, serial: str, branch: str = MAIN) -> TopologyEvent:
    return make_event(
        parent=parent, kind=kind, actor="ann", reason=f"frozen: {kind}", cause=f"edit|{serial}", topology=after, branch=branch
    )


def signed(changed: TopologyEvent, **fields: Any) -> TopologyEvent:
    changed = replace(changed, **fields)
    changed = replace(changed, result=digest(changed.topology))
    return replace(changed, id=event_id(changed))


def live() -> Life:
    life = Life()
    carbon = {"carbon.parquet": carbon_trace([T0 - MINUTE, T0 + 3 * MINUTE], [300.0, 250.5])}
    first = encode.snapshot_message(T0, hardware(3), carbon)
    second = encode.snapshot_message(T0 + 4 * MINUTE, hardware(5), carbon)

    # Before the first baseline: what is no event at all, and an event that cannot be the first.
    for nothing in (b"{", None, orjson.dumps({"clusters": []}), b'{"rules":"one"}'):
        life.verdicts[life.say(topics.LEDGER, nothing)] = None
    life.people(event("edited", None, hardware(9), "first"), Verdict.NO_PARENT)

    # Two minutes of a datacenter, with its own headers and without.
    life.say(topics.PHYSICAL, first, "dc-mock", "topology-snapshot", "s0")
    life.say(topics.WORKLOAD, encode.heartbeat_message(T0, sha256_hex(first)), "dc-mock", "heartbeat", "w0")
    life.say(topics.WORKLOAD, encode.task_message(Task(1, T0, 90_000, 2, 2000.0, 1000, fragments([40_000, 50_000], [1500.0, 600.5]))))
    life.say(topics.WORKLOAD, _opendt_task(2, T0 + 20_000))
    life.say(topics.WORKLOAD, b'{"message_type":"job"}')
    life.go_on()
    root = life.head
    life.verdicts[root.offset] = Verdict.ACCEPTED.name

    edit = life.people(event("edited", root.event.id, hardware(4), "1"), Verdict.ACCEPTED)
    stale = life.people(event("edited", root.event.id, hardware(6), "2"), Verdict.STALE)
    life.people(replace(event("edited", edit.id, hardware(6), "3"), reason="forged"), Verdict.BAD_DIGEST)
    life.people(replace(event("edited", edit.id, hardware(6), "4"), result="0" * 64), Verdict.BAD_DIGEST)
    life.people(signed(event("edited", edit.id, hardware(6), "5"), topology={"clusters": []}), Verdict.INVALID)
    life.people(signed(event("edited", edit.id, hardware(6), "6"), rules=2), Verdict.UNKNOWN_RULES)
    life.people(event("calibrated", edit.id, hardware(6), "7"), Verdict.NOT_ONLY_POWER)
    branched = life.people(event("branched", root.event.id, hardware(3), "8", "what-if/more"), Verdict.ACCEPTED)
    life.people(event("branched", root.event.id, hardware(3), "9", "what-if/more"), Verdict.BRANCH_EXISTS)
    life.people(event("edited", branched.id, hardware(30), "10", "what-if/more"), Verdict.ACCEPTED)
    life.people(stale, None)  # repeated: the first record of an id stands

    samples = [(T0 + i * 30_000, 262.5 + 10.25 * i) for i in range(1, 5)]
    life.say(topics.POWER, encode.power_message(*_columns(samples)), "dc-mock", "power", "p0")
    _heartbeats(life, 1, 2, first)
    life.people(signed(event("reverted", life.head.event.id, hardware(3), "11"), cause=f"revert|{root.event.id}"), Verdict.ACCEPTED)

    # Newer hardware, a meter that cannot be right (an alarm), then silence.
    life.say(topics.PHYSICAL, second)
    life.say(topics.POWER, _opendt_power(T0 + 150_000, 9.9e6))
    life.say(topics.POWER, _opendt_power(T0 + 240_000, 9.9e6))
    _heartbeats(life, 3, 4, second)
    _heartbeats(life, 5, 6, second)
    life.silence()
    life.say(topics.POWER, encode.heartbeat_message(T0 + 6 * MINUTE))
    for topic in (topics.WORKLOAD, topics.POWER):
        life.say(topic, encode.end_message())
    life.go_on()
    return life


def _columns(samples: list[tuple[int, float]]) -> tuple[Int64, Float64]:
    return np.array([t for t, _ in samples], dtype=np.int64), np.array([w for _, w in samples], dtype=np.float64)


def _heartbeats(life: Life, first_minute: int, last_minute: int, snapshot: bytes) -> None:
    for minute in range(first_minute, last_minute + 1):
        life.say(
            topics.WORKLOAD, encode.heartbeat_message(T0 + minute * MINUTE, sha256_hex(snapshot)), "dc-mock", "heartbeat", f"w{minute}"
        )
    life.go_on()


def _opendt_task(identity: int, time_ms: int) -> bytes:
    body = {"id": f"task-{identity}", "submission_time": times.iso(time_ms).removesuffix("Z"), "duration": 30_000, "cpu_count": 1}
    columns = [{"task_id": identity, "duration": 30_000, "cpu_count": 1, "cpu_usage": 250.25}]
    task = body | {"cpu_capacity": 1000.0, "mem_capacity": 10, "fragments": columns}
    return orjson.dumps({"message_type": "task", "timestamp": times.iso(time_ms), "task": task})


def _opendt_power(time_ms: int, power_w: float) -> bytes:
    return orjson.dumps({"power_draw": power_w, "energy_usage": 0.0, "timestamp": times.iso(time_ms)})


def main() -> int:
    log, expected = FOLDER / "rules1-v1.jsonl.gz", FOLDER / "rules1-v1.expected.json"
    if log.exists() or expected.exists():
        sys.stderr.write(f"{log.name} is frozen: other versions get a log of their own\n")
        return 1
    life = live()
    found = understood(life.records)
    differing = {offset: found["verdicts"][offset] for offset, asked in life.verdicts.items() if found["verdicts"][offset] != asked}
    if differing or set(found["verdicts"]) != {None, *(verdict.name for verdict in Verdict)}:
        sys.stderr.write(f"verdicts that are not what they should be: {differing}\n")
        return 1
    store(log, life.records)
    expected.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
