"""How far off the truth a method was: in error, in parameters, in hours after a change, and in what it did while the meter lied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from opendt_streams.calibration.metrics import Flags, mape_percent, scorable
from opendt_streams.model import times
from opendt_streams.model.power_models import watts
from opendt_streams.model.task import Float64, Int64
from opendt_streams.model.topology import PowerModel, Topology
from opendt_streams.offline.driving import Driven, InForce
from opendt_streams.offline.recording import Recording
from opendt_streams.offline.true_power import curves_w, healthy, true_curve_w, true_groups, true_row_w
from opendt_streams.workload.truth.document import TrueFault, Truth

RECOVERED: Final = 1.25
"""Times its old level: an error that is back below this has recovered."""
SETTLES_MS: Final = 6 * times.HOUR
_OLD_HOURS: Final = 8
_STAYS_HOURS: Final = 3
_TELEMETRY: Final = "telemetry"  # alarms whose kind begins so are about meters, others about parameters


@dataclass(frozen=True, slots=True)
class Recovery:
    """After a step at `at_ms` of the truth: whole hours until the error is back below 1.25 times its old level, and stays so for three
    hours on average; None if it never is."""

    at_ms: int
    hours: int | None


@dataclass(frozen=True, slots=True)
class FaultFigures:
    """What happened around a fault of the meter.

    recognised_after_samples: of the fault, until the time that the alarm names; None without alarm.
    publications_after: new parameters at instants from then on until the fault was over.
    crept_percent: most that the power of any host, at any utilisation, changed by what was published during the fault.
    hours_to_recover: of the error, after the end of the fault.
    """

    kind: str
    from_ms: int
    recognised_after_samples: int | None
    publications_after: int
    crept_percent: float
    hours_to_recover: int | None


@dataclass(frozen=True, slots=True)
class TruthFigures:
    """Errors are over the healthy samples after the first instant. `ratio` is the method's error over that of the truth, `settled_ratio`
    the same without the six hours after a step of the truth and after a fault.

    parameter_rmse_percent: published minus true parameters of hosts, as a share of what a host draws at most; None for another law.
    curve_rmse_percent: the same for the power of a host at 0, 5, ... 100 % utilisation.
    """

    mape_percent: float | None
    truth_mape_percent: float | None
    ratio: float | None
    settled_ratio: float | None
    parameter_rmse_percent: float | None
    curve_rmse_percent: float
    recoveries: tuple[Recovery, ...]
    faults: tuple[FaultFigures, ...]


def against_truth(recording: Recording, driven: Driven, truth: Truth) -> TruthFigures:
    """
    Raises:
        BadInput: the truth is that of another site.
    """
    sample_ms, measured_w = recording.measured
    predicted_w, true_w = recording.of_samples(driven.row_w), recording.of_samples(true_row_w(recording, truth))
    well = healthy(sample_ms, truth) & (sample_ms > driven.first_instant_ms) & scorable(predicted_w, measured_w)
    mine, its = (mape_percent(w[well], measured_w[well]) for w in (predicted_w, true_w))
    errors = np.full(len(sample_ms), np.nan)
    errors[well] = np.abs(predicted_w[well] - measured_w[well]) / measured_w[well]
    settled = well & ~_unsettled(sample_ms, truth)
    steps = sorted({change.from_ms for change in truth.changes if change.is_step})
    return TruthFigures(
        mape_percent=mine,
        truth_mape_percent=its,
        ratio=_ratio(mine, its),
        settled_ratio=_ratio(*(mape_percent(w[settled], measured_w[settled]) for w in (predicted_w, true_w))),
        parameter_rmse_percent=_parameter_rmse(driven, truth),
        curve_rmse_percent=_curve_rmse(driven, truth),
        recoveries=tuple(Recovery(at, _hours_to_recover(recording, errors, at, at)) for at in steps),
        faults=tuple(_around(recording, driven, errors, fault) for fault in truth.faults),
    )


def _unsettled(sample_ms: Int64, truth: Truth) -> Flags:
    found = np.zeros(len(sample_ms), dtype=np.bool_)
    for end in (*(c.from_ms for c in truth.changes if c.is_step), *(f.until_ms for f in truth.faults)):
        found |= (sample_ms > end) & (sample_ms <= end + SETTLES_MS)
    return found


def _ratio(mine: float | None, its: float | None) -> float | None:
    return round(mine / its, 6) if mine is not None and its else None


def _hours_to_recover(recording: Recording, errors: Float64, before_ms: int, after_ms: int) -> int | None:
    """From `after_ms` on, against the level before `before_ms`. Hours without healthy samples are passed over."""
    sample_ms = recording.measured[0]
    old = _mean(errors[(sample_ms > before_ms - _OLD_HOURS * times.HOUR) & (sample_ms <= before_ms)])
    if old is None:
        return None
    hours = (recording.end_ms - after_ms) // times.HOUR
    for hour in range(hours - _STAYS_HOURS + 1):
        start_ms = after_ms + hour * times.HOUR
        now = _mean(errors[(sample_ms > start_ms) & (sample_ms <= start_ms + _STAYS_HOURS * times.HOUR)])
        if now is not None and now <= RECOVERED * old:
            return hour
    return None


def _mean(errors: Float64) -> float | None:
    known = errors[np.isfinite(errors)]
    return float(known.mean()) if len(known) else None


def _around(recording: Recording, driven: Driven, errors: Float64, fault: TrueFault) -> FaultFigures:
    every = driven.grid.publish_every_ms
    told = [a.time_ms for a in driven.alarms if a.kind.startswith(_TELEMETRY) and fault.from_ms < a.time_ms <= fault.until_ms + every]
    recognised_ms = min(told, default=None)
    step = recording.recorded.sample_interval_ms
    published = [d.instant_ms for d in driven.decisions if d.outcome == "calibrated" and fault.from_ms < d.instant_ms <= fault.until_ms]
    before = _newest(driven.in_force, fault.from_ms)
    during = [x.topology for x in driven.in_force if fault.from_ms < x.from_ms <= fault.until_ms]
    return FaultFigures(
        kind=fault.kind,
        from_ms=fault.from_ms,
        recognised_after_samples=None if recognised_ms is None else -(-(recognised_ms - fault.from_ms) // step),
        publications_after=0 if recognised_ms is None else sum(instant >= recognised_ms for instant in published),
        crept_percent=max((_moved_percent(before, topology) for topology in during), default=0.0),
        hours_to_recover=_hours_to_recover(recording, errors, fault.from_ms, fault.until_ms),
    )


def _newest(in_force: Sequence[InForce], time_ms: int) -> Topology:
    return next((x.topology for x in reversed(in_force) if x.from_ms <= time_ms), in_force[0].topology)


def _moved_percent(before: Topology, after: Topology) -> float:
    old, new = curves_w(before), curves_w(after)
    return round(100 * max(float(np.abs(new[at] / old[at] - 1).max()) for at in old if at in new), 6)


def _curve_rmse(driven: Driven, truth: Truth) -> float:
    squares, weights = [], []
    for state, hours in _states(driven):
        groups = true_groups(truth, state.topology)
        for (c, h), curve in curves_w(state.topology).items():
            group = state.topology.clusters[c].host_groups[h]
            true = true_curve_w(groups[c, h], group, state.from_ms)
            squares.append(float((((curve - true) / true.max()) ** 2).mean()))
            weights.append(group.count * hours)
    return round(100 * float(np.sqrt(np.average(squares, weights=weights))), 6)


def _parameter_rmse(driven: Driven, truth: Truth) -> float | None:
    squares, weights = [], []
    for state, hours in _states(driven):
        groups = true_groups(truth, state.topology)
        for c, h, group in state.topology.host_groups:
            true = groups[c, h].model_at(state.from_ms)
            if group.power_model.model_type != true.model_type:
                return None
            most = float(watts(true, np.array([group.capacity_mhz]), group.cores, group.capacity_mhz)[0])
            squares.append(float((((_watts_of(group.power_model) - _watts_of(true)) / most) ** 2).mean()))
            weights.append(group.count * hours)
    return round(100 * float(np.sqrt(np.average(squares, weights=weights))), 6) if squares else None


def _states(driven: Driven) -> list[tuple[InForce, float]]:
    """What was in force after the first instant, and for how long [h]."""
    end_ms = driven.decisions[-1].instant_ms if driven.decisions else driven.first_instant_ms
    ends = [x.from_ms for x in driven.in_force[1:]] + [max(end_ms, driven.in_force[-1].from_ms)]
    spans = [(x, (end - max(x.from_ms, driven.first_instant_ms)) / times.HOUR) for x, end in zip(driven.in_force, ends, strict=True)]
    return [(x, hours) for x, hours in spans if hours > 0] or [(driven.in_force[-1], 1.0)]


def _watts_of(model: PowerModel) -> Float64:
    """The parameters in watts that the model's law has."""
    if model.model_type == "busy-linear":
        return np.array([model.idle_power_w, model.busy_power_w, model.slope_power_w])
    return np.array([model.idle_power_w, model.max_power_w])
