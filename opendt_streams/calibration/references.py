"""The datasheet watts on which factors are fitted: one pair per host group, read when the group is first seen.

Several host groups behind one meter cannot be told apart. What can be learnt is three factors common to all (field guide 1.1): on
the idle watts (f(0) of the power model in force when the group is first seen), and, for the busy and the sloping part, on the range
f(1) - f(0). The busy-linear parameters of a group are these factors times its own watts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from opendt_streams.calibration.projection import Vector
from opendt_streams.model.power_models import watts
from opendt_streams.model.topology import Cluster, HostGroup, PowerModel, Topology

Place: TypeAlias = tuple[int, int]
"""Cluster index and host entry index."""

_LEAST_IDLE_SHARE: Final = 0.01  # of the maximum: a datasheet that says 0 W idle gives a factor nothing to hold on to
_IDLE_SHARE_UNKNOWN: Final = 0.5  # of the power of a model that does not say what idle and busy hosts draw


@dataclass(frozen=True, slots=True)
class Reference:
    """Watts of one host of a group at factors of one; `hardware` tells whether they still mean the same machine."""

    hardware: str
    idle_w: float
    range_w: float

    def model(self, factors: Vector) -> PowerModel:
        """The power model of the group at these factors, in the resolution of the topic."""
        idle, busy, slope = factors
        return PowerModel(
            "busy-linear",
            idle_power_w=round(idle * self.idle_w, 6),
            max_power_w=0.0,
            busy_power_w=round(busy * self.range_w, 6),
            slope_power_w=round(slope * self.range_w, 6),
        )


def references(topology: Topology, known: Mapping[Place, Reference], published: Vector | None) -> dict[Place, Reference]:
    """The reference of every host group of the topology: the known one, or read from its power model.

    It is read where the group is new or its hardware is another, unless the model in force is what we published there: then the
    change came with our own parameters, and reading those back as a datasheet would apply the factors twice.
    """
    found: dict[Place, Reference] = {}
    for c, h, group in topology.host_groups:
        hardware = _hardware(topology.clusters[c], group)
        old = known.get((c, h))
        if old is not None and old.hardware != hardware and published is not None and old.model(published) == group.power_model:
            old = Reference(hardware, old.idle_w, old.range_w)
        if old is None or old.hardware != hardware:
            old = Reference(hardware, *_datasheet(group))
        found[c, h] = old
    return found


def prior_factors(topology: Topology, known: Mapping[Place, Reference]) -> Vector:
    """Where a fit begins: the datasheet (1, 0, 1), or the shape of busy-linear models that are in force already."""
    busy = slope = span = 0.0
    for c, h, group in topology.host_groups:
        model, range_w = group.power_model, known[c, h].range_w
        fitted = model.model_type == "busy-linear"
        busy += group.count * (model.busy_power_w if fitted else 0.0)
        slope += group.count * (model.slope_power_w if fitted else range_w)
        span += group.count * range_w
    return 1.0, busy / span, slope / span


def range_per_idle(topology: Topology, known: Mapping[Place, Reference]) -> float:
    """Range over idle watts of the average host: makes a step of the idle factor as many watts as one of the others."""
    idle = range_ = 0.0
    for c, h, group in topology.host_groups:
        idle += group.count * known[c, h].idle_w
        range_ += group.count * known[c, h].range_w
    return range_ / idle


def _hardware(cluster: Cluster, group: HostGroup) -> str:
    """A short digest of what makes a host of this group; the number of hosts does not."""
    parts = (cluster.name, group.name, group.cpu_count, group.cores_per_cpu, group.core_speed_mhz, group.memory_mib)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


def _datasheet(group: HostGroup) -> tuple[float, float]:
    """(idle, range) in watts, both positive, rounded to 1e-6.

    A power model that is flat (`constant`) says nothing about either: its unused idle and maximum are taken, else halves of its power.
    """
    model = group.power_model
    ends = watts(model, np.array([0.0, group.capacity_mhz]), group.cores, group.capacity_mhz)
    idle_w, max_w = float(ends[0]), float(ends[1])
    if not 0 <= idle_w < max_w < np.inf:
        idle_w, max_w = model.idle_power_w, model.max_power_w
    if not 0 <= idle_w < max_w:
        max_w = max(max_w, model.power_w, 1.0)
        idle_w = _IDLE_SHARE_UNKNOWN * max_w
    idle_w = max(idle_w, _LEAST_IDLE_SHARE * max_w)
    return round(idle_w, 6), round(max_w - idle_w, 6)
