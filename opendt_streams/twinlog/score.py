"""What a run says about itself: the official score of the whole run, and every figure of its summary that derives from topics."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import numpy as np

from opendt_streams.calibration.discrepancy import with_correction
from opendt_streams.calibration.metrics import OfficialScore, means_score, official_score, scores_by_day
from opendt_streams.calibration.pairing import datacenter_power, newest_rows
from opendt_streams.model import times
from opendt_streams.model.decision import Discrepancy
from opendt_streams.model.event import MAIN, TopologyEvent
from opendt_streams.model.power import WHOLE_DATACENTER, Meter, PowerSample
from opendt_streams.model.result import WindowResult
from opendt_streams.model.task import Float64, Int64
from opendt_streams.model.topology import Topology
from opendt_streams.topology.ledger import Accepted, Ledger
from opendt_streams.twin.telemetry import Telemetry
from opendt_streams.twinlog.totals import Totals
from opendt_streams.windows.grid import Grid
from opendt_streams.wire import topics
from opendt_streams.wire.messages import DecisionRecorded, Message, PowerBatch, ResultRecorded


@dataclass(frozen=True, slots=True)
class RunSummary:
    """Names and units are those of `opendt run --json` (DESIGN section 9). Scores are of the pure model but `corrected_*`, by the official
    rule but `b_*`, which are by definition B, and weighted by sample but those of energy. `days`: the same of each UTC day.

    `simulated_seconds`, energy, carbon and `clusters` are over `span`, which ends where the data did; the `drain` stands apart.
    """

    windows: int
    failed_windows: int
    span: dict[str, str | None]
    simulated_seconds: float
    energy_kwh: float | None
    carbon_kg: float | None
    clusters: dict[str, dict[str, float | None]]
    drain: dict[str, float | None]
    mape_percent: float | None
    share_under_10_percent: float | None
    bias_percent: float | None
    cvrmse_percent: float | None
    persistence_mape_percent: float | None
    skill: float | None
    corrected_mape_percent: float | None
    corrected_skill: float | None
    p95_percent: float | None
    energy_error_percent: float | None
    energy_weighted_mape_percent: float | None
    interval_coverage_percent: float | None
    b_mape_percent: float | None
    b_good_hours_percent: float | None
    energy_kwh_simulated: float | None
    energy_kwh_measured: float | None
    tasks: int  # distinct ones: simulated, or without fragments
    tasks_empty: int
    tasks_completed: int
    late_tasks: int
    duplicate_tasks: int
    topology_events: int  # accepted, on main
    calibrations: int  # decisions that published new parameters
    days: tuple[DaySummary, ...]


@dataclass(frozen=True, slots=True)
class DaySummary:
    """A UTC day of a run; `samples` are those that could be scored."""

    day: str
    samples: int
    mape_percent: float | None
    persistence_mape_percent: float | None
    skill: float | None
    share_under_10_percent: float | None
    bias_percent: float | None
    cvrmse_percent: float | None
    p95_percent: float | None
    energy_error_percent: float | None
    interval_coverage_percent: float | None


class RunFacts:
    """Reads sim.results, sim.calibration, sim.topology and dc.power of one datacenter, in any interleaving, the first of every id."""

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._said = Telemetry(grid.max_jump_ms)  # knows which messages of dc.power count
        self._ledger = Ledger()
        self._next = dict.fromkeys((topics.RESULTS, topics.CALIBRATION, topics.LEDGER, topics.POWER), 0)
        self._expected_ms: int | None = None
        self._first_window_ms: int | None = None
        self._events: list[tuple[int, str]] = []  # (window start, topology event) wherever it changes
        self._row_ms, self._row_w = array("q"), array("d")
        self._sample_w: dict[Meter, dict[int, float]] = {}
        self._calibrated: set[int] = set()
        self._said_beside: dict[int, tuple[Discrepancy | None, float | None]] = {}  # correction and half-width, by decided instant
        self._counts = dict.fromkeys(("windows", "submitted", "completed", "late", "duplicate", "empty"), 0)
        self.totals = Totals()

    def take(self, topic: str, offset: int, message: Message) -> None:
        """The next message of a topic; what was taken before is skipped, other topics are none of ours."""
        if offset < self._next.get(topic, offset + 1):
            return
        self._next[topic] = offset + 1
        match message:
            case ResultRecorded(result) if topic == topics.RESULTS:
                self._take_result(result)
            case DecisionRecorded(decision) if topic == topics.CALIBRATION and decision.instant_ms not in self._said_beside:
                self._said_beside[decision.instant_ms] = decision.discrepancy, decision.interval_half_width
                if decision.outcome == "calibrated":
                    self._calibrated.add(decision.instant_ms)
            case TopologyEvent() if topic == topics.LEDGER:
                self._ledger.add(offset, message)
            case _ if topic == topics.POWER:
                self._take_power(offset, message)

    def _take_result(self, result: WindowResult) -> None:
        if result.branch != MAIN or (self._expected_ms is not None and result.window_start_ms != self._expected_ms):
            return
        self._expected_ms = result.window_end_ms
        if self._first_window_ms is None:
            self._first_window_ms = result.window_start_ms
        if not self._events or self._events[-1][1] != result.topology_event:
            self._events.append((result.window_start_ms, result.topology_event))
        self.totals.take(result)
        self._counts["windows"] += 1
        for name in ("submitted", "completed", "late", "duplicate", "empty"):
            self._counts[name] += getattr(result.tasks, name)
        if result.total is not None:
            self._row_ms.extend(result.row_ms)
            self._row_w.extend(result.total.power_w)

    def _take_power(self, offset: int, message: Message) -> None:
        if self._said.put(offset, message) is None and isinstance(message, PowerBatch):
            for sample in message.samples:
                self._sample_w.setdefault(sample.meter, {}).setdefault(sample.time_ms, sample.power_w)
        self._said.entries.clear()

    @property
    def head(self) -> Accepted | None:
        """The newest accepted event of main."""
        return self._ledger.head

    def score(self) -> OfficialScore | None:
        """The official score, None before the first result."""
        scored = self._scored()
        return official_score(*scored) if scored else None

    def _scored(self) -> _Scored | None:
        """What scores are made of, None before the first result."""
        if self._first_window_ms is None:
            return None
        sample_ms, measured_w = self._measured()
        row_ms, row_w = np.array(self._row_ms, dtype=np.int64), np.array(self._row_w, dtype=np.float64)
        rows = newest_rows(row_ms, sample_ms, max_age_ms=self._grid.sample_interval_ms)
        predicted_w = np.full(len(sample_ms), np.nan)
        predicted_w[rows >= 0] = row_w[rows[rows >= 0]]
        first_instant = self._grid.first_instant(self._first_window_ms)
        corrected_w, half_width = self._beside(sample_ms, predicted_w)
        return _Scored(sample_ms, measured_w, predicted_w, first_instant, self._grid.publish_every_ms, corrected_w, half_width)

    def _beside(self, sample_ms: Int64, predicted_w: Float64) -> tuple[Float64 | None, Float64]:
        """(predictions with the correction of the instant before, None where no decision had one; half-widths, NaN where there is none)."""
        corrected_w, half_width = predicted_w.copy(), np.full(len(sample_ms), np.nan)
        for instant_ms, (correction, width) in self._said_beside.items():
            first, last = np.searchsorted(sample_ms, [instant_ms, instant_ms + self._grid.publish_every_ms], side="right")
            corrected_w[first:last] = with_correction(sample_ms[first:last], predicted_w[first:last], correction, instant_ms)
            half_width[first:last] = np.nan if width is None else width
        used = any(correction is not None for correction, _ in self._said_beside.values())
        return corrected_w if used else None, half_width

    def summary(self) -> RunSummary:
        scored, counts = self._scored(), self._counts
        found = official_score(*scored) if scored else None
        score = found.score if found else None
        means = means_score(scored.sample_ms, scored.measured_w, scored.predicted_w, scored.first_instant_ms) if scored else None
        return RunSummary(
            windows=counts["windows"],
            **self.totals.document(),
            simulated_seconds=self.totals.data.length_ms / times.SECOND,
            mape_percent=score.mape_percent if score else None,
            share_under_10_percent=score.share_under_10_percent if score else None,
            bias_percent=score.bias_percent if score else None,
            cvrmse_percent=score.cvrmse_percent if score else None,
            persistence_mape_percent=score.persistence_mape_percent if score else None,
            skill=score.skill if score else None,
            corrected_mape_percent=score.corrected_mape_percent if score else None,
            corrected_skill=score.corrected_skill if score else None,
            p95_percent=found.p95_percent if found else None,
            energy_error_percent=found.energy_error_percent if found else None,
            energy_weighted_mape_percent=found.energy_weighted_mape_percent if found else None,
            interval_coverage_percent=found.interval_coverage_percent if found else None,
            b_mape_percent=means.mape_percent if means else None,
            b_good_hours_percent=means.good_hours_percent if means else None,
            energy_kwh_simulated=found.energy_kwh_predicted if found else None,
            energy_kwh_measured=found.energy_kwh_measured if found else None,
            tasks=counts["submitted"] + counts["empty"],
            tasks_empty=counts["empty"],
            tasks_completed=counts["completed"],
            late_tasks=counts["late"],
            duplicate_tasks=counts["duplicate"],
            topology_events=len(self._ledger.main),
            calibrations=len(self._calibrated),
            days=tuple(_day(at, score) for at, score in scores_by_day(*scored).items()) if scored else (),
        )

    def _measured(self) -> tuple[Int64, Float64]:
        """Power of the whole datacenter: read as the calibrator does, one publication interval after the other."""
        samples = sorted((PowerSample(t, w, meter) for meter, at in self._sample_w.items() for t, w in at.items()), key=_in_time)
        every = self._grid.publish_every_ms
        at_ms, power_w = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.float64)]
        for start_ms, group in groupby(samples, key=lambda s: times.floor(s.time_ms - 1, every)):
            topology, of_interval = self._topology_at(start_ms), list(group)
            if topology is None:
                of_interval, topology = [s for s in of_interval if s.meter == WHOLE_DATACENTER], Topology(())
            t, w = datacenter_power(of_interval, topology)
            at_ms.append(t)
            power_w.append(w)
        return np.concatenate(at_ms), np.concatenate(power_w)

    def _topology_at(self, start_ms: int) -> Topology | None:
        """What the windows of the interval from then on were simulated on; before the first window what that was."""
        event = next((event for since_ms, event in reversed(self._events) if since_ms <= start_ms), self._events[0][1])
        accepted = self._ledger.accepted(event)
        return accepted.topology if accepted else None


class _Scored(NamedTuple):
    """The arguments of `official_score`."""

    sample_ms: Int64
    measured_w: Float64
    predicted_w: Float64
    first_instant_ms: int
    publish_every_ms: int
    corrected_w: Float64 | None
    half_width: Float64


def _day(day_ms: int, found: OfficialScore) -> DaySummary:
    score = found.score
    return DaySummary(
        day=times.iso(day_ms)[:10],
        samples=score.samples,
        mape_percent=score.mape_percent,
        persistence_mape_percent=score.persistence_mape_percent,
        skill=score.skill,
        share_under_10_percent=score.share_under_10_percent,
        bias_percent=score.bias_percent,
        cvrmse_percent=score.cvrmse_percent,
        p95_percent=found.p95_percent,
        energy_error_percent=found.energy_error_percent,
        interval_coverage_percent=found.interval_coverage_percent,
    )


def _in_time(sample: PowerSample) -> tuple[int, str, str]:
    return sample.time_ms, sample.meter.cluster or "", sample.meter.host_group or ""
