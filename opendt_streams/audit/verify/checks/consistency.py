"""What records say of each other, checked without recomputing anything: so somebody who altered records and then sealed them anew, with
digests that fit, is still found where what he wrote does not fit the rest. (What does fit the rest, replay recomputes.)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, Final

from opendt_streams.audit.evidence import Evidence
from opendt_streams.audit.finding import Finding, place
from opendt_streams.audit.replay.machines import logged_machines
from opendt_streams.audit.verify.checks.mentions import Mentions
from opendt_streams.audit.verify.checks.order import Order
from opendt_streams.audit.verify.checks.provenance import Provenance
from opendt_streams.errors import OpenDTError
from opendt_streams.topology.verify import verify_ledger
from opendt_streams.twinlog.digest import TopicDigest
from opendt_streams.wire import topics
from opendt_streams.wire.messages import CalibrationEnded, Message, ResultsEnded
from opendt_streams.wire.record import Record

# The configuration before what names it, results before decisions, dead letters before what they are about.
_ORDER: Final = (
    topics.CONFIG,
    topics.DEAD_LETTER,
    topics.RESULTS,
    topics.CALIBRATION,
    topics.LEDGER,
    topics.PHYSICAL,
    topics.POWER,
    topics.WORKLOAD,
)
_SYSTEM: Final = (topics.CONFIG, topics.DEAD_LETTER)
_FINAL: Final = (topics.RESULTS, topics.CALIBRATION)  # nothing that counts follows their `end`


class Consistency:
    """`summary`: what the run said of itself at its end; None where it did not.

    After `findings` is exhausted `complete` says whether both ends are there.
    """

    def __init__(self, evidence: Evidence, summary: Mapping[str, Any] | None) -> None:
        self._evidence, self._summary = evidence, summary
        self.complete = False
        self.notes: list[str] = []

    def findings(self) -> Iterator[Finding]:
        """Everything, topic by topic.

        Raises:
            DamagedEvidence: a file of records cannot be read.
        """
        try:
            machines = logged_machines(self._evidence)
        except OpenDTError as error:
            self.notes.append(f"what the records say of each other was not checked: {error}")
            return
        yield from machines.findings
        evidence = self._evidence
        provenance = Provenance(evidence.info.datacenter, self._ends())
        order, mentions = Order(machines.grid), Mentions()
        ended: set[str] = set()
        digests = {topic: TopicDigest() for topic in _FINAL}
        for topic in _ORDER:
            for record in evidence.own(topic):
                message = self._message(record)
                if isinstance(message, ResultsEnded | CalibrationEnded):
                    ended.add(topic)
                if message is not None and topic in digests:
                    digests[topic].feed(evidence.info.datacenter, record.offset, record.value, message)
                yield from chain(provenance.take(record, message), order.take(record, message), mentions.take(record, message))
        self.complete = ended == set(_FINAL)
        yield from mentions.missing(snapshots=self._starts(topics.PHYSICAL) == 0)
        yield from self._beyond(provenance.beyond)
        if self.complete:
            yield from self._as_summarised(digests)
        yield from self._ledger()

    @staticmethod
    def _message(record: Record) -> Message | None:
        """What a record says. Nothing here asks for the content of tasks, of which most of the bytes consist."""
        if record.topic in _SYSTEM or (record.topic == topics.WORKLOAD and b'"heartbeat"' not in (record.value or b"")):
            return None
        return record.message()

    def _beyond(self, found: list[Finding]) -> Iterator[Finding]:
        if self.complete:
            yield from found
        elif found:
            self.notes.append(
                f"{len(found)} records, the first at {found[0].where}, name inputs that came after this copy: "
                "the run was going on, or it was cut off"
            )

    def _as_summarised(self, digests: Mapping[str, TopicDigest]) -> Iterator[Finding]:
        said = (self._summary or {}).get("digests") or {}
        for topic, digest in digests.items():
            if topic in said and said[topic] != digest.hexdigest():
                what = f"the digest of {topic} is {digest.hexdigest()}; at the end of the run it was {said[topic]}"
                yield Finding(topic, what, "tampering", "digest")

    def _ledger(self) -> Iterator[Finding]:
        own, info = self._evidence.own, self._evidence.info
        report = verify_ledger(own(topics.LEDGER), own(topics.CALIBRATION), own(topics.RESULTS), datacenter=info.datacenter)
        for problem in report.problems:
            where = place(problem.topic, info.partition, problem.offset)
            if problem.refused:
                self.notes.append(f"{where}: {problem.what}; the fold refuses it; whether it was written so only a seal tells")
            else:
                yield Finding(where, problem.what, "tampering", problem.field)

    def _starts(self, topic: str) -> int:
        return self._evidence.info.log.get(topic, (0, 0))[0]

    def _ends(self) -> dict[str, int]:
        """The offset after the last record of each topic."""
        ends = {topic: end for topic, (_, end) in self._evidence.info.log.items()}
        for topic in topics.ALL_TOPICS:
            if topic not in ends:
                ends[topic] = max((record.offset + 1 for record in self._evidence.records(topic)), default=0)
        return ends
