"""Methods whose every step can be foretold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from opendt_streams.calibration.port import Evidence, Proposal
from opendt_streams.model.canonical import JSON
from opendt_streams.model.decision import Discrepancy
from opendt_streams.model.topology import PowerModel
from opendt_streams.offline.true_power import true_groups
from opendt_streams.workload.truth.document import Truth


@dataclass(frozen=True)
class Oracle:
    """Publishes the truth of each instant."""

    truth: Truth
    name: str = "oracle"
    half_width: float | None = None
    discrepancy: Discrepancy | None = None

    def decide(self, estimate: Mapping[str, JSON], evidence: Evidence) -> Proposal:
        models = {at: group.model_at(evidence.instant_ms) for at, group in true_groups(self.truth, evidence.in_force).items()}
        return Proposal({}, models, "known", interval_half_width=self.half_width, discrepancy=self.discrepancy)


@dataclass(frozen=True)
class Counts:
    """Publishes the number of the instant as idle watts of all hosts, which draw nothing else."""

    name: str = "counts"

    def decide(self, estimate: Mapping[str, JSON], evidence: Evidence) -> Proposal:
        known = estimate.get("instants", 0)
        assert isinstance(known, int)
        model = PowerModel("busy-linear", idle_power_w=float(known + 1), max_power_w=0.0)
        models = {(c, h): model for c, h, _ in evidence.in_force.host_groups}
        return Proposal({"instants": known + 1}, models, "counted")
