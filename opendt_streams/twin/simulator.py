"""The simulator's state machine: windows that are due are simulated in order, on the topology that their hour's decision pins.

Inputs: dc.workload (through `Intake`), dc.topology (`Physical`), sim.topology (the ledger), sim.calibration (pins).
Outputs: window results and `end` on sim.results, baselines on sim.topology, dead letters, rows of the window table.
"""

from __future__ import annotations

from typing import ClassVar

from opendt_streams.engine.port import Engine, EngineKind, EngineSettings, LooksAhead, Submission
from opendt_streams.errors import BadInput, SimulationError
from opendt_streams.model import times
from opendt_streams.model.event import TopologyEvent
from opendt_streams.model.result import WindowResult
from opendt_streams.model.topology import Topology
from opendt_streams.topology.events import carried_over, make_event
from opendt_streams.topology.ledger import Accepted
from opendt_streams.twin.carbon import with_traces
from opendt_streams.twin.intake import Counts, Intake
from opendt_streams.twin.machine import Machine
from opendt_streams.twin.outputs import WindowRow
from opendt_streams.twin.physical import Physical
from opendt_streams.twin.results import failed_result, window_result
from opendt_streams.twin.unanswered import NONE, Unanswered
from opendt_streams.windows.grid import Grid
from opendt_streams.wire import topics
from opendt_streams.wire.messages import DecisionRecorded, Invalid, Message, Snapshot
from opendt_streams.wire.twin import result_value, results_end_value


class Simulator(Machine):
    reads: ClassVar = (topics.WORKLOAD, topics.PHYSICAL, topics.LEDGER, topics.CALIBRATION)
    name: ClassVar = "simulator"

    def __init__(
        self, datacenter: str, grid: Grid, engines: EngineKind, policy: str = "Mem", semantics: str = "2.4f", unanswered: Unanswered = NONE
    ) -> None:
        super().__init__(datacenter)
        self.grid, self.engines, self.policy, self.semantics, self.unanswered = grid, engines, policy, semantics, unanswered
        self.intake, self.physical = Intake(grid), Physical()
        self.pins: dict[int, int] = {}  # instant -> ledger offset that its windows use
        self.root: Accepted | None = None  # the first baseline
        self.window_ms: int | None = None  # start of the next window to simulate
        self.announced_ms: int | None = None  # the newest window that the window table knows as open
        self.held: WindowResult | None = None  # the last result before an instant, until that instant's baseline is settled
        self.engine: Engine | None = None
        self.applied: tuple[str, str] | None = None  # topology event and carbon content that the engine simulates
        self.levels = (0, 0)  # tasks running and queued at the end of the newest window
        self.failed = False  # the newest window could not be simulated
        self.unsimulated: list[Submission] = []  # tasks of windows that could not be simulated

    # -- inputs ----------------------------------------------------------------------------------------------------------

    def _take(self, topic: str, offset: int, message: Message) -> None:
        if topic == topics.WORKLOAD:
            self.intake.put(offset, message)
        elif topic == topics.PHYSICAL:
            self._take_snapshot(offset, message)
        elif topic == topics.LEDGER:
            if isinstance(message, Invalid):
                self._dead_letter(topic, offset, message.reason)
            self._fold(offset, message)
        elif isinstance(message, DecisionRecorded) and self._still_ahead(message.decision.instant_ms):
            self.pins.setdefault(message.decision.instant_ms, message.pin)  # the first of an id

    def _take_snapshot(self, offset: int, message: Message) -> None:
        if isinstance(message, Invalid):
            self._dead_letter(topics.PHYSICAL, offset, message.reason)
        if isinstance(message, Invalid | Snapshot):
            self.physical.read(offset, message)

    def _still_ahead(self, instant_ms: int) -> bool:
        return self.window_ms is None or instant_ms > self.window_ms - self.grid.publish_every_ms

    # -- what can go on --------------------------------------------------------------------------------------------------

    def _go(self) -> None:
        for offset, reason in self.intake.take(self.physical.knows):
            self._dead_letter(topics.WORKLOAD, offset, reason)
        if self.window_ms is None:
            self.window_ms = self.intake.first_ms
        self._announce_windows()
        while not self.done:
            if self.window_ms is None or not self._rooted() or not self._settled():
                if self.intake.ended and (self.window_ms is None or self._never_a_topology()):
                    self._finish()
                return
            if not self._due(self.window_ms):
                if self.intake.ended:
                    self._finish()
                return
            topology = self._topology_in_force(self.window_ms)
            if topology is None:
                return
            self._simulate(self.window_ms, topology)

    def _announce_windows(self) -> None:
        """Rows of the window table for windows that opened or became due with this input."""
        if self.intake.first_ms is None:
            return
        opened, step = self.intake.open_window_ms(), self.grid.window_ms
        start = self.intake.first_ms if self.announced_ms is None else self.announced_ms
        if self.announced_ms == opened:
            return
        self._outputs += [WindowRow(w, "due") for w in range(start, opened, step)]
        self._outputs.append(WindowRow(opened, "open"))
        self.announced_ms = opened

    def _due(self, window_ms: int) -> bool:
        """The watermark has reached its end, or `end` has come and the twin still drains."""
        mark = self.intake.watermark
        if mark.time_ms is not None and window_ms + self.grid.window_ms <= mark.time_ms:
            return True
        if not mark.ended or self.failed:
            return False
        busy = self.engine is not None and not self.engine.idle
        return busy or bool(self.intake.waiting) or window_ms < (mark.time_ms or window_ms)

    def _topology_in_force(self, window_ms: int) -> Accepted | None:
        """The head of main at the offset that the decision of the window's instant pins; None while that is not known (PROTOCOL 5.4)."""
        assert self.intake.first_ms is not None
        instant = self.grid.instant_of(window_ms)
        if instant <= self.intake.first_ms:
            return self.root
        pin = self.pins.get(instant)
        return self.ledger.head_at(pin) if pin is not None and self.ledger.offset >= pin else None

    # -- the physical topology -------------------------------------------------------------------------------------------

    def _rooted(self) -> bool:
        """Whether the first baseline stands; writes it as soon as it is known."""
        if self.root is None and (self.intake.watermark.time_ms is not None or self.intake.ended):
            snapshot = self.physical.initial(self.intake.named)
            if snapshot is not None:
                assert self.intake.first_ms is not None
                self.root = self._secure(
                    self._baseline_cause(self.intake.first_ms), lambda head: self._baseline(head, snapshot, self.intake.first_ms or 0)
                )
        return self.root is not None

    def _never_a_topology(self) -> bool:
        return self.root is None and self.physical.all_invalid(self.intake.named)

    def _settled(self) -> bool:
        """The last result before an instant waits for that instant's baseline, if the hardware is not what the last baseline says."""
        if self.held is None:
            return True
        instant = self.held.window_end_ms
        snapshot = self.physical.at(instant, self.intake.named)
        if instant not in self.pins and snapshot is not None and self._hardware_changed(snapshot, instant):
            baseline = self._secure(self._baseline_cause(instant), lambda head: self._baseline(head, snapshot, instant))
            if baseline is None:
                return False
        self._inflight.clear()
        self.intake.named = self.physical.still_needed(self.intake.named, instant)
        self._emit(self.held)
        self.held = None
        return True

    def _hardware_changed(self, snapshot: Snapshot, instant_ms: int) -> bool:
        """Against the newest baseline made for an earlier instant. Power parameters do not count: they carry over anyway."""
        before = next((a for a in reversed(self.ledger.main) if self._is_baseline_before(a.event, instant_ms)), None)
        return before is None or before.topology.without_power_models() != snapshot.topology.without_power_models()

    def _is_baseline_before(self, event: TopologyEvent, instant_ms: int) -> bool:
        """Replay and restart read the ledger first, so it may hold baselines of later instants already."""
        made_for = event.cause.removeprefix(f"{self.datacenter}|").removesuffix("|baseline")
        if event.kind != "baselined" or event.cause != f"{self.datacenter}|{made_for}|baseline":
            return False  # whatever its actor calls himself: only our own baselines say what the hardware is
        try:
            return times.parse(made_for) < instant_ms
        except BadInput:
            return False

    def _baseline(self, head: Accepted | None, snapshot: Snapshot, instant_ms: int) -> TopologyEvent:
        topology, reason = snapshot.topology, f"physical topology, snapshot {snapshot.digest}"
        if head is not None:
            topology = carried_over(topology, head.topology)
            reason += "; power parameters of unchanged host groups carry over, structural edits by people are overridden"
        return make_event(
            parent=head.event.id if head else None,
            kind="baselined",
            actor=self.name,
            reason=reason,
            cause=self._baseline_cause(instant_ms),
            topology=topology,
        )

    def _baseline_cause(self, instant_ms: int) -> str:
        return f"{self.datacenter}|{times.iso(instant_ms)}|baseline"

    # -- windows ---------------------------------------------------------------------------------------------------------

    def _simulate(self, start_ms: int, topology: Accepted) -> None:
        end_ms = start_ms + self.grid.window_ms
        mark = self.intake.watermark.time_ms
        counts = self.intake.counts.pop(start_ms, Counts())
        late = [Submission(s.task, start_ms, s.reference) for s in self.unsimulated]
        entering = late + self.intake.submissions(start_ms)
        engine, simulated, requeued = self._engine_on(topology, start_ms)
        drain = mark is None or end_ms > mark
        try:
            if (recorded := self.unanswered.get(start_ms)) is not None:  # whether it would answer now is not asked
                raise SimulationError(recorded)
            if engine.now_ms < start_ms:  # windows before could not be simulated: their rows are not this one's
                engine.advance(start_ms, ())
            if isinstance(engine, LooksAhead):
                engine.expect(*self._ahead(end_ms))
            computed = engine.advance(end_ms, entering)
        except SimulationError as error:
            self.failed, self.unsimulated = True, self._without_culprit(entering, error)
            result = failed_result(
                datacenter=self.datacenter,
                start_ms=start_ms,
                end_ms=end_ms,
                topology_event=topology.event.id,
                drain=drain,
                counts=counts,
                running=self.levels[0],
                queued=self.levels[1] + len(self.unsimulated),
                error=str(error),
            )
        else:
            self.failed, self.unsimulated = False, []
            self.levels = (computed.running, computed.queued)
            result = window_result(
                datacenter=self.datacenter,
                start_ms=start_ms,
                end_ms=end_ms,
                topology_event=topology.event.id,
                drain=drain,
                counts=counts,
                computed=computed,
                simulated=simulated,
                requeued=requeued,
            )
        self._close(start_ms, result)

    def _ahead(self, from_ms: int) -> tuple[int, list[Submission]]:
        """Up to where the windows from a time on are due on one topology, and what enters in them."""
        until_ms, entering = from_ms, list[Submission]()
        while not self.grid.is_instant(until_ms) and self._due(until_ms):
            entering += self.intake.waiting_submissions(until_ms)
            until_ms += self.grid.window_ms
        return until_ms, entering

    def _without_culprit(self, entering: list[Submission], error: SimulationError) -> list[Submission]:
        """The tasks to try again in the next window: all but the one that is named as the cause (PROTOCOL 8.2)."""
        for submission in entering:
            if submission.task.id == error.task:
                self._dead_letter(topics.WORKLOAD, submission.reference, str(error))
        return [s for s in entering if s.task.id != error.task]

    def _engine_on(self, topology: Accepted, start_ms: int) -> tuple[Engine, Topology, int]:
        """The engine, simulating this topology; the topology as it has it; and how many tasks lost their host by the change."""
        assert self.intake.first_ms is not None
        snapshot = self.physical.carbon_source(self.grid.instant_of(start_ms), self.intake.named)
        content, carbon = (snapshot.content, snapshot.carbon) if snapshot is not None else ("", {})
        simulated, traces = with_traces(topology.topology, carbon)
        requeued = 0
        if self.engine is None:
            self.engine = self.engines.start(self.engine_settings(), simulated, traces)
        elif self.applied != (topology.event.id, content):
            requeued = self.engine.apply(simulated, traces)
        self.applied = (topology.event.id, content)
        return self.engine, simulated, requeued

    def engine_settings(self) -> EngineSettings:
        assert self.intake.first_ms is not None
        return EngineSettings(self.intake.first_ms, self.grid.sample_interval_ms, self.policy, self.semantics)

    def _close(self, start_ms: int, result: WindowResult) -> None:
        assert self.intake.first_ms is not None
        self.window_ms = result.window_end_ms
        self.pins = {instant: pin for instant, pin in self.pins.items() if instant > start_ms - self.grid.publish_every_ms}
        self._outputs.append(WindowRow(start_ms, "simulated"))
        if (old := start_ms - self.grid.dedup_horizon_ms) >= self.intake.first_ms:
            self._outputs.append(WindowRow(old, None))
        if self.grid.is_instant(result.window_end_ms):
            self.held = result
        else:
            self._emit(result)

    def _emit(self, result: WindowResult) -> None:
        self._publish(topics.RESULTS, result.id, "window-result", result_value(result))

    def _finish(self) -> None:
        """Everything is simulated: `end`, but not before the decision of the last instant is in the log."""
        if self.root and self.window_ms is not None and self.intake.first_ms is not None:
            undecided = self.grid.is_instant(self.window_ms) and self.window_ms not in self.pins
            if undecided and self.window_ms > self.intake.first_ms:
                return
        self.done = True
        value = results_end_value(self.datacenter, unplaceable=len(self.unsimulated) + self.levels[1])
        self._publish(topics.RESULTS, str(value["id"]), "end", value)
