"""As-of: what the twin knew at a moment of recording about a time in the datacenter, and what is known of that time now.

"What did it show at 14:05" and "what is true of 14:05" are two questions. The first is answered from what every topic held at that moment,
the second from the whole log. Loaded once, an `AsOf` answers in milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from opendt_streams.audit.asof.beliefs import Accuracy, Belief, Event, Measurement, Progress, differences
from opendt_streams.audit.asof.beliefs_topics import Decisions, Meters, Results, Workload
from opendt_streams.audit.evidence import Evidence
from opendt_streams.audit.replay.machines import logged_machines
from opendt_streams.errors import BadInput
from opendt_streams.model import times
from opendt_streams.model.event import MAIN
from opendt_streams.model.topology_json import read_topology
from opendt_streams.topology.compact import CompactLedger
from opendt_streams.topology.log_index import Moment
from opendt_streams.windows.grid import Grid
from opendt_streams.wire import topics


@dataclass(frozen=True, slots=True)
class Answer:
    """`shown`: what was known at `believed_ms` about `effective_ms`; `true`: what the log says of it now."""

    believed_ms: int
    effective_ms: int
    shown: Belief
    true: Belief

    @property
    def changed(self) -> list[str]:
        """What came to be known later, in words."""
        return differences(self.shown, self.true)

    def document(self) -> dict[str, Any]:
        return {
            "believed": times.iso(self.believed_ms),
            "effective": times.iso(self.effective_ms),
            "shown": self.shown.document(),
            "true": self.true.document(),
            "changed": self.changed,
        }


@dataclass(frozen=True, slots=True)
class _Known:
    """How many records of each topic."""

    ledger: int
    decisions: int
    results: int
    power: int
    workload: int


class AsOf:
    """The topics of one run, indexed by when they were recorded."""

    def __init__(
        self, grid: Grid, ledger: CompactLedger, decisions: Decisions, results: Results, meters: Meters, workload: Workload
    ) -> None:
        self.grid, self.ledger, self.decisions, self.results, self.meters, self.workload = (
            grid,
            ledger,
            decisions,
            results,
            meters,
            workload,
        )

    @classmethod
    def of(cls, evidence: Evidence, ledger: CompactLedger | None = None) -> AsOf:
        """Read the evidence. `ledger`, where it was folded already, is of the same log; what it lacks is folded on to it."""
        grid = logged_machines(evidence).grid
        ledger, decisions, results = ledger or CompactLedger(), Decisions(), Results()
        meters, workload = Meters(grid.max_jump_ms), Workload(grid.max_jump_ms)
        end = ledger.log.end
        for record in evidence.own(topics.LEDGER):
            if record.offset >= end:
                ledger.add(record)
        for record in evidence.own(topics.CALIBRATION):
            decisions.take(record.timestamp_ms, record.message())
        for record in evidence.own(topics.RESULTS):
            results.take(record.timestamp_ms, record.message())
        for record in evidence.own(topics.POWER):
            meters.take(record.timestamp_ms, record.offset, record.message())
        for record in evidence.own(topics.WORKLOAD):
            workload.take(record.timestamp_ms, record.message())
        meters.sort()
        return cls(grid, ledger, decisions, results, meters, workload)

    def ask(self, believed: str, effective_ms: int | None = None) -> Answer:
        """What was known at the moment `believed` (a time of recording, an offset of sim.topology or an event's id), and what is true now.

        Of `effective_ms`; without it of the newest window that was simulated then, at its end.

        Raises:
            BadInput: there is no such moment, nothing was recorded then, or nothing was simulated and no time is given.
        """
        moment = self.ledger.log.moment(believed)
        self._require_something(moment, believed)
        then, now = self._known(moment), self._all()
        if effective_ms is not None:
            window_ms = self.grid.window_of(effective_ms)
        else:
            newest = self.results.count(then.results)
            if not newest:
                raise BadInput(f"nothing was simulated as of {believed}", expected="--effective, or a later moment", where="--believed")
            window_ms, effective_ms = self.results.windows[newest - 1].start_ms, self.results.windows[newest - 1].end_ms
        shown, true = (self._belief(known, effective_ms, window_ms) for known in (then, now))
        return Answer(moment.time_ms, effective_ms, shown, true)

    def _known(self, moment: Moment) -> _Known:
        rest = (self.decisions.timeline, self.results.timeline, self.meters.timeline, self.workload.timeline)
        return _Known(moment.rows, *(timeline.rows_by(moment.time_ms) for timeline in rest))

    def _all(self) -> _Known:
        rest = (self.decisions.timeline, self.results.timeline, self.meters.timeline, self.workload.timeline)
        return _Known(len(self.ledger), *map(len, rest))

    def _require_something(self, moment: Moment, believed: str) -> None:
        rest = (self.ledger.log, self.decisions.timeline, self.results.timeline, self.meters.timeline, self.workload.timeline)
        first_ms = min((timeline.newest_ms[0] for timeline in rest if len(timeline)), default=None)
        if first_ms is None or moment.time_ms < first_ms:
            expected = "a run with records" if first_ms is None else f"a time from {times.iso(first_ms)} on, when the first record was made"
            raise BadInput(f"nothing was recorded as of {believed}", expected=expected, where="--believed")

    # -- one side of the answer ----------------------------------------------------------------------------------------------

    def _belief(self, known: _Known, time_ms: int, window_ms: int) -> Belief:
        simulated = self.results.count(known.results)
        event, undecided = self._event(known, window_ms, simulated)
        decided = self.decisions.count(known.decisions, time_ms)
        return Belief(
            event=event,
            undecided=undecided,
            window_ms=(window_ms, window_ms + self.grid.window_ms),
            window=self.results.window(window_ms, simulated),
            simulated=_measurement(self.results.power(time_ms, simulated, self.grid.sample_interval_ms)),
            measured=_measurement(self.meters.power(time_ms, known.power, event.topology if event else None)),
            decision=self.decisions.decided[decided - 1] if decided else None,
            accuracy=self._accuracy(decided),
            progress=Progress(
                newest_window_end_ms=self.results.windows[simulated - 1].end_ms if simulated else None,
                workload_watermark_ms=self.workload.watermark_ms(known.workload),
                power_watermark_ms=self.meters.watermark_ms(known.power),
                ledger_offset=self.ledger.log.reached(known.ledger),
            ),
        )

    def _event(self, known: _Known, window_ms: int, simulated: int) -> tuple[Event | None, str | None]:
        """What windows from then on use: the head of main at the pin of their instant (PROTOCOL 5.4); or why that is not known."""
        first_ms = self.results.first_ms
        if first_ms is None or not simulated:
            return None, "nothing is simulated yet"
        if window_ms < first_ms:
            return None, f"the first window starts at {times.iso(first_ms)}"
        instant = self.grid.instant_of(window_ms)
        if instant <= first_ms:
            accepted = self.ledger.branches[MAIN]
            row = accepted[0] if accepted and accepted[0] < known.ledger else None
        else:
            pin = self.decisions.pin(instant, known.decisions)
            row = None if pin is None else self.ledger.head_at(pin, known.ledger)
        if row is None:
            return None, f"what windows from {times.iso(max(instant, first_ms))} on use is not decided"
        event = self.ledger.event(row)
        return Event(self.ledger.log.offsets[row], self.ledger.recorded[row], event, read_topology(event.topology, "opendc")), None

    def _accuracy(self, decided: int) -> Accuracy:
        samples, means = self.decisions.means(decided)
        mape, persistence = means["mape_percent"], means["persistence_mape_percent"]
        skill = None if mape is None or not persistence else round(1 - mape / persistence, 6)
        rounded = {name: None if value is None else round(value, 6) for name, value in means.items()}
        return Accuracy(decisions=decided, samples=samples, skill=skill, **rounded)


def _measurement(found: tuple[int, float] | None) -> Measurement | None:
    return None if found is None else Measurement(*found)
