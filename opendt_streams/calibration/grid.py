"""OpenDT's calibration: one property of the power models, a range of values, and the value with the least MAPE over a window.

Scored as OpenDT does (opendt-compat section 4): measured and simulated power interpolated linearly on a grid of 60 s, zeros dropped, the
mean of |m - p| / m, and the plain minimum; no veto. Values are evaluated on the utilisation basis instead of by simulations. The range
is the user's, physical or not; an alarm says where it goes beyond what is physical, and where the best value lies at its edge.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from opendt_streams.calibration.estimate import from_json
from opendt_streams.calibration.features import demands, group_power_w, usable_windows
from opendt_streams.calibration.port import Evidence, Fault, Proposal
from opendt_streams.calibration.settings import CalibrationSettings, GridSettings
from opendt_streams.calibration.whole import Observed, observe, without_telemetry
from opendt_streams.errors import BadConfiguration, BadInput
from opendt_streams.model import times
from opendt_streams.model.canonical import JSON
from opendt_streams.model.task import Float64, Int64
from opendt_streams.model.topology import PowerModel, Topology
from opendt_streams.model.topology_json import power_model_document, read_power_model

STEP_MS: Final = times.MINUTE
CHANGED: Final = 1e-6

_FIELDS: Final = {
    "cpuPowerModel.idlePower": "idle_power_w",
    "cpuPowerModel.maxPower": "max_power_w",
    "cpuPowerModel.power": "power_w",
    "cpuPowerModel.calibrationFactor": "calibration_factor",
    "cpuPowerModel.asymUtil": "asym_util",
    "cpuPowerModel.busyPower": "busy_power_w",
    "cpuPowerModel.slopePower": "slope_power_w",
}
"""What calibration may change: anything else below a host would be another simulation."""
_PHYSICAL: Final = {"cpuPowerModel.calibrationFactor": (1.0, 2.0), "cpuPowerModel.asymUtil": (0.01, 1.0)}
"""Within these a host's power never falls with its load, and never exceeds its maximum."""
_LEAST, _MOST = 0.4, 2.4  # times the datasheet, for watts


class Grid:
    def __init__(self, settings: CalibrationSettings) -> None:
        """
        Raises:
            BadConfiguration: as `check` says.
        """
        grid = settings.grid
        check(grid)
        self._settings, self._field = settings, _FIELDS[grid.property]
        self.values = _values(grid.min_value, grid.max_value, grid.points)

    @property
    def name(self) -> str:
        return "grid"

    def decide(self, estimate: Mapping[str, JSON], evidence: Evidence) -> Proposal:
        known = from_json(estimate, self.name)
        seen = observe(known, evidence, self._settings, ())
        if seen is None:
            return without_telemetry(known, evidence, self.name)
        topology, grid = evidence.in_force, self._settings.grid
        row_ms, row_w = self._row_power(evidence)
        at_ms, errors = _errors(seen.time_ms[seen.believed], seen.power_w[seen.believed], row_ms, row_w)
        window = seen.pieces(at_ms, errors, grid.window_ms)
        faults = [Fault("bound", evidence.instant_ms, text) for text in self._unphysical(seen)]
        before = seen.score(seen.seen.in_force_w[:, 0])
        after, models, reason = None, None, seen.frozen
        early = at_ms <= seen.held_out_from_ms
        if (without := seen.pieces(at_ms[early], errors[early], grid.window_ms)) and len(row_ms):
            after = seen.score(np.interp(seen.time_ms, row_ms, row_w[:, self._best(without, topology)[0]]))
        if reason is None and not window:
            reason = "no results to compare the telemetry with"
        if reason is None:
            best, mape = self._best(window, topology)
            value = self.values[best]
            if not np.isfinite(mape[best]):
                reason = f"no value of {grid.property} makes a valid power model"
            elif len(set(np.round(mape, 6).tolist())) == 1:
                reason = f"{grid.property} has no effect on the power models in force"
                faults.append(Fault("property", evidence.instant_ms, reason))
            else:
                if best in (0, len(self.values) - 1):
                    faults.append(Fault("edge", evidence.instant_ms, f"the best {grid.property} is {value:g}, at the edge of the grid"))
                models = {(c, h): self._model(g.power_model, value) for c, h, g in topology.host_groups}
                if all(abs(getattr(g.power_model, self._field) - value) <= CHANGED for _, _, g in topology.host_groups):
                    models, reason = None, "no change"
        return seen.proposal(self.name, models, reason or "calibrated", window, before, after, faults)

    def _row_power(self, evidence: Evidence) -> tuple[Int64, Float64]:
        """(times, power of the whole datacenter by each value: rows x values)."""
        windows = usable_windows(evidence.results)
        row_ms = np.array([t for window in windows for t in window.row_ms], dtype=np.int64)
        row_w = np.zeros((len(row_ms), len(self.values)))
        for (c, h), hosts, demand in demands(windows, evidence.in_force):
            group = evidence.in_force.clusters[c].host_groups[h]
            for k, value in enumerate(self.values):
                row_w[:, k] += group_power_w(group, self._model(group.power_model, value), hosts, demand)
        return row_ms, row_w

    def _best(self, window: Sequence[Sequence[float]], topology: Topology) -> tuple[int, Float64]:
        """(index of the value with the least MAPE over the window, the first of equals; MAPE per value [%])."""
        sums = np.cumsum([piece[1:] for piece in window], axis=0)[-1]
        mape = np.array(sums[1:] / sums[0])
        for k, value in enumerate(self.values):
            if not all(_valid(self._model(g.power_model, value)) for _, _, g in topology.host_groups):
                mape[k] = np.inf
        return int(np.argmin(mape)), mape

    def _model(self, model: PowerModel, value: float) -> PowerModel:
        changed: dict[str, Any] = {self._field: value}
        return replace(model, **changed)

    def _unphysical(self, seen: Observed) -> list[str]:
        """What of the range is beyond what is physical."""
        name, least, most = self._settings.grid.property, self.values[0], self.values[-1]
        bounds = [_PHYSICAL[name]] if name in _PHYSICAL else []
        if name not in _PHYSICAL:
            datasheets = [r.idle_w if self._field == "idle_power_w" else r.idle_w + r.range_w for r in seen.references.values()]
            bounds = [(_LEAST * max(datasheets), _MOST * min(datasheets))]
        return [f"{name} from {least:g} to {most:g}: physical is {low:g} to {high:g}" for low, high in bounds if least < low or most > high]


def check(grid: GridSettings) -> None:
    """
    Raises:
        BadConfiguration: the property is none that calibration may change, or the range is none of it.
    """
    if grid.property not in _FIELDS:
        raise BadConfiguration(
            f"{grid.property!r} is no property that calibration may change",
            expected="one of " + ", ".join(_FIELDS),
            where="calibrator.grid.property",
        )
    if grid.min_value < 0:
        raise BadConfiguration(f"{grid.property} from {grid.min_value:g}", expected="0 or more", where="calibrator.grid.min_value")


def _values(least: float, most: float, points: int) -> tuple[float, ...]:
    """OpenDT's grid: even, rounded to two decimals; to six where two would make equals of neighbours."""
    even = np.linspace(least, most, points).tolist()
    for digits in (2, 6):
        rounded = tuple(dict.fromkeys(round(v, digits) for v in even))
        if len(rounded) == points:
            break
    return rounded


def _valid(model: PowerModel) -> bool:
    try:
        read_power_model(power_model_document(model))
    except BadInput:
        return False
    return True


def _errors(sample_ms: Int64, measured_w: Float64, row_ms: Int64, row_w: Float64) -> tuple[Int64, Float64]:
    """(times of the grid of 60 s that both series cover, error in percent per time and value)."""
    if not len(sample_ms) or not len(row_ms):
        return np.empty(0, np.int64), np.empty((0, row_w.shape[1]))
    first, last = max(sample_ms[0], row_ms[0]), min(sample_ms[-1], row_ms[-1])
    at_ms = np.arange(-(-first // STEP_MS) * STEP_MS, last + 1, STEP_MS)
    measured = np.interp(at_ms, sample_ms, measured_w)
    simulated = np.column_stack([np.interp(at_ms, row_ms, column) for column in row_w.T])
    return at_ms, 100 * np.abs(simulated - measured[:, None]) / measured[:, None]
