"""What the rows of an interval say, as columns: what each would draw at factors of one, and what it draws by the parameters in force."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from opendt_streams.calibration.projection import Vector
from opendt_streams.calibration.references import Place, Reference
from opendt_streams.model.basis import basis_power_w
from opendt_streams.model.power_models import utilisation
from opendt_streams.model.result import GroupBasis, WindowResult
from opendt_streams.model.task import Float64, Int64
from opendt_streams.model.topology import Topology

Flags: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """One element per row of the results, in order of time.

    `datasheet_w` (rows x 3) holds the watts of idle, busy and sloping part at factors of one, so that factors . row is the
    predicted power; `published_w` is what the results said at the time, `in_force_w` what the power models in force now give for
    the same load. `comparable` is false, and the last two mean nothing, where the row was simulated on other hardware.
    """

    time_ms: Int64
    published_w: Float64
    datasheet_w: Float64
    in_force_w: Float64
    comparable: Flags

    def at(self, index: Int64) -> Rows:
        """The rows of these indices, one per sample; -1 is no row: not comparable, and nothing published."""
        there = index >= 0
        if not len(self.time_ms):
            nothing = np.full(len(index), np.nan)
            return Rows(np.zeros(len(index), np.int64), nothing, np.zeros((len(index), 3)), nothing, there)
        return Rows(
            time_ms=self.time_ms[index],
            published_w=np.where(there, self.published_w[index], np.nan),
            datasheet_w=self.datasheet_w[index],
            in_force_w=self.in_force_w[index],
            comparable=self.comparable[index] & there,
        )

    def predicted_w(self, factors: Vector) -> Float64:
        idle, busy, slope = factors
        d = self.datasheet_w
        return np.asarray(d[:, 0] * idle + d[:, 1] * busy + d[:, 2] * slope)


def group_features(basis: GroupBasis) -> tuple[Float64, Float64]:
    """(B, U) per row of a host group: sum over its hosts of min(1, cores u), the one-core knee, and of u = min(1, demand / capacity)."""
    rows = len(basis.demand_mhz)
    lengths = np.fromiter(map(len, basis.demand_mhz), np.int64, rows)
    size = int(lengths.sum())
    demand = np.fromiter(chain.from_iterable(basis.demand_mhz), np.float64, size)
    hosts = np.fromiter(chain.from_iterable(basis.host_count), np.float64, size)
    row = np.repeat(np.arange(rows), lengths)
    u = utilisation(demand, basis.capacity_mhz)
    # bincount adds one after another, in the order given: the same bits on every machine
    busy = np.bincount(row, weights=hosts * np.minimum(1.0, basis.cores * u), minlength=rows).astype(np.float64)
    utilised = np.bincount(row, weights=hosts * u, minlength=rows).astype(np.float64)
    return busy, utilised


def rows_of(results: Sequence[WindowResult], in_force: Topology, references: Mapping[Place, Reference]) -> Rows:
    """The rows of the windows that could be simulated."""
    windows = [r for r in results if r.error is None and r.total is not None and r.row_ms]
    parts = [_window(w, in_force, references) for w in windows]
    count = sum(len(w.row_ms) for w in windows)
    return Rows(
        time_ms=np.fromiter(chain.from_iterable(w.row_ms for w in windows), np.int64, count),
        published_w=np.fromiter(chain.from_iterable(w.total.power_w for w in windows if w.total is not None), np.float64, count),
        datasheet_w=np.concatenate([np.empty((0, 3)), *(d for d, _, _ in parts)]),
        in_force_w=np.concatenate([np.empty(0), *(p for _, p, _ in parts)]),
        comparable=np.repeat(np.array([c for _, _, c in parts], dtype=np.bool_), [len(w.row_ms) for w in windows]),
    )


def _window(window: WindowResult, in_force: Topology, references: Mapping[Place, Reference]) -> tuple[Float64, Float64, bool]:
    count = len(window.row_ms)
    datasheet_w, in_force_w = np.zeros((count, 3)), np.zeros(count)
    if not _same_hardware(window.basis, in_force):
        return datasheet_w, in_force_w, False
    for basis in window.basis:
        reference = references[basis.cluster, basis.group]
        busy, utilisation = group_features(basis)
        datasheet_w[:, 0] += basis.hosts * reference.idle_w
        datasheet_w[:, 1] += busy * reference.range_w
        datasheet_w[:, 2] += utilisation * reference.range_w
        in_force_w += basis_power_w(basis, in_force.clusters[basis.cluster].host_groups[basis.group].power_model)
    return datasheet_w, in_force_w, True


def _same_hardware(bases: Sequence[GroupBasis], topology: Topology) -> bool:
    """Whether these are the host groups of the topology, host by host; how many hosts each has may differ."""
    groups = {(c, h): (g.cores, g.capacity_mhz) for c, h, g in topology.host_groups}
    return {(b.cluster, b.group): (b.cores, b.capacity_mhz) for b in bases} == groups
