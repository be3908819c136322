"""Simulated and measured power of one datacenter: what the results and the meters say, row by row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np

from opendt_streams.calibration.pairing import datacenter_power, newest_rows
from opendt_streams.model.power import WHOLE_DATACENTER, Meter, PowerSample
from opendt_streams.model.result import GroupBasis, Series, WindowResult
from opendt_streams.model.task import Float64, Int64
from opendt_streams.model.topology import Topology
from opendt_streams.projection.columns import Columns

ROW: Final = ("simulated_power_w", "simulated_energy_j", "carbon_intensity_g_per_kwh", "carbon_g", "utilisation")


class Simulated:
    """Rows of the whole datacenter (None) and of each cluster, by name; clusters of one name are one."""

    def __init__(self) -> None:
        self.of: dict[str | None, Columns] = {None: Columns(*ROW)}

    def take(self, result: WindowResult) -> None:
        if result.total is None:
            return
        self._append(None, result, [result.total], result.basis)
        for name in dict.fromkeys(cluster.name for cluster in result.clusters):
            at = [i for i, cluster in enumerate(result.clusters) if cluster.name == name]
            series = [result.clusters[i].series for i in at]
            self._append(name, result, series, [basis for basis in result.basis if basis.cluster in at])

    def _append(self, name: str | None, result: WindowResult, series: Sequence[Series], basis: Sequence[GroupBasis]) -> None:
        rows, unknown = len(result.row_ms), (np.nan,) * len(result.row_ms)
        power, energy = (np.sum([getattr(s, field) for s in series], axis=0) for field in ("power_w", "energy_j"))
        carbon = np.sum([unknown if s.carbon_g is None else s.carbon_g for s in series], axis=0)
        intensity = [unknown if s.carbon_intensity_g_per_kwh is None else s.carbon_intensity_g_per_kwh for s in series]
        self.of.setdefault(name, Columns(*ROW)).append(result.row_ms, power, energy, intensity[0], carbon, utilisation(basis, rows))


def utilisation(basis: Sequence[GroupBasis], rows: int) -> Float64:
    """Demand that is met over capacity, of all host groups together, per row (0 to 1); NaN where there is no capacity."""
    used, capacity = np.zeros(rows), 0.0
    for group in basis:
        capacity += group.hosts * group.capacity_mhz
        for row, (demands, counts) in enumerate(zip(group.demand_mhz, group.host_count, strict=True)):
            used[row] += sum(min(demand, group.capacity_mhz) * n for demand, n in zip(demands, counts, strict=True))
    return used / capacity if capacity else np.full(rows, np.nan)


class Measured:
    """Samples by meter; the first of a time stands."""

    def __init__(self) -> None:
        self._of: dict[Meter, Columns] = {}

    def take(self, samples: Sequence[PowerSample]) -> None:
        for meter in dict.fromkeys(sample.meter for sample in samples):
            of_meter = [s for s in samples if s.meter == meter]
            self._of.setdefault(meter, Columns("w")).append([s.time_ms for s in of_meter], [s.power_w for s in of_meter])

    def between(self, after_ms: int, until_ms: int, topology: Topology | None) -> tuple[Int64, Float64]:
        """Power of the whole datacenter in (after, until]: one meter's, or the sum of those that cover it in `topology`."""
        whole = self._of.get(WHOLE_DATACENTER)
        if whole is not None or topology is None:
            columns = whole or Columns("w")
            rows = columns.between(after_ms, until_ms)
            return columns.time_ms[rows], columns.values("w")[rows]
        samples = sorted(self._samples(after_ms, until_ms), key=lambda s: s.time_ms)
        return datacenter_power(samples, topology)

    def all(self) -> Iterable[Columns]:
        """The samples of each meter."""
        return self._of.values()

    def newest_ms(self) -> int | None:
        return max((int(columns.time_ms[-1]) for columns in self._of.values() if len(columns)), default=None)

    def _samples(self, after_ms: int, until_ms: int) -> Iterator[PowerSample]:
        for meter, columns in self._of.items():
            rows = columns.between(after_ms, until_ms)
            for time_ms, power_w in zip(columns.time_ms[rows].tolist(), columns.values("w")[rows].tolist(), strict=True):
                yield PowerSample(time_ms, power_w, meter)


def errors_percent(simulated: Columns, sample_ms: Int64, measured_w: Float64, max_age_ms: int) -> Float64:
    """Absolute error over measured power, per sample; NaN where nothing was simulated or nothing is drawn."""
    rows = newest_rows(simulated.time_ms, sample_ms, max_age_ms=max_age_ms)
    found = np.full(len(sample_ms), np.nan)
    paired = (rows >= 0) & (measured_w > 0)
    predicted = simulated.values("simulated_power_w")[rows[paired]]
    found[paired] = 100 * np.abs(predicted - measured_w[paired]) / measured_w[paired]
    return found
