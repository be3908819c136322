"""What a replay comes to: one digest per topic and projection, recorded against computed, and what is wrong where they differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from opendt_streams.audit.evidence import Evidence
from opendt_streams.audit.finding import Finding
from opendt_streams.audit.replay.explain import explain
from opendt_streams.audit.replay.machines import Machines, logged_machines
from opendt_streams.audit.replay.projection import rebuild_twinlog
from opendt_streams.audit.replay.replayer import Replay, Replayer
from opendt_streams.audit.replay.snapshots import Snapshots
from opendt_streams.audit.replay.span import Span
from opendt_streams.errors import HistoryGone
from opendt_streams.model import times
from opendt_streams.twin.machine import Machine
from opendt_streams.twin.simulator import Simulator
from opendt_streams.twinlog.digest import twinlog_digest
from opendt_streams.version import code_version
from opendt_streams.wire import topics

TWINLOG = "twinlog"


@dataclass(frozen=True, slots=True)
class Recorded:
    """What is known of a run besides its topics.

    Attributes:
        twinlog: digest of the recorded twinning log; None where there is no whole one to compare with.
        sealed: what is wrong with the evidence as it is, such as records that do not match an earlier seal.
        has_seal: whether there is such a seal.
        snapshots: folder for simulators between two replays.
    """

    twinlog: str | None = None
    sealed: Sequence[Finding] = ()
    has_seal: bool = False
    snapshots: Path | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """`ok`: everything was computed again as it is recorded, and the evidence is sound. `document` is what `--json` prints."""

    ok: bool
    findings: list[Finding]
    integrity: Sequence[Finding]
    document: dict[str, Any]


def judge(evidence: Evidence, recorded: Recorded, span: Span, watch: Callable[[int], None]) -> Verdict:
    """Replay the evidence and compare. `watch` is told the event time of what was compared.

    Raises:
        HistoryGone: retention has deleted what a replay begins with, and no snapshot stands in.
    """
    machines = logged_machines(evidence, recorded.snapshots)
    _require_start(evidence, machines, span)
    keep = _keep_simulators(evidence, machines, recorded.snapshots) if span.is_whole else None
    replay = Replayer(evidence, machines, span=span, keep=keep, watch=watch).run()
    findings = explain(replay, machines, evidence, recorded.sealed, has_seal=recorded.has_seal)
    rebuilt = _twinlog(evidence, machines) if span.is_whole else None
    if rebuilt is not None and recorded.twinlog not in (None, rebuilt):
        what = f"the recorded twinning log has digest {recorded.twinlog}, the topics give {rebuilt}"
        findings.append(Finding(TWINLOG, f"{what}; `opendt twinlog rebuild` names the files", "tampering"))
    equal = replay.equal and not findings
    document = _document(evidence, machines, replay, recorded, rebuilt, span, findings, equal=equal)
    return Verdict(equal and not recorded.sealed, findings, recorded.sealed, document)


def _require_start(evidence: Evidence, machines: Machines, span: Span) -> None:
    """All inputs from their beginning, or a snapshot that includes what is gone."""
    for topic in topics.ALL_TOPICS:
        first = next((record.offset for record in evidence.records(topic)), 0)
        if not first or topic in (topics.CONFIG, topics.DEAD_LETTER):
            continue
        resumed = span.from_ms is not None and machines.resume(Simulator.name, span.from_ms) is not None
        if topic not in topics.DATACENTER_TOPICS or not resumed:
            raise HistoryGone(
                f"{topic} begins at offset {first}: what was before is deleted, so a replay from the start is not possible",
                hint="Replay from a bundle that was exported in time, or with --from TIME where an earlier replay left a snapshot.",
            )


def _keep_simulators(evidence: Evidence, machines: Machines, folder: Path | None) -> Callable[[Machine], None] | None:
    if folder is None:
        return None
    snapshots = Snapshots(folder, evidence, machines.settings)
    return lambda machine: snapshots.offer(machine) if isinstance(machine, Simulator) else None


def _twinlog(evidence: Evidence, machines: Machines) -> str:
    with TemporaryDirectory(prefix="opendt-twinlog-") as folder:
        rebuild_twinlog(evidence, machines.grid, Path(folder))
        return twinlog_digest(Path(folder))


def _document(
    evidence: Evidence,
    machines: Machines,
    replay: Replay,
    recorded: Recorded,
    rebuilt: str | None,
    span: Span,
    findings: Sequence[Finding],
    *,
    equal: bool,
) -> dict[str, Any]:
    digests = {
        name: {"recorded": t.recorded.hexdigest(), "replayed": t.computed.hexdigest(), "compared": t.compared, "beyond": t.beyond}
        for name, t in replay.topics.items()
    }
    return {
        "run": evidence.info.run,
        "datacenter": evidence.info.datacenter,
        "equal": equal,
        "complete": replay.complete,
        "covers": {
            "from": times.iso_or_none(replay.first_ms),
            "to": times.iso_or_none(replay.last_ms),
            "asked_from": times.iso_or_none(span.from_ms),
            "asked_to": times.iso_or_none(span.to_ms),
            "resumed": {name: times.iso_or_none(time_ms) for name, time_ms in replay.resumed_ms.items()},
        },
        "code_version": {"recorded": list(machines.code_versions), "now": code_version()},
        "digests": {
            **{name: {**d, "equal": d["recorded"] == d["replayed"]} for name, d in digests.items()},
            TWINLOG: {
                "recorded": recorded.twinlog,
                "replayed": rebuilt,
                "equal": recorded.twinlog == rebuilt if recorded.twinlog and rebuilt else None,
            },
        },
        "unanswered": [times.iso(start_ms) for start_ms in sorted(machines.unanswered)],
        "integrity": {"sealed_before": recorded.has_seal, "findings": [asdict(finding) for finding in recorded.sealed]},
        "first_difference": asdict(findings[0]) if findings else None,
        "findings": [asdict(finding) for finding in findings],
    }
