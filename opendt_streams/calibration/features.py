"""What the rows of an interval say, as columns: what each scope draws by each law at factors of one, and by the parameters in force."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from opendt_streams.calibration.laws import Law, Load
from opendt_streams.calibration.references import Place, Reference
from opendt_streams.model.power_models import utilisation, watts
from opendt_streams.model.result import GroupBasis, WindowResult
from opendt_streams.model.task import Float64, Int64
from opendt_streams.model.topology import HostGroup, PowerModel, Topology

Flags: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """One element per row of the results, in order of time.

    `x` (rows x scopes x laws x 3) holds the watts of idle, busy and sloping part at factors of one, so that factors . x is the predicted
    power of a scope; `published_w` is what the results said at the time, `in_force_w` (rows x scopes) what the power models in force now
    give for the same load. `by_group` (per scope; rows x its laws x 3 per host group in topology order) tells the groups of a scope apart,
    None where that is not asked for. `comparable` is false, and `x` and `in_force_w` mean nothing, where the row was simulated on other
    hardware.
    """

    time_ms: Int64
    published_w: Float64
    x: Float64
    in_force_w: Float64
    comparable: Flags
    by_group: tuple[Float64 | None, ...]

    def at(self, index: Int64) -> Rows:
        """The rows of these indices, one per sample; -1 is no row: not comparable, and nothing published."""
        there = index >= 0
        if not len(self.time_ms):
            nothing = np.full(len(index), np.nan)
            columns = np.zeros((len(index), *self.x.shape[1:])), np.zeros((len(index), *self.in_force_w.shape[1:]))
            empty = tuple(None if g is None else np.zeros((len(index), *g.shape[1:])) for g in self.by_group)
            return Rows(np.zeros(len(index), np.int64), nothing, *columns, there, empty)
        return Rows(
            time_ms=self.time_ms[index],
            published_w=np.where(there, self.published_w[index], np.nan),
            x=self.x[index],
            in_force_w=self.in_force_w[index],
            comparable=self.comparable[index] & there,
            by_group=tuple(None if g is None else g[index] for g in self.by_group),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Demand:
    """All distinct demands of one host group in an interval, flat: how many hosts had each, in which row, at which utilisation."""

    row: Int64
    hosts: Float64
    mhz: Float64
    rows: int

    def total(self, each: Float64) -> Float64:
        """Sum over the busy hosts of each row; bincount adds one after another, in the order given: the same bits on every machine."""
        return np.bincount(self.row, weights=self.hosts * each, minlength=self.rows).astype(np.float64)


def demand_of(bases: Sequence[GroupBasis], first_rows: Sequence[int], rows: int) -> Demand:
    """The load of one host group; `first_rows` says which row of the interval each window begins at."""
    demands = list(chain.from_iterable(b.demand_mhz for b in bases))
    lengths = np.fromiter(map(len, demands), np.int64, len(demands))
    size = int(lengths.sum())
    row = np.concatenate([np.arange(first, first + len(b.demand_mhz)) for first, b in zip(first_rows, bases, strict=True)])
    hosts = chain.from_iterable(chain.from_iterable(b.host_count for b in bases))
    return Demand(
        row=np.repeat(row, lengths),
        hosts=np.fromiter(hosts, np.float64, size),
        mhz=np.fromiter(chain.from_iterable(demands), np.float64, size),
        rows=rows,
    )


def rows_of(
    results: Sequence[WindowResult],
    in_force: Topology,
    references: Mapping[Place, Reference],
    laws: Sequence[Law],
    scopes: Sequence[frozenset[Place]],
    shapes: Sequence[Sequence[float]],
    apart: Sequence[Sequence[int]] = (),
) -> Rows:
    """The rows of the windows that could be simulated. Scopes are sets of host groups, each group in one of them; `shapes` are the laws'
    per scope, `apart` the indices of the laws for which the groups of a scope are told apart (none: not at all)."""
    windows = usable_windows(results)
    count = sum(len(w.row_ms) for w in windows)
    x, in_force_w = np.zeros((count, len(scopes), len(laws), 3)), np.zeros((count, len(scopes)))
    scope_of = {place: s for s, places in enumerate(scopes) for place in places}
    first_of = {place: 3 * i for places in scopes for i, place in enumerate(sorted(places))}
    wanted = list(apart) or [()] * len(scopes)
    by_group = [np.zeros((count, len(w), 3 * len(places))) if w else None for w, places in zip(wanted, scopes, strict=True)]
    for place, hosts, demand in demands(windows, in_force):
        group, reference, scope = in_force.clusters[place[0]].host_groups[place[1]], references[place], scope_of[place]
        load = Load(utilisation(demand.mhz, group.capacity_mhz))
        mine = np.zeros((count, len(laws), 3))
        mine[:, :, 0] = (hosts * reference.idle_w)[:, None]
        for k, law in enumerate(laws):
            curve, second = law.columns(load, group.cores, reference, shapes[scope][k])
            mine[:, k, 2] = demand.total(curve) * reference.range_w
            if second is not None:
                mine[:, k, 1] = demand.total(second) * reference.range_w
        x[:, scope] += mine
        if (columns := by_group[scope]) is not None:
            columns[:, :, first_of[place] : first_of[place] + 3] = mine[:, list(wanted[scope])]
        in_force_w[:, scope] += group_power_w(group, group.power_model, hosts, demand)
    apart_columns = tuple(None if own is None else _quantised(own) for own in by_group)
    return Rows(
        time_ms=np.fromiter(chain.from_iterable(w.row_ms for w in windows), np.int64, count),
        published_w=np.fromiter(chain.from_iterable(w.total.power_w for w in windows if w.total is not None), np.float64, count),
        x=_quantised(x),
        in_force_w=in_force_w,
        comparable=np.repeat(
            np.array([_same_hardware(w.basis, in_force) for w in windows], dtype=np.bool_), [len(w.row_ms) for w in windows]
        ),
        by_group=apart_columns,
    )


def _quantised(columns: Float64) -> Float64:
    """To 2^-24 of the largest number: exp and power differ in the last bits between processors, and a filter would carry that on."""
    largest = float(np.abs(columns).max()) if columns.size else 0.0
    if not 0 < largest < math.inf:
        return columns
    unit = math.ldexp(1.0, math.frexp(largest)[1] - 24)
    return np.asarray(np.rint(columns / unit) * unit)


def usable_windows(results: Sequence[WindowResult]) -> list[WindowResult]:
    """Those that could be simulated."""
    return [r for r in results if r.error is None and r.total is not None and r.row_ms]


def demands(windows: Sequence[WindowResult], in_force: Topology) -> Iterator[tuple[Place, Float64, Demand]]:
    """For each host group its hosts per row, and its demand; both are nothing in windows of other hardware."""
    count = sum(len(w.row_ms) for w in windows)
    bases, firsts, first = defaultdict[Place, list[GroupBasis]](list), defaultdict[Place, list[int]](list), 0
    for window in windows:
        for basis in window.basis if _same_hardware(window.basis, in_force) else ():
            bases[basis.cluster, basis.group].append(basis)
            firsts[basis.cluster, basis.group].append(first)
        first += len(window.row_ms)
    for place in sorted(bases):
        hosts = np.zeros(count)
        for first, basis in zip(firsts[place], bases[place], strict=True):
            hosts[first : first + len(basis.demand_mhz)] = basis.hosts
        yield place, hosts, demand_of(bases[place], firsts[place], count)


def group_power_w(group: HostGroup, model: PowerModel, hosts: Float64, demand: Demand) -> Float64:
    """Power of a host group per row by any power model [W]."""
    idle_w = float(watts(model, np.zeros(1), group.cores, group.capacity_mhz)[0])
    return np.asarray(hosts * idle_w + demand.total(watts(model, demand.mhz, group.cores, group.capacity_mhz) - idle_w))


def _same_hardware(bases: Sequence[GroupBasis], topology: Topology) -> bool:
    """Whether these are the host groups of the topology, host by host; how many hosts each has may differ."""
    groups = {(c, h): (g.cores, g.capacity_mhz) for c, h, g in topology.host_groups}
    return {(b.cluster, b.group): (b.cores, b.capacity_mhz) for b in bases} == groups
