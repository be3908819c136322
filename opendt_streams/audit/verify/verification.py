"""What a verification comes to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any, Final

from opendt_streams.audit.evidence import RunInfo
from opendt_streams.audit.finding import Finding, place
from opendt_streams.audit.sealing.digests import Log
from opendt_streams.audit.sealing.manifest import Partition
from opendt_streams.errors import BadInput
from opendt_streams.wire.topics import TWIN_TOPICS

INNER: Final = "inner consistency"
AGAINST_ROOT: Final = "against the root"
AGAINST_LOG_ROOT: Final = "against the log root"
NOTHING: Final = "nothing"

_MOST_GAPS: Final = 5
_ROOT: Final = re.compile("[0-9a-f]{64}")


@dataclass(slots=True)
class Verification:
    """`root` and `log_root` are computed from what was found, None where that could not be read.

    Attributes:
        kept: the root that somebody kept elsewhere, None if nobody did.
        proved: what the verification shows, where it found nothing wrong.
        since: by topic the records that came after the seal that was compared with.
    """

    subject: str
    kept: str | None
    info: RunInfo | None = None
    root: str | None = None
    log_root: str | None = None
    partitions: list[Partition] = field(default_factory=list)
    event_time_ms: dict[str, tuple[int, int]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    since: dict[str, int] = field(default_factory=dict)
    shown: str = INNER

    @property
    def ok(self) -> bool:
        return not self.findings

    @property
    def proved(self) -> str:
        return self.shown if self.ok else NOTHING

    def add(self, findings: Iterable[Finding]) -> None:
        """Each field of each place once: what was found first says it best."""
        known = {_about(f) for f in self.findings}
        for finding in findings:
            if _about(finding) not in known:
                known.add(_about(finding))
                self.findings.append(finding)

    def say_retention(self) -> None:
        for entry in self.partitions:
            if entry.start > 0:
                self.notes.append(f"{entry.topic}: retention has deleted offsets 0 to {entry.start - 1}")

    def document(self) -> dict[str, Any]:
        """For machines."""
        return {
            "subject": self.subject,
            "verified": self.ok,
            "proved": self.proved,
            "run": self.info.run if self.info else None,
            "datacenter": self.info.datacenter if self.info else None,
            "root": self.root,
            "log_root": self.log_root,
            "kept_root": self.kept,
            "topics": [
                entry.model_dump(exclude={"segments"}) | {"event_time_ms": self.event_time_ms.get(entry.topic)} for entry in self.partitions
            ],
            "since": self.since,
            "findings": [asdict(finding) for finding in self.findings],
            "notes": self.notes,
        }


def _about(finding: Finding) -> tuple[str, str]:
    return finding.where, finding.field or finding.what


def checked_root(root: str | None) -> str | None:
    """A root as somebody typed it.

    Raises:
        BadInput: it is none.
    """
    if root is None:
        return None
    plain = root.strip().lower()
    if not _ROOT.fullmatch(plain):
        raise BadInput(f"{root!r} is no root", expected="64 hexadecimal digits, as `opendt audit export` prints them", where="--root")
    return plain


def offset_findings(logs: Iterable[Log]) -> Iterator[Finding]:
    """Kafka's offsets only rise. Nothing that writes to the twin's own topics leaves one out, and they are never compacted."""
    for log in logs:
        for before, after in pairwise(log.rows):
            if after.offset <= before.offset:
                where = place(log.topic, log.partition, after.offset)
                yield Finding(where, f"out of order: this record comes after offset {before.offset}", "tampering", "offset")
        if log.topic in TWIN_TOPICS and log.gaps:
            ranges = ", ".join(f"{a} to {b}" if b > a else str(a) for a, b in log.gaps[:_MOST_GAPS])
            where = place(log.topic, log.partition, log.gaps[0][0])
            yield Finding(where, f"no record at offset {ranges}: records were removed", "tampering", "offset")
