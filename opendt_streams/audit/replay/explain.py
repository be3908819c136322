"""Why a replay says something else than the record: the first difference, and which of the others follow from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from opendt_streams.audit.evidence import Evidence
from opendt_streams.audit.finding import Cause, Finding, place
from opendt_streams.audit.replay.machines import Machines
from opendt_streams.audit.replay.replayer import Difference, Replay
from opendt_streams.model import times
from opendt_streams.version import code_version
from opendt_streams.wire import headers as h
from opendt_streams.wire import topics
from opendt_streams.wire.record import Record
from opendt_streams.wire.system import read_started
from opendt_streams.wire.twin import END_ID

_MOST: Final = 20  # differences that are told one by one
_FEW: Final = 0.02  # of all outputs: another version of the code would make more of them differ
_REMOVED: Final = "{}: the twin says this amid what is recorded, and no such record is there: it was removed"


def explain(replay: Replay, machines: Machines, evidence: Evidence, sealed: Sequence[Finding], *, has_seal: bool) -> list[Finding]:
    """Findings of a replay, the first in event time first. `sealed`: what is wrong with the evidence as it is."""
    story = _Story(replay, machines, evidence, sealed, has_seal=has_seal)
    missing = [(_time_of(identity), Finding(topic, _REMOVED.format(identity), "tampering")) for topic, identity in replay.missing]
    differences = [(d.said.time_ms, story.of(d, replay.differences[:i])) for i, d in enumerate(replay.differences[:_MOST])]
    found = [finding for _, finding in sorted([*missing, *differences], key=lambda f: (f[0] is None, f[0] or 0))]
    if rest := len(replay.differences) - len(differences):
        found[-1] = replace(found[-1], consequences=rest)
    if not found:
        found = list(_another_order(replay))
    return [*machines.findings, *found]


class _Story:
    """What is known of the evidence as a whole when one difference is to be explained."""

    def __init__(self, replay: Replay, machines: Machines, evidence: Evidence, sealed: Sequence[Finding], *, has_seal: bool) -> None:
        self._machines, self._sealed, self._has_seal, self._missing = machines, sealed, has_seal, replay.missing
        self._configurations = {s.id for r in evidence.own(topics.CONFIG) if (s := read_started(r.value)) is not None}
        compared = sum(topic.compared for topic in replay.topics.values())
        self._mostly_equal = len(replay.differences) <= _FEW * compared

    def of(self, difference: Difference, before: Sequence[Difference]) -> Finding:
        said = difference.said
        cause, why = self._cause(difference, before)
        when = "" if difference.said.time_ms is None else f" ({times.iso(difference.said.time_ms)})"
        at = "" if difference.field is None else f" at {difference.field}"
        return Finding(_place(said.record), f"{said.id}{when}{at}: {difference.what}; {why}", cause, difference.field)

    def _cause(self, difference: Difference, before: Sequence[Difference]) -> tuple[Cause, str]:
        record, inputs = difference.said.record, difference.said.inputs or {}
        if any(f.where == _place(record) for f in self._sealed):
            return "tampering", "this record was altered after it was sealed"
        if (source := self._altered_input(difference, before, inputs)) is not None:
            return "input", source
        if record.headers.get(h.CONFIG) not in self._configurations:
            return "configuration", "its header names no `started` record of this log, so nobody knows by which settings it was made"
        other_code = self._machines.other_code
        if other_code is not None and not self._mostly_equal:
            return "code version", f"it was written by code {other_code} and replayed with {code_version()}"
        sealed = "it and its inputs are as they were sealed: it was altered before, or the seal was made anew"
        unsealed = "it, or an input of it, was altered after it was written, and no seal tells which"
        return "tampering", sealed if self._has_seal else unsealed

    def _altered_input(self, difference: Difference, before: Sequence[Difference], inputs: Mapping[str, int]) -> str | None:
        for finding in self._sealed:
            place_, _, offset = finding.where.rpartition("|")
            if offset.isdigit() and int(offset) < inputs.get(place_.split("|")[0], 0):
                return f"{finding.where}, which it was made from, was altered after it was sealed"
        for other in (d.said.record for d in before):
            if other.offset < inputs.get(other.topic, 0):
                return f"it was made from {_place(other)}, which differs as well"
        for topic, identity in self._missing:
            if topic in inputs and (_time_of(identity) or 0) < (difference.said.time_ms or 0):
                return f"it was made from {identity}, which is missing"
        return None


def _another_order(replay: Replay) -> Iterator[Finding]:
    for name, topic in replay.topics.items():
        if topic.recorded.hexdigest() != topic.computed.hexdigest():
            yield Finding(name, "the same records in another order, or others among them", "tampering")


def _time_of(identity: str) -> int | None:
    """Ids are positional: the last part is a time, but for the ends (PROTOCOL 2.2)."""
    last = identity.rpartition("|")[2]
    return None if last == END_ID else times.parse(last)


def _place(record: Record) -> str:
    return place(record.topic, record.partition, record.offset)
