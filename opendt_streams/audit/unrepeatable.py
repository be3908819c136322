"""What a second run over the same workload would not repeat, as far as the topics tell (PROTOCOL section 1)."""

from __future__ import annotations

from collections import Counter

from opendt_streams.audit.evidence import Evidence
from opendt_streams.audit.replay.script import WRITES
from opendt_streams.model import times
from opendt_streams.model.event import MAIN, TopologyEvent
from opendt_streams.topology.ledger import Ledger, Verdict
from opendt_streams.twin.unanswered import unanswered_windows
from opendt_streams.wire import topics
from opendt_streams.wire.headers import writer_of
from opendt_streams.wire.messages import Heartbeat, Silence


def unrepeatable(evidence: Evidence) -> list[str]:
    """One sentence each on people's edits, silent meters, an engine without an answer, and heartbeats that name no snapshot.

    (What replay computes, repeats.)
    """
    return [*_edits(evidence), *_silences(evidence), *_unnamed(evidence), *_unanswered(evidence)]


def _edits(evidence: Evidence) -> list[str]:
    ledger, edits = Ledger(), Counter[str]()
    for record in evidence.own(topics.LEDGER):
        event = record.message()
        if not isinstance(event, TopologyEvent):
            ledger.skip(record.offset)
            continue
        judged = ledger.add(record.offset, event)
        accepted = judged is not None and judged.verdict is Verdict.ACCEPTED
        if accepted and event.branch == MAIN and writer_of(record.headers) not in WRITES:
            edits[event.actor] += 1
    return [f"people changed the topology while it ran: {actor} {n} times" for actor, n in sorted(edits.items())]


def _silences(evidence: Evidence) -> list[str]:
    instants = sorted({m.instant_ms for r in evidence.own(topics.POWER) if isinstance(m := r.message(), Silence)})
    if not instants:
        return []
    first = times.iso(instants[0])
    return [f"dc.power fell silent before {len(instants)} publication instants, first {first}: whether it does depends on the clock"]


def _unanswered(evidence: Evidence) -> list[str]:
    windows = unanswered_windows(r.message() for r in evidence.own(topics.RESULTS))
    if not windows:
        return []
    first = times.iso(min(windows))
    return [f"the engine gave no answer for {len(windows)} windows, first {first}: whether it does depends on the machine"]


def _unnamed(evidence: Evidence) -> list[str]:
    beats = [m for r in evidence.own(topics.WORKLOAD) if isinstance(m := r.message(), Heartbeat)]
    unnamed = sum(beat.snapshot is None for beat in beats)
    if not unnamed or not any(True for _ in evidence.own(topics.PHYSICAL)):
        return []
    return [f"{unnamed} of {len(beats)} heartbeats name no snapshot: which one held then depends on the order in which topics were read"]
