"""Walking the ledger: chain, digests and verdicts, and whether decisions and results refer to it as the protocol says (PROTOCOL 5, 6).

Pure: whoever calls has the records. An altered event is reported and then folded as if it were not, so that every fault is found for itself
and what follows from one is not taken for others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from opendt_streams.model.canonical import canonical
from opendt_streams.model.event import MAIN
from opendt_streams.topology.compact import CompactLedger
from opendt_streams.topology.damage import Alteration, alteration
from opendt_streams.topology.judging import Verdict
from opendt_streams.topology.problem import Problem
from opendt_streams.topology.reading import Reading
from opendt_streams.topology.used import references
from opendt_streams.wire import topics
from opendt_streams.wire.headers import ID, SOURCE, writer_of
from opendt_streams.wire.messages import Invalid
from opendt_streams.wire.record import Record
from opendt_streams.wire.twin import read_value

SERVICES: Final = frozenset(("simulator", "calibrator", "api", "cli"))


@dataclass(frozen=True, slots=True)
class LedgerReport:
    """`foreign` records are no events, and none of the twin's; `heads` are ids by branch.

    `digest` is that of sim.topology by PROTOCOL 2.3: of the accepted events of main. `problems` are in the order of the ledger, then
    those of decisions and results.
    """

    records: int
    accepted: int
    rejected: int
    repeated: int
    foreign: int
    heads: dict[str, str]
    digest: str
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        return not self.problems


def verify_ledger(
    records: Iterable[Record], decisions: Iterable[Record] = (), results: Iterable[Record] = (), *, datacenter: str | None = None
) -> LedgerReport:
    """Everything that is wrong with one datacenter's records of sim.topology, and with the decisions and results that refer to them.

    `datacenter` names the ledger in its digest; it is the first record's key where it is not given.
    """
    walk = _Walk()
    for record in records:
        if datacenter is None:
            datacenter = (record.key or b"").decode(errors="replace")
        walk.take(record)
    problems = [*walk.ledger_problems(), *references(walk.ledger, walk.causes, decisions, results)]
    total = hashlib.sha256()
    if walk.counts[Verdict.ACCEPTED]:
        total.update(f"{datacenter} {walk.values.hexdigest()}\n".encode())
    counts = walk.counts
    return LedgerReport(
        records=len(walk.ledger),
        accepted=counts[Verdict.ACCEPTED],
        rejected=sum(n for verdict, n in counts.items() if verdict is not Verdict.ACCEPTED),
        repeated=walk.repeated,
        foreign=walk.foreign,
        heads=dict(walk.ledger.heads()),
        digest=total.hexdigest(),
        problems=tuple(problems),
    )


class _Walk:
    def __init__(self) -> None:
        self.ledger = CompactLedger()
        self.values = hashlib.sha256()
        self.counts = dict.fromkeys(Verdict, 0)
        self.repeated = self.foreign = 0
        self.causes: dict[str, str] = {}  # accepted event of main -> its cause
        self._problems: list[Problem] = []
        self._refused: dict[str, int] = {}  # id -> place in the problems
        self._orphans: list[tuple[int, int, str]] = []  # (place in the problems, offset, parent)

    def take(self, record: Record) -> None:
        reading = self.ledger.reader.read(record)
        if isinstance(reading, Invalid):
            self._no_event(record, reading)
            self.ledger.fold(record, reading)
            return
        found = self._examine(record, reading)
        if found is not None:
            self._problems.append(found)
        verdict = self.ledger.fold(record, reading)
        if verdict is None:
            self.repeated += 1
            return
        self.counts[verdict] += 1
        if verdict is Verdict.ACCEPTED and reading.branch == MAIN:
            self.causes[reading.id] = reading.cause
            self.values.update((reading.value if reading.canonical else canonical(read_value(reading.value))) + b"\n")

    def ledger_problems(self) -> Iterator[Problem]:
        """In the order of the log. An orphan's parent may have come after it: then two events were swapped."""
        later = {
            place: f"its parent {parent} comes after it, at offset {self._offset(parent)}: the order was changed"
            for place, _, parent in self._orphans
            if parent in self.ledger.first
        }
        for place, problem in enumerate(self._problems):
            yield replace(problem, what=later[place]) if place in later else problem

    def _offset(self, event_id: str) -> int:
        return self.ledger.log.offsets[self.ledger.first[event_id]]

    def _no_event(self, record: Record, reading: Invalid) -> None:
        if writer_of(record.headers) in SERVICES:
            self._problems.append(
                _problem(record, "value", f"{record.headers[SOURCE]} wrote an event here, and this is none: {reading.reason}")
            )
        else:
            self.foreign += 1

    def _examine(self, record: Record, reading: Reading) -> Problem | None:
        """What is wrong with an event; it is then made what it was before, as far as that can be told."""
        altered = alteration(reading, self.ledger.heads())
        if altered is not None:
            found = _problem(record, altered.field, altered.what)
            if writer_of(reading.headers) in SERVICES:
                _repair(reading, altered)
                return found
            self._refused.setdefault(reading.id, len(self._problems))
            return replace(found, refused=True)
        self._built_on(reading)
        first = self.ledger.first.get(reading.id)
        if first is not None:
            if self.ledger.values[first] != reading.value:
                return _problem(record, "value", f"offset {self._offset(reading.id)} holds the same id with other bytes")
            return None
        if reading.parent is not None and reading.parent not in self.ledger.first:
            self._orphans.append((len(self._problems), record.offset, reading.parent))
            what = f"no event before this one has the id {reading.parent}: an event is missing"
            self._attach(reading)
            return _problem(record, "parent", what)
        return self._envelope(record, reading)

    def _built_on(self, reading: Reading) -> None:
        """A service builds on accepted events only: what it names as parent was another when it read it."""
        if reading.parent in self._refused and writer_of(reading.headers) in SERVICES:
            place = self._refused.pop(reading.parent)
            self._problems[place] = replace(self._problems[place], refused=False)

    def _envelope(self, record: Record, reading: Reading) -> Problem | None:
        """Header and form, of events whose content is what its digests say."""
        ours = writer_of(reading.headers) in SERVICES
        if ours and not reading.canonical:
            return _problem(record, "value", "the same event in other bytes than the twin writes (RFC 8785)")
        named = reading.headers.get(ID)
        if named != reading.id and (named is not None or ours):
            return _problem(record, ID, f"the header is {named}, the event's id {reading.id}")
        return None

    def _attach(self, reading: Reading) -> None:
        """Fold an event whose parent is missing as if that had been the head."""
        reading.trusted, head = True, self.ledger.heads().get(reading.branch)
        if head is not None:
            reading.parent = head
        elif reading.branch == MAIN:
            reading.kind, reading.parent = "baselined", None
        else:
            reading.kind, reading.parent = "branched", self.ledger.heads().get(MAIN)


def _repair(reading: Reading, altered: Alteration) -> None:
    reading.trusted = True
    if altered.before is not None:
        setattr(reading, altered.field, altered.before)


def _problem(record: Record, field: str, what: str) -> Problem:
    return Problem(topics.LEDGER, record.offset, field, what)
