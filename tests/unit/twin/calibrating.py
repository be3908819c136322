"""A calibrator on the bench, with a method whose every number can be foretold."""

from __future__ import annotations

from collections.abc import Mapping

from opendt_streams.calibration.port import Evidence, Fault, Proposal
from opendt_streams.model.canonical import JSON
from opendt_streams.model.topology import PowerModel
from opendt_streams.model.topology_json import read_topology
from opendt_streams.topology.events import make_event
from opendt_streams.twin.calibrator import Calibrator
from opendt_streams.wire import topics
from tests.unit.twin import bench, said
from tests.unit.twin.bench import Bench, event_record, result_record
from tests.unit.twin.logs import DATACENTER, Record
from tests.unit.twin.said import T0, S
from tests.unit.twin.scenario import GRID

ROOT = make_event(parent=None, kind="baselined", actor="simulator", reason="", cause="root", topology=read_topology(said.topology(2)))
EDIT = make_event(parent=ROOT.id, kind="edited", actor="p", reason="", cause="edit", topology=read_topology(said.topology(3)))


class Doubles:
    """A method that publishes twice the idle power in force and counts how often it was asked; with an alarm."""

    name = "doubles"

    def __init__(self) -> None:
        self.asked: list[Evidence] = []

    def decide(self, estimate: Mapping[str, JSON], evidence: Evidence) -> Proposal:
        self.asked.append(evidence)
        idle_w = evidence.in_force.clusters[0].host_groups[0].power_model.idle_power_w * 2
        known = estimate.get("instants", 0)
        assert isinstance(known, int)
        models = {(c, g): PowerModel(idle_power_w=idle_w, max_power_w=500.0) for c, g, _ in evidence.in_force.host_groups}
        return Proposal({"instants": known + 1}, models, "twice", alarms=(Fault("drift", evidence.instant_ms, "text"),))


def calibrating() -> tuple[Bench, Doubles]:
    """A calibrator that has folded the first baseline and holds the results until 6 s."""
    method = Doubles()
    machine = Bench(Calibrator(DATACENTER, GRID, method))
    machine.read(topics.LEDGER, event_record(ROOT))
    machine.read(topics.RESULTS, *(result_record(s, ledger=1) for s in (0, 2, 4)))
    return machine, method


def power(*seconds: int) -> bytes:
    return said.power([(T0 + s * S, 100.0) for s in seconds])


def decision(machine: Bench) -> Record:
    """The decision among what was just published, as the log has it."""
    (record,) = (bench.as_record(o) for o in machine.published(topics.CALIBRATION) if o.kind == "calibration-decision")
    return record
