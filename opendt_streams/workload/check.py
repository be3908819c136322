"""Everything that can be said about a workload directory before it is run: problems, units assumed, facts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from opendt_streams.model.canonical import JSON
from opendt_streams.workload import facts, plausibility
from opendt_streams.workload.assumptions import Assumption, assumptions
from opendt_streams.workload.findings import Finding, Findings
from opendt_streams.workload.reader import Parts, load_parts


@dataclass(frozen=True, slots=True)
class Report:
    """`facts` has the sections topology, tasks, power and carbon as far as these could be read."""

    directory: str
    findings: tuple[Finding, ...]
    assumptions: tuple[Assumption, ...]
    facts: dict[str, JSON]

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.severity == "error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.severity == "warning")

    def as_document(self) -> dict[str, JSON]:
        return {
            "directory": self.directory,
            "ok": not self.errors,
            "errors": [f.as_document() for f in self.errors],
            "warnings": [f.as_document() for f in self.warnings],
            "units": [asdict(a) for a in self.assumptions],
            "facts": self.facts,
        }


def check_workload(directory: Path) -> Report:
    """Checks all files with the reader's own checks, and goes on where the reader would stop."""
    findings = Findings(directory, strict=False)
    parts = load_parts(directory, findings)
    found = _facts(parts, findings)
    return Report(str(directory), tuple(findings.found), assumptions(parts) if directory.is_dir() else (), found)


def _facts(parts: Parts, findings: Findings) -> dict[str, JSON]:
    found: dict[str, JSON] = {}
    if parts.topology is not None:
        found["topology"] = facts.topology_facts(parts.topology)
        plausibility.hardware(parts.unmodelled, findings)
    if parts.tasks is not None:
        found["tasks"] = facts.task_facts(parts.tasks, findings) | (
            facts.placement_facts(parts.tasks, parts.topology, findings) if parts.topology is not None else {}
        )
        plausibility.durations(parts.tasks, findings)
    if parts.power is not None and parts.tasks is not None:
        found["power"] = facts.power_facts(parts.power, parts.topology, findings)
        plausibility.measured_power(parts.power, parts.tasks, parts.topology, findings)
    if parts.topology is not None:
        found["carbon"] = facts.carbon_facts(parts.carbon, parts.topology, _span_ms(parts), findings)
    return found


def _span_ms(parts: Parts) -> tuple[int, int] | None:
    """First and last instant that the workload's streams name."""
    if parts.tasks is None:
        return None
    first, last = int(parts.tasks.submission_ms[0]), int(parts.tasks.submission_ms[-1])
    if parts.power is not None:
        first, last = min(first, int(parts.power.time_ms[0])), max(last, int(parts.power.time_ms[-1]))
    return first, last
