"""What the true parameters of a made site say about a recording of it: no calibration can be expected to do better."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from opendt_streams.calibration.metrics import Flags
from opendt_streams.errors import BadInput
from opendt_streams.model import times
from opendt_streams.model.power_models import watts
from opendt_streams.model.task import Float64, Int64
from opendt_streams.model.topology import HostGroup, Topology
from opendt_streams.offline.recording import Recording
from opendt_streams.workload.truth.document import TrueGroup, Truth

UTILISATIONS: Final = np.linspace(0.0, 1.0, 21)
"""Where power curves of hosts are compared."""


def true_groups(truth: Truth, topology: Topology) -> dict[tuple[int, int], TrueGroup]:
    """By cluster index and host entry index.

    Raises:
        BadInput: the truth is that of another site.
    """
    known = {(g.cluster, g.host_group): g for g in truth.host_groups}
    found = {}
    for c, h, group in topology.host_groups:
        name = (topology.clusters[c].name, group.name)
        if name not in known:
            raise BadInput(f"nothing is known of the host group {'/'.join(name)}", expected="the truth of this very site")
        found[c, h] = known[name]
    return found


def true_row_w(recording: Recording, truth: Truth) -> Float64:
    """Power of the datacenter per row of the recording, by the law and the parameters of its time."""
    load = recording.load
    groups = true_groups(truth, recording.topology_at(0))
    power = np.zeros(len(load.row_ms))
    for segment in load.segments:
        part = slice(segment.first, segment.stop)
        at_ms = load.row_ms[part]
        for group in segment.groups:
            true = groups[group.cluster, group.group]
            power[part] += group.hosts * true.parameter_w("idlePower", at_ms)
            weights = true.weights_w(at_ms)
            for name, shape in true.shapes().items():
                power[part] += weights[name] * group.power_w(shape, segment.first, segment.stop)
    return power


def healthy(sample_ms: Int64, truth: Truth) -> Flags:
    """Which samples no fault has touched."""
    well = np.ones(len(sample_ms), dtype=np.bool_)
    for fault in truth.faults:
        late_ms = round(abs(fault.value) * times.SECOND) if fault.kind == "clock" else 0
        well &= ~((sample_ms > fault.from_ms) & (sample_ms <= fault.until_ms + late_ms))
    return well


def host_curve_w(group: HostGroup) -> Float64:
    """Watts of a host of the group at UTILISATIONS."""
    return watts(group.power_model, UTILISATIONS * group.capacity_mhz, group.cores, group.capacity_mhz)


def true_curve_w(true: TrueGroup, group: HostGroup, time_ms: int) -> Float64:
    return watts(true.model_at(time_ms), UTILISATIONS * group.capacity_mhz, group.cores, group.capacity_mhz)


def curves_w(topology: Topology) -> Mapping[tuple[int, int], Float64]:
    """The curve of each host group."""
    return {(c, h): host_curve_w(group) for c, h, group in topology.host_groups}
