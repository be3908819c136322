"""What the meters tell apart: the parts of a datacenter whose power is measured on its own, and fitted on its own.

The finest disjoint meters that together measure every host are the scopes: host groups where these are metered, else clusters, else
the whole datacenter. Beside a meter of the whole, finer ones are believed only where their sum agrees with it: it is what scores are of.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np

from opendt_streams.calibration.pairing import covered
from opendt_streams.calibration.references import Place
from opendt_streams.model.power import WHOLE_DATACENTER, Meter, PowerSample
from opendt_streams.model.task import Float64, Int64
from opendt_streams.model.topology import Topology

Level: TypeAlias = Literal["datacenter", "clusters", "host groups"]

AGREE: Final = 0.02
"""Relative difference between a meter of the whole and the sum of finer ones up to which they measure the same."""


@dataclass(frozen=True, slots=True)
class Scope:
    meter: Meter
    places: frozenset[Place]

    @property
    def name(self) -> str:
        """As decisions and alarms call it; empty for the whole datacenter."""
        return scope_name(self.meter)


def scope_name(meter: Meter) -> str:
    return "/".join(part for part in (meter.cluster, meter.host_group) if part)


def scopes_of(samples: Sequence[PowerSample], topology: Topology, known: Iterable[Meter] = ()) -> list[Scope]:
    """The scopes that the samples measure, in order of their meters; the whole datacenter where nothing finer measures all of it.

    Meters that were `known` before and say nothing now still tell apart what they measure.
    """
    everything = frozenset((c, h) for c, h, _ in topology.host_groups)
    whole = [Scope(WHOLE_DATACENTER, everything)]
    meters = {s.meter for s in samples} | set(known)
    if meters <= {WHOLE_DATACENTER}:
        return whole
    found, measured = list[Scope](), frozenset[Place]()
    by_size = sorted(((m, covered(m, topology)) for m in meters if m != WHOLE_DATACENTER), key=lambda at: (len(at[1]), _key(at[0])))
    for meter, places in by_size:
        if places and measured.isdisjoint(places):
            found.append(Scope(meter, places))
            measured |= places
    if measured != everything or (WHOLE_DATACENTER in meters and not _agree(samples, found)):
        return whole
    return sorted(found, key=lambda scope: _key(scope.meter))


def level(scopes: Sequence[Scope]) -> Level:
    """What kind of parts these are; the coarsest, where they are mixed."""
    if scopes[0].meter == WHOLE_DATACENTER:
        return "datacenter"
    return "host groups" if all(s.meter.host_group is not None for s in scopes) else "clusters"


def power_of(samples: Sequence[PowerSample], scopes: Sequence[Scope]) -> tuple[Int64, Float64]:
    """(times [ms], power [W] per time and scope): NaN where a scope's meter said nothing at that time, 0 where
    what it said is no number."""
    index = {scope.meter: s for s, scope in enumerate(scopes)}
    mine = [s for s in samples if s.meter in index]
    times_ms = np.unique(np.fromiter((s.time_ms for s in mine), np.int64, len(mine)))
    power_w = np.full((len(times_ms), len(scopes)), np.nan)
    at = np.searchsorted(times_ms, np.fromiter((s.time_ms for s in mine), np.int64, len(mine)))
    power_w[at, [index[s.meter] for s in mine]] = [s.power_w if math.isfinite(s.power_w) else 0.0 for s in mine]
    return times_ms, power_w


def _agree(samples: Sequence[PowerSample], scopes: Sequence[Scope]) -> bool:
    """Whether the scopes' sum is what the meter of the whole says, in the median over the times that have all."""
    sums: Mapping[int, list[float]] = defaultdict(list)
    mine = {scope.meter for scope in scopes}
    whole: dict[int, float] = {}
    for s in samples:
        if s.meter in mine:
            sums[s.time_ms].append(s.power_w)
        elif s.meter == WHOLE_DATACENTER:
            whole[s.time_ms] = s.power_w
    apart = [abs(sum(parts) / whole[t] - 1) for t, parts in sums.items() if len(parts) == len(scopes) and whole.get(t, 0.0) > 0]
    return bool(apart) and float(np.median(apart)) <= AGREE


def _key(meter: Meter) -> tuple[str, str]:
    return meter.cluster or "", meter.host_group or ""
