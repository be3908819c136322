"""The two state machines over what topics hold, without Kafka: what live workers must have said."""

from __future__ import annotations

from opendt_streams.assembly import restore_calibrator
from opendt_streams.engine.native import NATIVE
from opendt_streams.model.canonical import canonical
from opendt_streams.settings import Settings
from opendt_streams.twin.machine import Machine
from opendt_streams.twin.outputs import Publish
from opendt_streams.twin.simulator import Simulator
from opendt_streams.wire import topics
from tests.integration.streams.harness import DATACENTER, Logs


def simulated(logs: Logs, settings: Settings) -> list[bytes]:
    """sim.results as a simulator writes it that reads one topic after the other to its end."""
    machine = Simulator(DATACENTER, settings.grid, NATIVE, settings.simulator.policy, settings.engine.semantics)
    return _said(machine, logs, (topics.CALIBRATION, topics.LEDGER, topics.WORKLOAD, topics.PHYSICAL), topics.RESULTS)


def decided(logs: Logs, settings: Settings) -> list[bytes]:
    """sim.calibration as a calibrator writes it that reads one topic after the other to its end."""
    machine = restore_calibrator(DATACENTER, settings)
    return _said(machine, logs, (topics.POWER, topics.LEDGER, topics.RESULTS, topics.CALIBRATION), topics.CALIBRATION)


def _said(machine: Machine, logs: Logs, order: tuple[str, ...], topic: str) -> list[bytes]:
    assert set(order) == set(machine.reads)
    kept: dict[str, bytes] = {}
    for read in order:
        for record in logs[read]:
            for output in machine.step(read, record.offset, record.message()):
                if isinstance(output, Publish) and output.topic == topic:
                    kept.setdefault(output.id, canonical(output.value))
    return list(kept.values())
