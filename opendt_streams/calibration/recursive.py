"""The default method: a random-walk Kalman filter on physical parameters (field guide section 1.1), for each part that has a meter.

`decide` reads top to bottom: which meters, which rows, which readings to believe, learn, choose a law, judge. What the meters tell apart
is in `scopes`, the laws in `laws`, which readings to believe in `telemetry` and `watch`, the filter in `kalman`, the choice of a law in
`merit`, the box in `projection`, the rule of when to publish in `publication`, the uncertainty in `interval`, the correction at short
intervals in `discrepancy`, what is remembered in `estimate`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from opendt_streams.calibration import discrepancy, fitting, publication, synchrony
from opendt_streams.calibration.discrepancy import Correction
from opendt_streams.calibration.estimate import Estimate, Part, from_json, to_json
from opendt_streams.calibration.features import Rows, rows_of
from opendt_streams.calibration.judging import Court, Verdict
from opendt_streams.calibration.laws import laws_for
from opendt_streams.calibration.metrics import score
from opendt_streams.calibration.pairing import datacenter_power, newest_rows
from opendt_streams.calibration.port import Evidence, Fault, Proposal
from opendt_streams.calibration.references import references, within
from opendt_streams.calibration.scopes import Scope, level, power_of, scope_name, scopes_of
from opendt_streams.calibration.settings import CalibrationSettings
from opendt_streams.calibration.telemetry import Meter
from opendt_streams.calibration.watch import Reading, Watched, gap, watch
from opendt_streams.model import times
from opendt_streams.model.canonical import JSON
from opendt_streams.model.plausible import draw_of, possible
from opendt_streams.model.power import Meter as MeterName
from opendt_streams.model.task import Float64, Int64

TELEMETRY: Final = "telemetry"
BOUND: Final = "bound"

APART: Final = frozenset(("busy-linear", "asymptotic 1 core", "linear", "sqrt", "square", "cubic", "mse 1.5", "mse 3", "asymptotic 0.4"))
"""Laws that are also fitted with factors of each host group's own, where one meter measures several."""
MOST_APART: Final = 8
"""Host groups up to which one meter's are told apart, as far as their loads differ; a decision grows with the square of their number."""


class Recursive:
    def __init__(self, settings: CalibrationSettings) -> None:
        """
        Raises:
            BadInput: the engine runs no power model that can be fitted.
        """
        self._settings = settings
        self._laws = laws_for(settings.capabilities)
        self._which = [k for k, law in enumerate(self._laws) if law.name in APART]

    @property
    def name(self) -> str:
        return "recursive"

    def decide(self, estimate: Mapping[str, JSON], evidence: Evidence) -> Proposal:
        known, topology, instant_ms = from_json(estimate, self.name), evidence.in_force, evidence.instant_ms
        scopes = scopes_of(evidence.samples, topology, [part.meter_name for part in known.parts])
        time_ms, power_w = power_of(evidence.samples, scopes)
        if not len(time_ms):
            return _without_telemetry(known, evidence)
        watts = within(references(topology, known.references, known.published), self._settings.capabilities.power_models)
        parts = [self._part(known, scope) for scope in scopes]
        places = [scope.places for scope in scopes]
        apart = [self._which if 1 < len(at) <= MOST_APART else [] for at in places]
        rows = rows_of(evidence.results, topology, watts, self._laws, places, [part.shapes for part in parts], apart)
        seen = self._paired(rows, time_ms)
        most_w = [draw_of(scope.meter, topology).most_w for scope in scopes]
        watched = [
            _of_what_can_be(self._watch(part, s, time_ms, power_w, seen, rows, known.instant_ms or 0, instant_ms), power_w[:, s], most_w[s])
            for s, part in enumerate(parts)
        ]

        test_from_ms = publication.held_out_from(instant_ms, self._settings.publish_every_ms)
        common = fitting.common_belief(self._laws, scopes, topology, watts)
        own = [
            fitting.apart_belief(common, s, which, len(at)) if which else None
            for s, (which, at) in enumerate(zip(apart, places, strict=True))
        ]
        learnt = fitting.Lesson(time_ms, power_w, seen, test_from_ms).teach(parts, watched, common, own, self._which)
        passed_ms = instant_ms - known.instant_ms if known.instant_ms is not None else 0
        court = Court(self._laws, self._which, learnt, time_ms, power_w, seen, rows, test_from_ms, passed_ms)
        verdicts = [court.verdict(s, part, w, sorted(at)) for s, (part, w, at) in enumerate(zip(parts, watched, places, strict=True))]
        models = {
            (c, h): v.law.model(watts[c, h], point, v.shape, topology.clusters[c].host_groups[h].cores)
            for v in verdicts
            for (c, h), point in (v.publish or {}).items()
        }

        whole_ms, whole_w = datacenter_power(evidence.samples, topology)
        published_w = self._paired(rows, whole_ms).published_w
        all_believed = learnt.believed.all(axis=1)
        fair = np.isin(whole_ms, time_ms[all_believed])
        tested = all_believed & (time_ms > test_from_ms)
        held = _last_reading(whole_ms, whole_w, test_from_ms, known.power_w)
        measured_w = _sum(power_w)[tested]
        without_w = _sum(np.array([v.without_w for v in verdicts]).T)[tested]
        before = score(_sum(seen.in_force_w)[tested], measured_w, held) if tested.any() else None
        after = score(without_w, measured_w, held) if tested.any() and np.isfinite(without_w).all() else None

        corrects = self._settings.publish_every_ms <= discrepancy.LONGEST_INTERVAL_MS
        finished, interval, correction = None, known.interval, Correction.from_json(known.discrepancy)
        if known.instant_ms is not None:  # what came before the first instant was published by nobody
            said = correction.published() if corrects else None
            corrected_w = discrepancy.with_correction(whole_ms, published_w, said, known.instant_ms) if said is not None else None
            finished = score(published_w, whole_w, known.power_w, corrected_w)
            interval = interval.learn(whole_ms[fair], published_w[fair], whole_w[fair], self._settings.publish_every_ms)
        elif after is not None:
            interval = interval.seeded((np.abs(measured_w - without_w) / without_w).tolist(), self._settings.publish_every_ms)
        if corrects:
            new_w = _sum(np.array([v.power_w for v in verdicts]).T)[np.isin(time_ms, whole_ms[fair])]
            correction = correction.learn(whole_ms[fair], whole_w[fair], published_w[fair], new_w, instant_ms)

        bounds = {_kind(BOUND, scope.meter): v.beyond for scope, v in zip(scopes, verdicts, strict=True) if v.beyond}
        faults = [Fault(_kind(TELEMETRY, scope.meter), t, text) for scope, w in zip(scopes, watched, strict=True) for t, text in w.faults]
        faults += [Fault(kind, instant_ms, text) for kind, text in bounds.items() if kind not in known.alarmed]
        return Proposal(
            estimate=to_json(
                Estimate(
                    instant_ms=instant_ms,
                    scope=level(scopes),
                    parts=tuple(v.part for v in verdicts),
                    references=watts,
                    published={**{at: model for at, model in known.published.items() if at in watts}, **models},
                    power_w=_last_reading(whole_ms, whole_w, instant_ms, known.power_w),
                    interval=interval,
                    discrepancy=correction.to_json() if corrects else {},
                    alarmed=tuple(bounds),
                ),
                self.name,
            ),
            models=models or None,
            reason=_reason(scopes, verdicts),
            score_in_force=finished,
            score_before=before,
            score_after=after,
            interval_half_width=interval.half_width,
            discrepancy=correction.published() if corrects else None,
            alarms=tuple(faults),
        )

    def _paired(self, rows: Rows, time_ms: Int64) -> Rows:
        return rows.at(newest_rows(rows.time_ms, time_ms, self._settings.sample_interval_ms))

    def _part(self, known: Estimate, scope: Scope) -> Part:
        """What is known of the scope; nothing, if another set of laws was fitted."""
        found = next((part for part in known.parts if part.meter_name == scope.meter), None)
        if found is not None and len(found.shapes) == len(self._laws):
            return found
        return Part(scope.meter, Meter(), None, shapes=tuple(law.shape or 1.0 for law in self._laws))

    def _watch(self, part: Part, s: int, time_ms: Int64, power_w: Float64, seen: Rows, rows: Rows, after_ms: int, until_ms: int) -> Watched:
        """Follow the meter of scope `s` through the interval."""
        least, most = ((seen.x[:, s, 0] * np.array(bounds)).sum(axis=-1).tolist() for bounds in self._laws[0].box(1.0))
        expected = seen.in_force_w[:, s].tolist()
        columns = zip(time_ms.tolist(), power_w[:, s].tolist(), seen.comparable.tolist(), expected, least, most, strict=True)
        readings = [Reading(t, m, e if same else None, lo, hi) if m == m else None for t, m, same, e, lo, hi in columns]
        watched = watch(part.meter, part.pace, readings, after_ms, until_ms, fitted=part.fit is not None)
        return self._synchronous(part, s, watched, time_ms, power_w[:, s], rows) if part.fit is not None else watched

    def _synchronous(self, part: Part, s: int, watched: Watched, time_ms: Int64, power_w: Float64, rows: Rows) -> Watched:
        """The same, if the meter's clock is right; else readings of another time are not believed either."""
        assert part.fit is not None
        law = next((k for k, law in enumerate(self._laws) if (part.law or "").startswith(law.name)), 0)
        same = rows.comparable
        found = synchrony.compare(
            time_ms,
            power_w,
            np.array(watched.believed),
            rows.time_ms[same],
            rows.in_force_w[same, s],
            float(part.fit.noise[0, law]),
            self._settings.sample_interval_ms,
            part.lag,
            part.lag_since_ms,
        )
        if not found.off.any():
            return watched
        begun = part.lag == 0 and found.since_ms != part.lag_since_ms
        first = int(np.searchsorted(time_ms, found.since_ms)) + synchrony.WINDOW - 1
        text = found.complaint or f"meter's clock was off since {times.iso(found.since_ms)}"
        fault = [(int(time_ms[min(first, len(time_ms) - 1)]), text)] if begun else []
        return replace(
            watched,
            believed=tuple(bool(b) and not off for b, off in zip(watched.believed, found.off.tolist(), strict=True)),
            faults=(*watched.faults, *fault),
            complaint=found.complaint or watched.complaint,
            frozen=watched.frozen or found.complaint is not None,
            lag=found.lag,
            lag_since_ms=found.since_ms,
        )


def _of_what_can_be(watched: Watched, power_w: Float64, most_w: float) -> Watched:
    """The same; what no score counts teaches nothing either."""
    believed = zip(watched.believed, possible(power_w, most_w).tolist(), strict=True)
    return replace(watched, believed=tuple(mine and can_be for mine, can_be in believed))


def _without_telemetry(known: Estimate, evidence: Evidence) -> Proposal:
    """No reading at all: the parameters are kept, and a meter that has read before is at fault once it has been silent for too long."""
    faults = [
        Fault(_kind(TELEMETRY, part.meter_name), t, text)
        for part in known.parts
        for t, text in gap(part.pace, known.instant_ms or 0, evidence.instant_ms)
    ]
    return Proposal(to_json(replace(known, instant_ms=evidence.instant_ms), "recursive"), None, "no telemetry", alarms=tuple(faults))


def _reason(scopes: Sequence[Scope], verdicts: Sequence[Verdict]) -> str:
    """Why the scopes that are kept are kept; "calibrated" first where others are not."""
    kept = [(scope.name, v.reason) for scope, v in zip(scopes, verdicts, strict=True) if v.reason is not None]
    if len(scopes) == 1:
        return kept[0][1] if kept else "calibrated"
    by_reason: dict[str, list[str]] = {}
    for name, reason in kept:
        by_reason.setdefault(reason, []).append(name)
    words = [f"{', '.join(names)}: {reason}" for reason, names in by_reason.items()]
    if len(by_reason) == 1 and len(kept) == len(scopes):
        return next(iter(by_reason))
    return "; ".join((["calibrated"] if len(kept) < len(scopes) else []) + words)


def _kind(kind: str, meter: MeterName) -> str:
    """Of an alarm: each meter has its own, so that two at the same time are two."""
    return " ".join((kind, *([scope_name(meter)] if scope_name(meter) else [])))


def _sum(columns: Float64) -> Float64:
    """Over the scopes, one after another."""
    return np.asarray(np.cumsum(columns, axis=1)[:, -1])


def _last_reading(time_ms: Int64, power_w: Float64, until_ms: int, before_w: float | None) -> float | None:
    """What persistence holds after `until_ms`."""
    newest = np.flatnonzero((time_ms <= until_ms) & np.isfinite(power_w))
    return float(power_w[newest[-1]]) if len(newest) else before_w
