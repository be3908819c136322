"""The datasheet on which factors are fitted: one power model per host group, read when the group is first seen.

Several host groups behind one meter cannot be told apart. What can be learnt is factors common to all (field guide 1.1): on the idle
watts (f(0) of the power model in force when the group is first seen), and, for what is drawn above idle, on the range f(1) - f(0). The
parameters of a group are these factors times its own watts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np

from opendt_streams.model.power_models import watts
from opendt_streams.model.topology import Cluster, HostGroup, ModelType, PowerModel, Topology

Place: TypeAlias = tuple[int, int]
"""Cluster index and host entry index."""

_LEAST_IDLE_SHARE: Final = 0.01  # of the maximum: a datasheet that says 0 W idle gives a factor nothing to hold on to
_IDLE_SHARE_UNKNOWN: Final = 0.5  # of the power of a model that does not say what idle and busy hosts draw


@dataclass(frozen=True, slots=True)
class Reference:
    """One host of a group at factors of one; `hardware` tells whether it still means the same machine, `model` has the curve."""

    hardware: str
    idle_w: float
    range_w: float
    model: PowerModel


def references(topology: Topology, known: Mapping[Place, Reference], published: Mapping[Place, PowerModel]) -> dict[Place, Reference]:
    """The reference of every host group of the topology: the known one, or read from its power model.

    It is read where the group is new or its hardware is another, unless the model in force is what we published there: then the
    change came with our own parameters, and reading those back as a datasheet would apply the factors twice.
    """
    found: dict[Place, Reference] = {}
    for c, h, group in topology.host_groups:
        hardware = _hardware(topology.clusters[c], group)
        old = known.get((c, h))
        if old is not None and old.hardware != hardware and published.get((c, h)) == group.power_model:
            old = replace(old, hardware=hardware)
        if old is None or old.hardware != hardware:
            old = _datasheet(hardware, group)
        found[c, h] = old
    return found


def within(known: Mapping[Place, Reference], runs: Collection[ModelType]) -> dict[Place, Reference]:
    """The same references with a straight line in place of a curve that the engine does not run."""
    return {
        at: r if r.model.model_type in runs else replace(r, model=PowerModel("linear", r.idle_w, round(r.idle_w + r.range_w, 6)))
        for at, r in known.items()
    }


def _hardware(cluster: Cluster, group: HostGroup) -> str:
    """A short digest of what makes a host of this group; the number of hosts does not."""
    parts = (cluster.name, group.name, group.cpu_count, group.cores_per_cpu, group.core_speed_mhz, group.memory_mib)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


def _datasheet(hardware: str, group: HostGroup) -> Reference:
    """Idle and range in watts, both positive, rounded to 1e-6.

    A power model that is flat (`constant`) says nothing about either: its unused idle and maximum are taken, else halves of its power,
    and a straight line between them.
    """
    model = group.power_model
    ends = watts(model, np.array([0.0, group.capacity_mhz]), group.cores, group.capacity_mhz)
    idle_w, max_w = float(ends[0]), float(ends[1])
    if not 0 <= idle_w < max_w < np.inf:
        idle_w, max_w = model.idle_power_w, model.max_power_w
        model = replace(model, model_type="linear")
    if not 0 <= idle_w < max_w:
        max_w = max(max_w, model.power_w, 1.0)
        idle_w = _IDLE_SHARE_UNKNOWN * max_w
    idle_w = max(idle_w, _LEAST_IDLE_SHARE * max_w)
    idle_w, range_w = round(idle_w, 6), round(max_w - idle_w, 6)
    if model.model_type == "linear":
        model = replace(model, idle_power_w=idle_w, max_power_w=round(idle_w + range_w, 6))
    return Reference(hardware, idle_w, range_w, _rounded(model))


def _rounded(model: PowerModel) -> PowerModel:
    """In the resolution of the topic, as a decision carries it."""
    return PowerModel(
        model.model_type,
        round(model.idle_power_w, 6),
        round(model.max_power_w, 6),
        round(model.power_w, 6),
        round(model.calibration_factor, 6),
        round(model.asym_util, 6),
        model.dvfs,
        round(model.busy_power_w, 6),
        round(model.slope_power_w, 6),
    )
