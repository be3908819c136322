"""No calibration: every parameter stays as the topology says it."""

from __future__ import annotations

from collections.abc import Mapping

from opendt_streams.calibration.port import Evidence, Proposal
from opendt_streams.model.canonical import JSON


class Off:
    @property
    def name(self) -> str:
        return "off"

    def decide(self, estimate: Mapping[str, JSON], evidence: Evidence) -> Proposal:
        return Proposal(estimate={}, models=None, reason="off")
