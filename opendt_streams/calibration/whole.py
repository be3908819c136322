"""What the methods with a sliding window share: the meter of the whole datacenter, which readings are believed, and what is said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from opendt_streams.calibration import publication
from opendt_streams.calibration.estimate import Estimate, Part, to_json
from opendt_streams.calibration.features import Flags, Rows, rows_of
from opendt_streams.calibration.laws import Law
from opendt_streams.calibration.metrics import score
from opendt_streams.calibration.pairing import datacenter_power, newest_rows
from opendt_streams.calibration.port import Evidence, Fault, Proposal
from opendt_streams.calibration.references import Place, Reference, references
from opendt_streams.calibration.settings import CalibrationSettings
from opendt_streams.calibration.telemetry import Meter
from opendt_streams.calibration.watch import Reading, Watched, gap, watch
from opendt_streams.model.decision import Score
from opendt_streams.model.power import WHOLE_DATACENTER
from opendt_streams.model.task import Float64, Int64
from opendt_streams.model.topology import PowerModel

TELEMETRY: Final = "telemetry"
FEWEST_PIECES: Final = 24  # of a sliding window: what leaves it leaves it piece by piece
SHORTEST_PIECE_MS: Final = 300_000


@dataclass(frozen=True, slots=True, eq=False)
class Observed:
    """An interval's readings of the whole datacenter (one value per sample, NaN where it cannot be) with their rows."""

    known: Estimate
    evidence: Evidence
    time_ms: Int64
    power_w: Float64
    rows: Rows
    seen: Rows
    watched: Watched
    believed: Flags
    references: Mapping[Place, Reference]
    held_out_from_ms: int
    publish_every_ms: int

    @property
    def frozen(self) -> str | None:
        complaint = self.watched.complaint if self.watched.frozen or not self.believed.any() else None
        return f"telemetry frozen: {complaint}" if complaint else None

    @property
    def tested(self) -> Flags:
        """The believed samples that are held out."""
        return self.believed & (self.time_ms > self.held_out_from_ms)

    def score(self, predicted_w: Float64) -> Score | None:
        """Of what is predicted per sample, on the held-out ones."""
        if not self.tested.any():
            return None
        return score(predicted_w[self.tested], self.power_w[self.tested], self._last_reading(self.held_out_from_ms))

    def pieces(self, time_ms: Int64, columns: Float64, window_ms: int) -> tuple[tuple[float, ...], ...]:
        """The sliding window with these samples of the interval: end, count and sums of the columns (samples x n) of each piece."""
        size = max(SHORTEST_PIECE_MS, window_ms // FEWEST_PIECES)
        ends = -(-time_ms // size) * size
        found = {piece[0]: np.array(piece[1:], dtype=np.float64) for piece in self.known.window}
        for end in np.unique(ends).tolist():
            mine = columns[ends == end]
            new = np.concatenate([[float(len(mine))], np.cumsum(mine, axis=0)[-1]])
            found[end] = found[end] + new if end in found and len(found[end]) == len(new) else new
        oldest = self.evidence.instant_ms - window_ms
        return tuple((end, *(round(v, 6) for v in sums.tolist())) for end, sums in sorted(found.items()) if end > oldest)

    def proposal(
        self,
        method: str,
        models: Mapping[Place, PowerModel] | None,
        reason: str,
        window: tuple[tuple[float, ...], ...],
        before: Score | None,
        after: Score | None,
        faults: Sequence[Fault],
        law: str | None = None,
    ) -> Proposal:
        """What there is to say, with the state to go on from. `faults` of other kinds than telemetry are given once while they stand."""
        known, interval, finished = self.known, self.known.interval, None
        if known.instant_ms is not None:  # what came before the first instant was published by nobody
            finished = score(self.seen.published_w, self.power_w, known.power_w)
            fair = self.believed
            interval = interval.learn(self.time_ms[fair], self.seen.published_w[fair], self.power_w[fair], self.publish_every_ms)
        told = [Fault(TELEMETRY, t, text) for t, text in self.watched.faults] + [f for f in faults if f.kind not in known.alarmed]
        return Proposal(
            estimate=to_json(
                replace(
                    known,
                    instant_ms=self.evidence.instant_ms,
                    parts=(Part(WHOLE_DATACENTER, self.watched.meter, self.watched.pace, law=law),),
                    references=self.references,
                    published={**{at: m for at, m in known.published.items() if at in self.references}, **(models or {})},
                    power_w=self._last_reading(self.evidence.instant_ms),
                    interval=interval,
                    alarmed=tuple(dict.fromkeys(f.kind for f in faults)),
                    window=window,
                ),
                method,
            ),
            models=models,
            reason=reason,
            score_in_force=finished,
            score_before=before,
            score_after=after,
            interval_half_width=interval.half_width,
            alarms=tuple(told),
        )

    def _last_reading(self, until_ms: int) -> float | None:
        newest = np.flatnonzero((self.time_ms <= until_ms) & np.isfinite(self.power_w))
        return float(self.power_w[newest[-1]]) if len(newest) else self.known.power_w


def observe(known: Estimate, evidence: Evidence, settings: CalibrationSettings, laws: Sequence[Law]) -> Observed | None:
    """What the interval says, with columns of these laws at the shapes at which they begin; None without any reading."""
    topology, instant_ms = evidence.in_force, evidence.instant_ms
    time_ms, power_w = datacenter_power(evidence.samples, topology, all_readings=True)  # who judges the meter sees all of them
    if not len(time_ms):
        return None
    watts = references(topology, known.references, known.published)
    everything = [frozenset((c, h) for c, h, _ in topology.host_groups)]
    lens = (Law("busy-linear"), *laws)
    rows = rows_of(evidence.results, topology, watts, lens, everything, [[law.shape or 1.0 for law in lens]])
    seen = rows.at(newest_rows(rows.time_ms, time_ms, settings.sample_interval_ms))
    least, most = ((seen.x[:, 0, 0] * np.array(bounds)).sum(axis=-1).tolist() for bounds in lens[0].box(1.0))
    columns = zip(time_ms.tolist(), power_w.tolist(), seen.comparable.tolist(), seen.in_force_w[:, 0].tolist(), least, most, strict=True)
    readings = [Reading(t, m, e if same else None, lo, hi) for t, m, same, e, lo, hi in columns]
    part = known.parts[0] if known.parts else Part(WHOLE_DATACENTER, Meter(), None)
    watched = watch(part.meter, part.pace, readings, known.instant_ms or 0, instant_ms, fitted=bool(known.published))
    possible = np.isin(time_ms, datacenter_power(evidence.samples, topology)[0])
    return Observed(
        known=known,
        evidence=evidence,
        time_ms=time_ms,
        power_w=np.where(possible, power_w, np.nan),
        rows=rows,
        seen=seen,
        watched=watched,
        believed=np.array(watched.believed) & seen.comparable & possible,
        references=watts,
        held_out_from_ms=publication.held_out_from(instant_ms, settings.publish_every_ms),
        publish_every_ms=settings.publish_every_ms,
    )


def without_telemetry(known: Estimate, evidence: Evidence, method: str) -> Proposal:
    """No reading at all: the parameters are kept, and a meter that has read before is at fault once it has been silent for too long."""
    faults = [
        Fault(kind_of(TELEMETRY, part), t, text)
        for part in known.parts
        for t, text in gap(part.pace, known.instant_ms or 0, evidence.instant_ms)
    ]
    return Proposal(to_json(replace(known, instant_ms=evidence.instant_ms), method), None, "no telemetry", alarms=tuple(faults))


def kind_of(kind: str, part: Part) -> str:
    """Of an alarm: each meter has its own, so that two at the same time are two."""
    name = "/".join(word for word in (part.meter_name.cluster, part.meter_name.host_group) if word)
    return f"{kind} {name}" if name else kind
