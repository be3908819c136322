"""Energy and carbon of a cluster, integrated as OpenDC does (opendc-semantics section 9).

Totals run in float64 from the start of the simulation and are added to at every power change, carbon step and row instant; a row is
the difference of two totals. So the numbers depend on where the rows are, but not on how the time between them is cut into spans.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from opendt_streams.engine.port import ClusterRows
from opendt_streams.model.carbon import CarbonTrace
from opendt_streams.model.task import Float64, Int64


@dataclass(frozen=True, slots=True)
class Totals:
    energy_j: float = 0.0
    carbon_g: float = 0.0


def integrate(
    name: str, totals: Totals, from_ms: int, row_ms: Int64, step_ms: Int64, power_w: Float64, trace: CarbonTrace | None
) -> tuple[Totals, ClusterRows]:
    """Rows of a cluster at `row_ms` (ascending, the last one ends the span) and the totals there.

    Power and intensity are left limits. `step_ms` begins at `from_ms` or before; `power_w[i]` holds from step i to the next.
    """
    until_ms = int(row_ms[-1])
    if until_ms == from_ms:  # a run that ends at its start
        zero = np.zeros(len(row_ms))
        return totals, ClusterRows(name, np.repeat(power_w[:1], len(row_ms)), zero, zero, zero)
    carbon_steps = row_ms[:0] if trace is None else trace.steps_between(from_ms, until_ms)
    instants = np.unique(np.concatenate(([from_ms], step_ms[1:], carbon_steps, row_ms)))
    begin = instants[:-1]
    power = power_w[np.searchsorted(step_ms, begin, side="right") - 1]
    energy = power * np.diff(instants) * 0.001
    total_j = np.cumsum(np.append(totals.energy_j, energy))
    at_row = np.searchsorted(instants, row_ms)
    if trace is None:
        intensity = np.zeros(len(begin))
        total_g = np.full(len(instants), totals.carbon_g)
    else:
        intensity = trace.intensity_g_per_kwh[np.maximum(np.searchsorted(trace.time_ms, begin, side="right") - 1, 0)]
        total_g = np.cumsum(np.append(totals.carbon_g, intensity * (energy / 3.6e6)))
    rows = ClusterRows(
        name=name,
        power_w=power[at_row - 1],
        energy_j=np.diff(total_j[at_row], prepend=totals.energy_j),
        carbon_intensity_g_per_kwh=intensity[at_row - 1],
        carbon_g=np.diff(total_g[at_row], prepend=totals.carbon_g),
    )
    return Totals(float(total_j[-1]), float(total_g[-1])), rows
