"""Recomputing what the twin said, with its own machines, and comparing it with what was recorded.

People's events, the datacenter's messages and notes of silence are facts. Window results, decisions, alarms, ends and the machines' own
ledger events are computed again, each from what its header says had been read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from opendt_streams.audit.evidence import Evidence
from opendt_streams.audit.replay.difference import first_difference
from opendt_streams.audit.replay.driver import Driver
from opendt_streams.audit.replay.machines import Machines
from opendt_streams.audit.replay.script import Said, is_complete, script
from opendt_streams.audit.replay.span import WHOLE, Span
from opendt_streams.twin.calibrator import Calibrator
from opendt_streams.twin.machine import Machine
from opendt_streams.twin.simulator import Simulator
from opendt_streams.twinlog.digest import TopicDigest
from opendt_streams.wire import topics
from opendt_streams.wire.decode import decode
from opendt_streams.wire.twin import read_value

_MOST_IN_VAIN: Final = 3  # outputs computed each on its own, from the start, that do not come out: then the rest is not tried


@dataclass(frozen=True, slots=True)
class Difference:
    """An output that is not what the twin computes. `field`: None where nothing came out at all."""

    said: Said
    field: str | None
    what: str


@dataclass(slots=True)
class TopicReplay:
    """One topic, recorded against recomputed. `beyond`: outputs whose inputs were not there yet when a live run was copied."""

    recorded: TopicDigest = field(default_factory=TopicDigest)
    computed: TopicDigest = field(default_factory=TopicDigest)
    compared: int = 0
    beyond: int = 0


@dataclass(slots=True)
class Replay:
    """`missing`: (topic, id) of what the twin computes amid what is recorded, and nobody recorded.

    `resumed_ms`: from which event time on a machine was run, where it began with a snapshot.
    """

    complete: bool  # the twin had come to its end
    topics: dict[str, TopicReplay] = field(default_factory=lambda: {t: TopicReplay() for t in topics.TWIN_TOPICS})
    differences: list[Difference] = field(default_factory=list)
    missing: list[tuple[str, str]] = field(default_factory=list)
    first_ms: int | None = None  # event time of the first and the last output compared
    last_ms: int | None = None
    resumed_ms: dict[str, int] = field(default_factory=dict)

    @property
    def equal(self) -> bool:
        same = all(t.recorded.hexdigest() == t.computed.hexdigest() for t in self.topics.values())
        return same and not self.differences and not self.missing

    def covers(self, time_ms: int) -> None:
        self.first_ms = time_ms if self.first_ms is None else min(self.first_ms, time_ms)
        self.last_ms = time_ms if self.last_ms is None else max(self.last_ms, time_ms)


class Replayer:
    """`watch` is called with the event time of outputs as they are compared, `keep` with the machine that said them."""

    def __init__(
        self,
        evidence: Evidence,
        machines: Machines,
        *,
        span: Span = WHOLE,
        keep: Callable[[Machine], None] | None = None,
        watch: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._evidence, self._machines, self._span, self._keep, self._watch = evidence, machines, span, keep, watch
        self._ends = {topic: evidence.end(topic) for topic in topics.ALL_TOPICS}
        self._events: dict[int, bytes | None] = {}  # the machines' ledger events as computed, by offset
        self._found = Replay(is_complete(evidence))

    def run(self) -> Replay:
        for name in (Simulator.name, Calibrator.name):
            for said, computed in self._outputs(name):
                self._compare(said, computed)
        self._fold_ledger()
        order = topics.TWIN_TOPICS.index
        self._found.differences.sort(key=lambda d: (d.said.time_ms is None, d.said.time_ms or 0, order(d.said.record.topic)))
        return self._found

    # -- computing -------------------------------------------------------------------------------------------------------

    def _outputs(self, name: str) -> Iterator[tuple[Said, bytes | None]]:
        """Every recorded output of a machine within the span, with what the machine says."""
        driver = self._driver(name)
        overtaken: dict[tuple[str, str], None] = {}
        came_late: set[tuple[str, str]] = set()
        in_vain = 0
        for said in script(self._evidence, name):
            if self._span.is_after(said.time_ms):
                continue
            if self._is_beyond(said):
                self._found.topics[said.record.topic].beyond += 1
                continue
            driver.feed(said.inputs or {})
            key = (said.record.topic, said.id)
            overtaken |= dict.fromkeys(driver.before(key))
            computed = driver.said.pop(key, None)
            if computed is None:
                came_late.add(key)
            if self._span.is_before(said.time_ms):
                continue
            if computed is None and in_vain < _MOST_IN_VAIN:
                computed = self._alone(name, said)
                in_vain += computed is None
            if computed is None and said.record.topic == topics.LEDGER:
                computed = driver.event_of_cause(read_value(said.record.value or b"{}").get("cause"))
            yield said, computed
            if self._keep is not None:
                self._keep(driver.machine)
        self._found.missing += [key for key in overtaken if key in driver.said and key not in came_late]

    def _driver(self, name: str) -> Driver:
        start = self._span.from_ms
        if start is not None:
            found = self._machines.resume(name, start)
            if found is not None:
                self._found.resumed_ms[name], machine = found
                return Driver(machine, self._evidence)
        return Driver(self._machines.make[name](), self._evidence)

    def _alone(self, name: str, said: Said) -> bytes | None:
        """What a machine says that reads exactly what the header names, the ledger first: as one does that was restarted just before."""
        driver = Driver(self._machines.make[name](), self._evidence)
        driver.feed(said.inputs or {})
        return driver.said.get((said.record.topic, said.id))

    def _is_beyond(self, said: Said) -> bool:
        inputs = said.inputs or {}
        return not self._found.complete and any(offset > self._ends.get(topic, 0) for topic, offset in inputs.items())

    # -- comparing -------------------------------------------------------------------------------------------------------

    def _compare(self, said: Said, computed: bytes | None) -> None:
        record, time_ms, topic = said.record, said.time_ms, self._found.topics[said.record.topic]
        topic.compared += 1
        if time_ms is not None:
            self._found.covers(time_ms)
            self._watch(time_ms)
        if record.topic == topics.LEDGER:
            self._events[record.offset] = computed
        else:
            self._digest(topic, said, computed)
        if computed is None:
            self._found.differences.append(Difference(said, None, self._nothing(said)))
        elif (different := first_difference(record.value or b"", computed)) is not None:
            self._found.differences.append(Difference(said, *different))

    def _nothing(self, said: Said) -> str:
        if said.inputs is None:
            return "its header does not say from which inputs it was made, and none of this id comes out"
        read = ", ".join(f"{topic} up to {offset}" for topic, offset in sorted(said.inputs.items()))
        return f"from the inputs that its header names ({read}) the twin says nothing of this id"

    def _digest(self, topic: TopicReplay, said: Said, computed: bytes | None) -> None:
        record, datacenter = said.record, self._evidence.info.datacenter
        message = said.message
        topic.recorded.feed(datacenter, record.offset, record.value, message)
        if computed is not None:
            if computed != record.value:
                message = decode(record.topic, computed, record.headers)
            topic.computed.feed(datacenter, record.offset, computed, message)

    def _fold_ledger(self) -> None:
        """The ledger as recorded, and with the machines' events as computed. People's events, and what was not compared, are facts."""
        topic = self._found.topics[topics.LEDGER]
        for record in self._evidence.own(topics.LEDGER):
            computed = self._events.get(record.offset, record.value)
            topic.recorded.feed(self._evidence.info.datacenter, record.offset, record.value, record.message())
            if computed is not None:
                message = decode(record.topic, computed, record.headers)
                topic.computed.feed(self._evidence.info.datacenter, record.offset, computed, message)
