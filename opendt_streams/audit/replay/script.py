"""What the live machines wrote, in the order in which they wrote it: the script that a replay follows.

A header of every output says up to which offset of each topic its writer had read (`opendt_inputs`). A machine that is fed exactly that
much says the same again (PROTOCOL section 1); so the script says what to feed next, and what must come out.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from opendt_streams.audit.evidence import Evidence
from opendt_streams.errors import BadInput
from opendt_streams.model import times
from opendt_streams.model.event import TopologyEvent
from opendt_streams.twin.calibrator import Calibrator
from opendt_streams.twin.simulator import Simulator
from opendt_streams.wire import headers as h
from opendt_streams.wire import topics
from opendt_streams.wire.messages import (
    AlarmRecorded,
    CalibrationEnded,
    DecisionRecorded,
    Invalid,
    Message,
    ResultRecorded,
    ResultsEnded,
)
from opendt_streams.wire.record import Record
from opendt_streams.wire.twin import read_value

# The topics that each machine writes values to. (The calibrator's notes of silence on dc.power are inputs: they say what the clock did.)
WRITES: Final[Mapping[str, tuple[str, ...]]] = {
    Simulator.name: (topics.LEDGER, topics.RESULTS),
    Calibrator.name: (topics.LEDGER, topics.CALIBRATION),
}


@dataclass(frozen=True, slots=True)
class Said:
    """One output as recorded. `inputs`: next offset of every topic that its writer read; None where the header does not say."""

    record: Record
    message: Message
    id: str
    inputs: Mapping[str, int] | None

    @property
    def time_ms(self) -> int | None:
        """Event time: end of the window, instant, or the instant that a machine's ledger event was made for; None for ends."""
        match self.message:
            case ResultRecorded(result):
                return result.window_end_ms
            case DecisionRecorded(decision):
                return decision.instant_ms
            case AlarmRecorded(alarm):
                return alarm.time_ms
            case TopologyEvent(cause=cause):
                return _instant_of(cause)
            case _:
                return None


def script(evidence: Evidence, machine: str) -> Iterator[Said]:
    """All outputs of a machine, the first record of each id, in the order in which one life of it would write them.

    What was read only grows, so the order of the sums is an order of time across the two topics.
    """
    yield from heapq.merge(*(_said(evidence, topic, machine) for topic in WRITES[machine]), key=_how_much_was_read)


def _said(evidence: Evidence, topic: str, machine: str) -> Iterator[Said]:
    seen: set[str] = set()
    for record in evidence.own(topic):
        if topic == topics.LEDGER and h.writer_of(record.headers) != machine:
            continue
        message = record.message()
        if record.value is None or isinstance(message, Invalid):
            continue  # a dead letter
        document = read_value(record.value)
        identity = str(document.get("id", document.get("message_type")))
        if identity not in seen:
            seen.add(identity)
            yield Said(record, message, identity, h.read_inputs(record.headers))


def _how_much_was_read(said: Said) -> int:
    return sum(said.inputs.values()) if said.inputs is not None else 0


def _instant_of(cause: str) -> int | None:
    """Machines' causes are `datacenter|instant` and `datacenter|instant|baseline`."""
    parts = cause.split("|")
    try:
        return times.parse(parts[1]) if len(parts) > 1 else None
    except BadInput:
        return None


def is_complete(evidence: Evidence) -> bool:
    """Whether the twin had come to its end: nothing that a copy could have cut off is still to come."""
    ended = (ResultsEnded, CalibrationEnded)
    return all(any(isinstance(r.message(), ended) for r in evidence.own(topic)) for topic in (topics.RESULTS, topics.CALIBRATION))
