"""The load of many windows as columns: the power of any parameters in a few array operations, instead of window by window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, groupby

import numpy as np

from opendt_streams.model.power_models import watts
from opendt_streams.model.result import GroupBasis, WindowResult
from opendt_streams.model.rounding import significant
from opendt_streams.model.task import Float64, Int64
from opendt_streams.model.topology import PowerModel, Topology


@dataclass(frozen=True, slots=True, eq=False)
class GroupLoad:
    """`host_count[i]` hosts had the demand `demand_mhz[i]` at row `row[i]`, ascending; `hosts` (per row) counts all of the group."""

    cluster: int
    group: int
    cores: int
    capacity_mhz: float
    first_row: int
    hosts: Int64
    row: Int64
    demand_mhz: Float64
    host_count: Float64

    def power_w(self, model: PowerModel, first: int, stop: int) -> Float64:
        """Power of the group at the rows [first, stop) [W], as model.basis has it: idle hosts, then busy ones in the order of the basis."""
        low, high = np.searchsorted(self.row, [first, stop])
        part, row = slice(int(low), int(high)), self.row[low:high] - first
        count = self.host_count[part]
        idle = self.hosts[first - self.first_row : stop - self.first_row] - np.bincount(row, weights=count, minlength=stop - first)
        busy_w = count * watts(model, self.demand_mhz[part], self.cores, self.capacity_mhz)
        idle_w = float(watts(model, np.zeros(1), self.cores, self.capacity_mhz)[0])
        return np.asarray(idle * idle_w + np.bincount(row, weights=busy_w, minlength=stop - first))


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Rows [first, stop) with the same host groups."""

    first: int
    stop: int
    groups: tuple[GroupLoad, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Load:
    """`row_ms` (rows,) over all windows that could be simulated; window i has the rows [first_row[i], first_row[i + 1])."""

    row_ms: Int64
    first_row: Int64
    segments: tuple[Segment, ...]

    @staticmethod
    def of(windows: Sequence[WindowResult]) -> Load:
        counts = [len(w.row_ms) for w in windows]
        first_row = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        row_ms = np.fromiter(chain.from_iterable(w.row_ms for w in windows), np.int64, int(first_row[-1]))
        segments = []
        indexed = [(i, w) for i, w in enumerate(windows) if w.row_ms]
        for _, run in groupby(indexed, key=lambda entry: _shape(entry[1])):
            part = list(run)
            first, stop = int(first_row[part[0][0]]), int(first_row[part[-1][0] + 1])
            bases = [w.basis for _, w in part]
            segments.append(Segment(first, stop, tuple(_group([b[g] for b in bases], first) for g in range(len(bases[0])))))
        return Load(row_ms, first_row, tuple(segments))

    def power_w(self, topology: Topology, first_window: int, stop_window: int) -> Float64:
        """Power of the datacenter at the rows of the windows [first, stop) with these parameters [W], rounded as a result says it."""
        begin, end = int(self.first_row[first_window]), int(self.first_row[stop_window])
        power = np.zeros(end - begin)
        for segment in self.segments:
            first, stop = max(begin, segment.first), min(end, segment.stop)
            if first < stop:
                for group in segment.groups:
                    model = topology.clusters[group.cluster].host_groups[group.group].power_model
                    power[first - begin : stop - begin] += group.power_w(model, first, stop)
        return significant(power)


def _shape(window: WindowResult) -> tuple[tuple[int, int, int, float], ...]:
    return tuple((b.cluster, b.group, b.cores, b.capacity_mhz) for b in window.basis)


def _group(bases: Sequence[GroupBasis], first_row: int) -> GroupLoad:
    rows = [d for b in bases for d in b.demand_mhz]
    lengths = np.fromiter(map(len, rows), np.int64, len(rows))
    size = int(lengths.sum())
    first = bases[0]
    return GroupLoad(
        cluster=first.cluster,
        group=first.group,
        cores=first.cores,
        capacity_mhz=first.capacity_mhz,
        first_row=first_row,
        hosts=np.repeat(np.array([b.hosts for b in bases], dtype=np.int64), [len(b.demand_mhz) for b in bases]),
        row=first_row + np.repeat(np.arange(len(rows)), lengths),
        demand_mhz=np.fromiter(chain.from_iterable(rows), np.float64, size),
        host_count=np.fromiter(chain.from_iterable(n for b in bases for n in b.host_count), np.float64, size),
    )
