"""Carbon intensity of a power source over time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from opendt_streams.model.task import Float64, Int64


@dataclass(frozen=True, slots=True, eq=False)
class CarbonTrace:
    """Steps: intensity_g_per_kwh[i] holds from time_ms[i] to time_ms[i + 1]; the first extends to the past, the last to the future."""

    time_ms: Int64
    intensity_g_per_kwh: Float64

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, CarbonTrace)
            and np.array_equal(self.time_ms, other.time_ms)
            and np.array_equal(self.intensity_g_per_kwh, other.intensity_g_per_kwh)
        )

    __hash__ = None  # type: ignore[assignment]

    def at(self, time_ms: int) -> float:
        """gCO2/kWh in force at `time_ms`."""
        i = int(np.searchsorted(self.time_ms, time_ms, side="right")) - 1
        return float(self.intensity_g_per_kwh[max(i, 0)])

    def steps_between(self, after_ms: int, until_ms: int) -> Int64:
        """Instants t with after < t <= until at which the intensity changes."""
        lo, hi = np.searchsorted(self.time_ms, [after_ms, until_ms], side="right")
        # The first value holds from ever: its own timestamp changes nothing.
        return self.time_ms[max(int(lo), 1) : int(hi)]


def carbon_trace(time_ms: object, intensity_g_per_kwh: object) -> CarbonTrace:
    """A trace from two equally long sequences in any order; sorted by time, stable."""
    times = np.array(time_ms, dtype=np.int64)
    order = np.argsort(times, kind="stable")
    return CarbonTrace(times[order], np.array(intensity_g_per_kwh, dtype=np.float64)[order])
