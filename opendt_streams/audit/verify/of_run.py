"""`opendt audit verify --run-dir DIR`: the topics sealed anew and compared with the seal that the folder keeps of an earlier day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from opendt_streams.audit.evidence import DamagedEvidence, Evidence
from opendt_streams.audit.finding import Finding
from opendt_streams.audit.sealing.compare import differences
from opendt_streams.audit.sealing.digests import Log
from opendt_streams.audit.sealing.kept import FOLDER, Kept
from opendt_streams.audit.sealing.manifest import Manifest
from opendt_streams.audit.sealing.seal import Sealed
from opendt_streams.audit.sealing.sealed_topics import capped
from opendt_streams.audit.verify.checks.consistency import Consistency
from opendt_streams.audit.verify.verification import AGAINST_LOG_ROOT, AGAINST_ROOT, Verification, offset_findings

FIRST = "sealed for the first time: there was no earlier seal to compare with"


def verify_run(evidence: Evidence, sealed: Sealed, kept: Kept, answer: Verification, summary: Mapping[str, Any] | None) -> Manifest:
    """Compare what is in the topics now with what was kept, with itself, and with the root that somebody kept; add it to the answer.

    Returns the seal of what is there now.
    """
    manifest = sealed.manifest({})
    answer.info, answer.log_root = evidence.info, manifest.log_root
    answer.partitions, answer.event_time_ms = manifest.topics, manifest.event_time_ms
    answer.say_retention()
    if kept.manifest is None:
        answer.notes.append(FIRST)
    else:
        answer.add(_since(kept.manifest, kept, sealed, answer))
    answer.add(offset_findings(sealed.logs.values()))
    consistency = Consistency(evidence, summary)
    answer.add(consistency.findings())
    answer.notes += consistency.notes
    _against_root(kept, sealed, answer)
    return manifest


def keep(kept: Kept, manifest: Manifest, sealed: Sealed, answer: Verification) -> None:
    """Keep the seal of a run that was found to be sound."""
    if not answer.ok:
        return
    try:
        kept.write(manifest, sealed.rows())
    except OSError as error:
        answer.notes.append(f"the seal could not be kept in {kept.folder}: {error.strerror}; keep the log root yourself")


def _since(before: Manifest, kept: Kept, sealed: Sealed, answer: Verification) -> Iterator[Finding]:
    """What became of the records that were sealed; what came later is counted."""
    for name in ("datacenter", "partition", "partitions"):
        if (was := getattr(before, name)) != (now := getattr(sealed.info, name)):
            yield Finding(FOLDER, f"the seal that was kept is of {name} {was!r}; this is {now!r}", "tampering", name)
    for entry in before.topics:
        log = sealed.logs[entry.topic]
        if log.start > entry.start:
            answer.notes.append(f"{entry.topic}: retention has deleted offsets {entry.start} to {log.start - 1} since they were sealed")
        was = [row for row in kept.seals.get(entry.topic, ()) if max(log.start, entry.start) <= row.offset < entry.end]
        found = [row for row in log.rows if row.offset < entry.end]
        yield from capped(list(differences(entry.topic, log.partition, was, found)), entry.topic)
        answer.since[entry.topic] = len(log.rows) - len(found)


def _against_root(kept: Kept, sealed: Sealed, answer: Verification) -> None:
    if answer.kept is None:
        return
    if answer.kept == answer.log_root:
        answer.shown = AGAINST_LOG_ROOT
        return
    logs = {topic: _with_deleted(log, kept) for topic, log in sealed.logs.items()}
    for earlier in kept.history:
        root, log_root = earlier.again(logs)
        if answer.kept in (root, log_root):
            answer.shown = AGAINST_ROOT if answer.kept == root else AGAINST_LOG_ROOT
            later = sum(len(log.rows) for log in sealed.logs.values()) - _records(earlier.ends, sealed)
            answer.notes.append(f"the root is of an earlier seal; {later} records came since")
            return
    what = f"the log root is {answer.log_root}, and no seal that {FOLDER}/ keeps has the root you kept, {answer.kept}"
    answer.add([Finding(FOLDER, what, "tampering", "root")])


def _with_deleted(log: Log, kept: Kept) -> Log:
    """With what is kept of the records that retention has deleted: their digests are in the chain, or the root does not come out."""
    deleted = [row for row in kept.seals.get(log.topic, ()) if row.offset < log.start]
    return Log(log.topic, log.partition, log.start, log.end, [*deleted, *log.rows])


def _records(ends: Mapping[str, tuple[int, int]], sealed: Sealed) -> int:
    return sum(1 for topic, (_, end) in ends.items() for row in sealed.logs[topic].rows if row.offset < end)


def unreadable(error: DamagedEvidence) -> Finding:
    return Finding(error.where or "topics", f"{error.what}. {error.hint}" if error.hint else error.what, "damage")
