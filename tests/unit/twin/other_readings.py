"""Other plausible readings of PROTOCOL, one at a time put into the machines: each must be caught by the search, or the tests are blunt."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import pytest

from opendt_streams.model.event import TopologyEvent
from opendt_streams.topology.ledger import Accepted, Judged, Ledger, Verdict
from opendt_streams.twin.calibrator import Calibrator, _Draft
from opendt_streams.twin.intake import Counts, Intake, Naming
from opendt_streams.twin.machine import Machine
from opendt_streams.twin.outputs import Publish
from opendt_streams.twin.physical import Physical
from opendt_streams.twin.simulator import Simulator
from opendt_streams.twin.telemetry import Prefix, Telemetry
from opendt_streams.wire import topics
from opendt_streams.wire.messages import DecisionRecorded, End, Heartbeat, Invalid, Message, Snapshot
from opendt_streams.wire.twin import event_value
from tests.unit.twin import workers
from tests.unit.twin.logs import record_of

Patch = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True, slots=True)
class Reading:
    """How to read it otherwise, and which faults bring it to light soonest."""

    patch: Patch
    faults: Mapping[str, bool] = field(default_factory=dict)


READINGS: Final[dict[str, Reading]] = {}


def reading(**faults: bool) -> Callable[[Patch], Patch]:
    def register(patch: Patch) -> Patch:
        READINGS[patch.__name__] = Reading(patch, faults)
        return patch

    return register


# -- the physical topology -------------------------------------------------------------------------------------------------


@reading(unnamed=False)
def the_newest_named_snapshot_holds(mp: pytest.MonkeyPatch) -> None:
    original = Physical.at
    mp.setattr(Physical, "at", lambda self, instant_ms, named: original(self, 2**60, named))


@reading(unnamed=False)
def the_newest_snapshot_read_holds(mp: pytest.MonkeyPatch) -> None:
    original = Physical.at
    mp.setattr(Physical, "at", lambda self, instant_ms, named: original(self, instant_ms, [Naming(instant_ms, None)]))


@reading()
def an_invalid_snapshot_is_not_read(mp: pytest.MonkeyPatch) -> None:
    original = Physical.read

    def read(self: Physical, offset: int, message: Snapshot | Invalid) -> None:
        if not isinstance(message, Invalid):
            original(self, offset, message)

    mp.setattr(Physical, "read", read)


@reading(unnamed=False)
def only_the_heartbeat_waits_for_its_snapshot(mp: pytest.MonkeyPatch) -> None:
    original = Intake.take

    def take(self: Intake, known: Callable[[str], bool]) -> list[tuple[int, str]]:
        waiting = deque((o, m) for o, m in self.parked if isinstance(m, Heartbeat) and m.snapshot is not None and not known(m.snapshot))
        self.parked = deque(x for x in self.parked if x not in waiting)
        refused = original(self, known)
        self.parked.extendleft(reversed(waiting))
        return refused

    mp.setattr(Intake, "take", take)


@reading(crash=True, unnamed=True)
def a_decided_instant_gets_its_baseline_all_the_same(mp: pytest.MonkeyPatch) -> None:
    original = Simulator._settled

    def settled(self: Simulator) -> bool:
        pins, self.pins = self.pins, {}
        try:
            return original(self)
        finally:
            self.pins = pins

    mp.setattr(Simulator, "_settled", settled)


# -- events ----------------------------------------------------------------------------------------------------------------


@reading(crash=True)
def a_baseline_is_not_adopted_by_its_cause(mp: pytest.MonkeyPatch) -> None:
    original = Machine._secure

    def secure(self: Machine, cause: str, make: Callable[[Accepted | None], TopologyEvent]) -> Accepted | None:
        if self.name != "simulator":
            return original(self, cause, make)
        mine = self._inflight.get(cause)
        if mine is not None and self.ledger.verdicts.get(mine) is Verdict.ACCEPTED:
            return self.ledger.accepted(mine)
        if mine is None or self.ledger.verdicts.get(mine) is Verdict.STALE:
            event = make(self.ledger.head)
            self._inflight[cause] = event.id
            self._publish(topics.LEDGER, event.id, "topology-event", event_value(event))
        return None

    mp.setattr(Machine, "_secure", secure)


@reading(edit=True, double=True)
def the_second_record_of_an_event_is_judged_again(mp: pytest.MonkeyPatch) -> None:
    original = Ledger.add

    def add(self: Ledger, offset: int, event: TopologyEvent) -> Judged | None:
        self.verdicts.pop(event.id, None)
        return original(self, offset, event)

    mp.setattr(Ledger, "add", add)


@reading(edit=True)
def windows_use_the_newest_head(mp: pytest.MonkeyPatch) -> None:
    original = Simulator._topology_in_force

    def in_force(self: Simulator, window_ms: int) -> Accepted | None:
        return self.ledger.head if original(self, window_ms) else None

    mp.setattr(Simulator, "_topology_in_force", in_force)


@reading(edit=True)
def the_fit_starts_from_the_newest_head(mp: pytest.MonkeyPatch) -> None:
    class Newest(Ledger):
        def head_at(self, pin: int) -> Accepted | None:
            return self.head

    original = Calibrator.__init__

    def init(self: Calibrator, *arguments: Any) -> None:
        original(self, *arguments)
        self.ledger = Newest()

    mp.setattr(Calibrator, "__init__", init)


# -- tasks and the drain ---------------------------------------------------------------------------------------------------


@reading(paced=True)
def tasks_count_where_they_are_read(mp: pytest.MonkeyPatch) -> None:
    class Whatever(dict[int, Counts]):
        """Gives all that was counted so far to whichever window is simulated next."""

        def pop(self, key: int, default: Any = None) -> Counts:
            gathered = Counts(*(sum(getattr(c, name) for c in self.values()) for name in ("late", "duplicate", "empty")))
            self.clear()
            return gathered

    original = Intake.__init__

    def init(self: Intake, *arguments: Any) -> None:
        original(self, *arguments)
        self.counts = Whatever()

    mp.setattr(Intake, "__init__", init)


@reading()
def the_drain_ends_when_nothing_runs(mp: pytest.MonkeyPatch) -> None:
    original = Simulator._due

    def due(self: Simulator, window_ms: int) -> bool:
        waiting, self.intake.waiting = self.intake.waiting, {w: t for w, t in self.intake.waiting.items() if w <= window_ms}
        try:
            return original(self, window_ms)
        finally:
            self.intake.waiting = waiting

    mp.setattr(Simulator, "_due", due)


# -- telemetry -------------------------------------------------------------------------------------------------------------


@reading(silence=False)
def the_end_does_not_reach_the_instants_behind_it(mp: pytest.MonkeyPatch) -> None:
    original = Telemetry.put

    def put(self: Telemetry, offset: int, message: Message) -> str | None:
        reason = original(self, offset, message)
        self.entries = deque(e for e in self.entries if not isinstance(e.message, End))
        return reason

    mp.setattr(Telemetry, "put", put)


@reading(crash=True)
def reading_resumes_after_the_message_that_reached_the_instant(mp: pytest.MonkeyPatch) -> None:
    original = Prefix.resume

    def resume(self: Prefix, results: int) -> Any:
        point = original(self, results)
        return replace(point, power=point.power + (1 if self.samples is not None else 0))

    mp.setattr(Prefix, "resume", resume)


@reading(crash=True)
def late_samples_are_fitted_if_they_are_new(mp: pytest.MonkeyPatch) -> None:
    original = Telemetry.until
    fitted: dict[int, set[tuple[int, float]]] = {}

    def until(self: Telemetry, instant_ms: int, previous_ms: int | None) -> Prefix | None:
        prefix = original(self, instant_ms, None)
        if prefix is None or prefix.samples is None:
            return prefix
        known = fitted.setdefault(id(self), set())
        samples = tuple(s for s in prefix.samples if (s.time_ms, s.power_w) not in known)
        known |= {(s.time_ms, s.power_w) for s in samples}
        return replace(prefix, samples=samples)

    mp.setattr(Telemetry, "until", until)


@reading(silence=True, double=True)
def silence_is_not_written_down(mp: pytest.MonkeyPatch) -> None:
    original = Calibrator._work_out

    def work_out(self: Calibrator, *arguments: Any) -> Any:
        silent, self._silent = self._silent, False
        draft = original(self, *arguments)
        if draft is None and silent:
            return _Draft(arguments[0], self.telemetry.here(self.next[topics.POWER]), self._kept("no telemetry"))
        return draft

    mp.setattr(Calibrator, "_work_out", work_out)


# -- state -----------------------------------------------------------------------------------------------------------------


@reading(crash=True, double=False, edit=False, unnamed=False)
def state_is_stored_before_outputs_are_acknowledged(mp: pytest.MonkeyPatch) -> None:
    mp.setattr(workers.SimulatorWorker, "stores_unacknowledged", True)
    mp.setattr(workers.CalibratorWorker, "decides_unacknowledged", True)


@reading(double=True, silence=True)
def the_calibrator_goes_on_from_its_own_decision(mp: pytest.MonkeyPatch) -> None:
    decide, take = Calibrator._decide, Calibrator._take

    def decide_and_adopt(self: Calibrator, *arguments: Any) -> None:
        decide(self, *arguments)
        for output in self._outputs:
            if isinstance(output, Publish) and output.kind == "calibration-decision":
                record = record_of(output, self.name)
                assert record is not None
                assert isinstance(record.message, DecisionRecorded)
                self._adopt(record.message)

    def take_others(self: Calibrator, topic: str, offset: int, message: Message) -> None:
        if not isinstance(message, DecisionRecorded):
            take(self, topic, offset, message)

    mp.setattr(Calibrator, "_decide", decide_and_adopt)
    mp.setattr(Calibrator, "_take", take_others)


@reading(unnamed=True)
def carbon_is_that_of_the_newest_snapshot_read(mp: pytest.MonkeyPatch) -> None:
    mp.setattr(Physical, "carbon_source", lambda self, instant_ms, named: self.at(instant_ms, named) or self.initial(named))
