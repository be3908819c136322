"""What the meters of a site show: the truth with noise, held and rounded; then what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from opendt_streams.model import times
from opendt_streams.model.power import Meter
from opendt_streams.model.power_models import watts
from opendt_streams.model.task import Float64, Int64
from opendt_streams.model.times import parse
from opendt_streams.workload.sample_files import START
from opendt_streams.workload.sample_jobs import Job
from opendt_streams.workload.sample_meter import held, host_utilisation
from opendt_streams.workload.truth.description import SiteTruth
from opendt_streams.workload.truth.document import TrueFault
from opendt_streams.workload.truth.groups import SiteGroup

_SPIKE_SHARE = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Readings:
    """What one meter says: time_ms (n,) since the epoch, power_w (n,)."""

    meter: Meter
    time_ms: Int64
    power_w: Float64


def group_power_w(group: SiteGroup, first_host: int, jobs: Sequence[Job], placed: Sequence[int | None], at_ms: Int64) -> Float64:
    """Watts of the whole group by its true law (n,). `first_host` is the number of its first host in topology order."""
    sheet, true = group.sheet, group.true
    at_s = (at_ms - parse(START)) // times.SECOND
    hosts: dict[int, list[Job]] = {}
    for job, host in zip(jobs, placed, strict=True):
        if host is not None and first_host <= host < first_host + sheet.count and job.end_s > job.start_s:
            hosts.setdefault(host, []).append(job)
    shapes = {name: np.zeros(len(at_s)) for name in true.shapes()}
    for _, here in sorted(hosts.items()):
        demand = host_utilisation(here, sheet.capacity_mhz, at_s) * sheet.capacity_mhz
        for name, shape in true.shapes().items():
            shapes[name] += watts(shape, demand, sheet.cores, sheet.capacity_mhz)
    power = sheet.count * true.parameter_w("idlePower", at_ms)
    for name, weight in true.weights_w(at_ms).items():
        power = power + weight * shapes[name]
    return np.asarray(power)


def shown(truth: SiteTruth, rng: np.random.Generator, meter: Meter, time_ms: Int64, power_w: Float64) -> Readings:
    """A healthy meter."""
    fresh, noise = rng.random(len(power_w)) < truth.refresh, rng.standard_normal(len(power_w))
    exact = np.maximum(power_w * (1 + truth.noise * noise), truth.resolution_w)
    values = [round(round(x / truth.resolution_w) * truth.resolution_w, 6) for x in exact.tolist()]
    return Readings(meter, time_ms, held(values, fresh.tolist(), truth.longest_hold, truth.resolution_w))


def with_faults(readings: Readings, faults: Iterable[TrueFault], rng: np.random.Generator) -> Readings:
    """What arrives of it, in order of the stamps; of two samples with one stamp the first."""
    for fault in faults:
        if readings.meter in fault.meters:
            readings = _faulty(readings, fault, rng)
    return readings


def _faulty(readings: Readings, fault: TrueFault, rng: np.random.Generator) -> Readings:
    time_ms, power_w = readings.time_ms, readings.power_w
    bad = (time_ms > fault.from_ms) & (time_ms <= fault.until_ms)
    if not bad.any():
        return readings
    match fault.kind:
        case "stuck":
            power_w = np.where(bad, power_w[max(int(bad.argmax()) - 1, 0)], power_w)
        case "zeros":
            power_w = np.where(bad, 0.0, power_w)
        case "gap":
            time_ms, power_w = time_ms[~bad], power_w[~bad]
        case "spikes":
            power_w = np.where(bad & (rng.random(len(power_w)) < _SPIKE_SHARE), np.round(power_w * fault.value, 6), power_w)
        case "unit":
            power_w = np.where(bad, np.round(power_w * fault.value, 6), power_w)
        case "clock":
            time_ms = np.where(bad, time_ms + round(fault.value * times.SECOND), time_ms)
            time_ms, first = np.unique(time_ms, return_index=True)
            power_w = power_w[first]
    return replace(readings, time_ms=time_ms, power_w=power_w)
