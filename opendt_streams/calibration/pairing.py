"""Which number is the datacenter's power at an instant, and which row of the results it is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np

from opendt_streams.model.plausible import draw_of, is_possible
from opendt_streams.model.power import WHOLE_DATACENTER, Meter, PowerSample
from opendt_streams.model.task import Float64, Int64
from opendt_streams.model.topology import Topology


def newest_rows(row_ms: Int64, sample_ms: Int64, max_age_ms: int | None = None) -> Int64:
    """For each sample the index of the row at its instant, else of the newest row before it (PROTOCOL 4.5); -1 where there is none.

    With `max_age_ms`, a row that much older than the sample (or more) is none: one is missing in between, as in a failed window.
    Rows are in order of time.
    """
    found = np.searchsorted(row_ms, sample_ms, side="right") - 1
    if max_age_ms is not None and len(row_ms):
        found = np.where(sample_ms - row_ms[np.maximum(found, 0)] < max_age_ms, found, -1)
    return np.asarray(found, dtype=np.int64)


def datacenter_power(samples: Sequence[PowerSample], topology: Topology, *, all_readings: bool = False) -> tuple[Int64, Float64]:
    """(times [ms], power of the whole datacenter [W]) of samples in order of time.

    One meter for the whole datacenter speaks for itself, and where there is one no other is asked: a sum of others would have
    another error, and jumping between the two would look like a change of load. Without it, meters of clusters and host groups
    are summed at each instant at which they cover every host exactly once, the coarser one preferred where they overlap; an
    instant at which any host is not measured has no power. A meter that the topology does not know measures none of its hosts.
    Readings that these hosts cannot draw (`model.plausible`) are left out, but for `all_readings`.
    """
    whole = [s for s in samples if s.meter == WHOLE_DATACENTER]
    chosen = whole or samples
    samples = chosen if all_readings else possible_readings(chosen, topology)
    if whole:
        whole = list(samples)
        return np.array([s.time_ms for s in whole], dtype=np.int64), np.array([s.power_w for s in whole], dtype=np.float64)
    everything = frozenset((c, h) for c, h, _ in topology.host_groups)
    covers = {meter: covered(meter, topology) for meter in {s.meter for s in samples}}
    sums = [(t, total) for t, at in groupby(samples, key=lambda s: s.time_ms) if (total := _sum(list(at), covers, everything)) is not None]
    return np.array([t for t, _ in sums], dtype=np.int64), np.array([w for _, w in sums], dtype=np.float64)


def possible_readings(samples: Sequence[PowerSample], topology: Topology) -> list[PowerSample]:
    """Those that their meter's hosts can draw."""
    most_w = {meter: draw_of(meter, topology).most_w for meter in {s.meter for s in samples}}
    return [s for s in samples if is_possible(s.power_w, most_w[s.meter])]


def covered(meter: Meter, topology: Topology) -> frozenset[tuple[int, int]]:
    """The host groups that a meter measures, all of that name."""
    return frozenset(
        (c, h)
        for c, h, group in topology.host_groups
        if meter.cluster in (None, topology.clusters[c].name) and meter.host_group in (None, group.name)
    )


def _sum(
    samples: Sequence[PowerSample], covers: dict[Meter, frozenset[tuple[int, int]]], everything: frozenset[tuple[int, int]]
) -> float | None:
    total, measured = 0.0, frozenset[tuple[int, int]]()
    for sample in sorted(samples, key=lambda s: (-len(covers[s.meter]), s.meter.cluster or "", s.meter.host_group or "")):
        if covers[sample.meter] and measured.isdisjoint(covers[sample.meter]):
            total += sample.power_w
            measured |= covers[sample.meter]
    return total if measured == everything else None
