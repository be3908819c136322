"""The calibrator's state machine: one decision per publication instant (PROTOCOL section 6).

Inputs: sim.results, dc.power (through `Telemetry`), sim.topology (the ledger), sim.calibration (its own decisions, read back).
Outputs: calibrated events on sim.topology, decisions, alarms and `end` on sim.calibration, notes of silence on dc.power, dead letters.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from opendt_streams.calibration.port import Evidence, Fault, Method, Proposal
from opendt_streams.errors import BadInput
from opendt_streams.model import times
from opendt_streams.model.canonical import JSON
from opendt_streams.model.decision import Alarm, Decision
from opendt_streams.model.event import TopologyEvent
from opendt_streams.model.result import WindowResult
from opendt_streams.model.topology_json import power_model_document, read_power_model
from opendt_streams.topology.events import calibrated_topology, make_event, parameters
from opendt_streams.topology.ledger import Accepted
from opendt_streams.twin.machine import Machine
from opendt_streams.twin.outputs import Output
from opendt_streams.twin.telemetry import Prefix, Telemetry
from opendt_streams.windows.grid import Grid
from opendt_streams.wire import headers as h
from opendt_streams.wire import topics
from opendt_streams.wire.messages import AlarmRecorded, CalibrationEnded, DecisionRecorded, Invalid, Message, ResultRecorded, ResultsEnded
from opendt_streams.wire.twin import RESUME, alarm_value, calibration_end_value, decision_value

OFF = "off"


@dataclass(frozen=True, slots=True)
class _Held:
    """A result, its offset, and the ledger offset that its header names."""

    offset: int
    result: WindowResult
    ledger: int


@dataclass(frozen=True, slots=True)
class _Draft:
    """What was worked out for an instant while its event awaits the verdict: a function of the inputs, so it is not worked out again."""

    instant_ms: int
    prefix: Prefix
    proposal: Proposal


class Calibrator(Machine):
    reads: ClassVar = (topics.RESULTS, topics.POWER, topics.LEDGER, topics.CALIBRATION)
    name: ClassVar = "calibrator"

    def __init__(self, datacenter: str, grid: Grid, method: Method) -> None:
        super().__init__(datacenter)
        self.grid, self.method = grid, method
        self.telemetry = Telemetry(grid.max_jump_ms)
        self.results: deque[_Held] = deque()  # after the newest decided instant
        self.results_ended = False
        self.expected_ms: int | None = None  # start of the next window that is not a repetition
        self.decided_ms: int | None = None  # the newest decided instant
        self.estimate: Mapping[str, JSON] = {}
        self._written_ms: int | None = None  # instant whose decision of ours is on its way
        self._draft: _Draft | None = None
        self._silent = False

    def resume_from(self, recorded: DecisionRecorded, next_calibration: int) -> None:
        """Go on from a decision in the log, which is the calibrator's snapshot; the ledger was folded before (PROTOCOL 6.6)."""
        self.telemetry.restart(recorded.resume)
        self._adopt(recorded)
        self.next |= {topics.CALIBRATION: next_calibration, topics.RESULTS: recorded.resume.results, topics.POWER: recorded.resume.power}

    def silence(self) -> list[Output]:
        """`max_wait` has passed in wall time with all results held and dc.power read to its end: note that down (PROTOCOL 6.4)."""
        self._outputs, self._silent = [], True
        self._go()
        self._silent = False
        return self._outputs

    @property
    def waits_for_power(self) -> bool:
        """All results of the next instant are held and only telemetry is missing: the time that counts towards `max_wait`."""
        instant = self._next_instant()
        last = self._last_result(instant)
        if self.done or instant is None or last is None or self._written_ms == instant or self._draft is not None:
            return False
        return self.method.name != OFF and not last.result.drain and self.telemetry.until(instant, self.decided_ms) is None

    # -- inputs ----------------------------------------------------------------------------------------------------------

    def _take(self, topic: str, offset: int, message: Message) -> None:
        if topic == topics.POWER:
            if (reason := self.telemetry.put(offset, message)) is not None:
                self._dead_letter(topic, offset, reason)
        elif topic == topics.LEDGER:
            self._fold(offset, message)
        elif isinstance(message, Invalid):
            self._dead_letter(topic, offset, message.reason)
        elif topic == topics.RESULTS:
            self._take_result(offset, message)
        elif isinstance(message, CalibrationEnded):
            self.done = True
        elif isinstance(message, DecisionRecorded):
            if self.decided_ms is None or message.decision.instant_ms > self.decided_ms:
                self._adopt(message)
        elif not isinstance(message, AlarmRecorded):
            self._dead_letter(topic, offset, f"{type(message).__name__} does not belong on this topic")

    def _take_result(self, offset: int, message: Message) -> None:
        if isinstance(message, ResultsEnded):
            self.results_ended = True
        elif isinstance(message, ResultRecorded):
            result = message.result
            is_next = self.expected_ms is None or result.window_start_ms == self.expected_ms
            if is_next and not (self.decided_ms is not None and result.window_end_ms <= self.decided_ms):
                self.results.append(_Held(offset, result, message.ledger))  # the first of an id
                self.expected_ms = result.window_end_ms

    def _adopt(self, recorded: DecisionRecorded) -> None:
        """What the log says about an instant is what the calibrator goes on from, whoever wrote it."""
        decision = recorded.decision
        self.decided_ms, self.estimate = decision.instant_ms, decision.estimate
        self.telemetry.adopt(recorded.resume)
        while self.results and self.results[0].result.window_end_ms <= decision.instant_ms:
            self.results.popleft()
        self.expected_ms = max(self.expected_ms or decision.instant_ms, decision.instant_ms)
        self._inflight.clear()
        self._draft = None

    # -- deciding --------------------------------------------------------------------------------------------------------

    def _go(self) -> None:
        if self.done:
            return
        instant = self._next_instant()
        last = self._last_result(instant)
        if instant is None or last is None:
            if self.results_ended:
                self.done = True
                value = calibration_end_value(self.datacenter)
                self._publish(topics.CALIBRATION, str(value["id"]), "end", value)
            return
        if self._written_ms != instant:  # else parked until it reads its own decision
            self._decide(instant, last)

    def _next_instant(self) -> int | None:
        if self.decided_ms is not None:
            return self.decided_ms + self.grid.publish_every_ms
        return self.grid.first_instant(self.results[0].result.window_start_ms) if self.results else None

    def _last_result(self, instant: int | None) -> _Held | None:
        """The result that ends at the instant, once everything until then is held."""
        if instant is None:
            return None
        return next((held for held in reversed(self.results) if held.result.window_end_ms == instant), None)

    def _decide(self, instant: int, last: _Held) -> None:
        if self.ledger.offset < last.ledger:
            return
        in_force = self.ledger.head_at(last.ledger)
        if in_force is None:
            return
        draft = self._draft or self._work_out(instant, last, in_force)
        if draft is None:
            return
        self._draft = draft
        secured = None
        if draft.proposal.models is not None:
            secured = self._secure(self._decision_id(instant), lambda head: self._event(head or in_force, in_force, draft))
            if secured is None:
                return
        self._written_ms = instant
        for fault in draft.proposal.alarms:
            alarm_id = f"{self.datacenter}|{fault.kind}|{times.iso(fault.time_ms)}"
            alarm = Alarm(alarm_id, self.datacenter, fault.kind, fault.time_ms, fault.text)
            self._publish(topics.CALIBRATION, alarm.id, "alarm", alarm_value(alarm))
        self._publish(
            topics.CALIBRATION,
            self._decision_id(instant),
            "calibration-decision",
            decision_value(self._decision(draft, secured, in_force)),
            **{
                h.PIN: str(self.ledger.offset),
                h.RESUME: h.json_header(RESUME.dump_python(draft.prefix.resume(last.offset + 1))),
            },
        )

    def _work_out(self, instant: int, last: _Held, in_force: Accepted) -> _Draft | None:
        """What to decide; None while telemetry is missing."""
        here = self.telemetry.here(self.next[topics.POWER])
        if self.method.name == OFF:
            return _Draft(instant, here, self._kept(OFF))
        if last.result.drain:
            return _Draft(instant, here, self._kept("ended"))
        prefix = self.telemetry.until(instant, self.decided_ms)
        if prefix is None:
            if self._silent:
                self._silent = False
                value: dict[str, JSON] = {"message_type": "silence", "instant": times.iso(instant)}
                self._publish(topics.POWER, f"{self.datacenter}|silence|{times.iso(instant)}", "silence", value)
            return None
        if prefix.samples is None:
            return _Draft(instant, prefix, self._kept("no telemetry"))
        results = tuple(held.result for held in self.results if held.result.window_end_ms <= instant)
        evidence = Evidence(instant, results, prefix.samples, in_force.topology)
        return _Draft(instant, prefix, _publishable(self.method.decide(self.estimate, evidence), instant))

    def _kept(self, reason: str) -> Proposal:
        return Proposal(self.estimate, None, reason)

    def _event(self, head: Accepted, in_force: Accepted, draft: _Draft) -> TopologyEvent:
        return make_event(
            parent=head.event.id,
            kind="calibrated",
            actor=self.name,
            reason=draft.proposal.reason,
            cause=self._decision_id(draft.instant_ms),
            topology=calibrated_topology(head.topology, in_force.topology, draft.proposal.models or {}),
        )

    def _decision(self, draft: _Draft, secured: Accepted | None, in_force: Accepted) -> Decision:
        proposal, samples = draft.proposal, draft.prefix.samples or ()
        return Decision(
            id=self._decision_id(draft.instant_ms),
            datacenter=self.datacenter,
            instant_ms=draft.instant_ms,
            method=self.method.name,
            outcome="calibrated" if secured else "kept",
            reason=proposal.reason,
            topology_event=secured.event.id if secured else None,
            parameters=parameters((secured or in_force).topology),
            estimate=proposal.estimate,
            data_from_ms=samples[0].time_ms if samples else None,
            data_until_ms=samples[-1].time_ms if samples else None,
            samples=len(samples),
            late_samples=draft.prefix.late,
            score_in_force=proposal.score_in_force,
            score_before=proposal.score_before,
            score_after=proposal.score_after,
            interval_half_width=proposal.interval_half_width,
            discrepancy=proposal.discrepancy,
        )

    def _decision_id(self, instant_ms: int) -> str:
        return f"{self.datacenter}|{times.iso(instant_ms)}"


def _publishable(proposal: Proposal, instant_ms: int) -> Proposal:
    """The proposal, without models that the ledger would reject: an event of ours that is not accepted would be waited for in vain."""
    try:
        for model in set((proposal.models or {}).values()):
            read_power_model(power_model_document(model), "opendc")
    except BadInput as error:
        reason = f"the fit gives no power model: {error}"
        return replace(proposal, models=None, reason=reason, alarms=(*proposal.alarms, Fault("fit", instant_ms, reason)))
    return proposal
