"""Writing a site whose truth is known: a workload directory as the sample's, with truth.json beside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import yaml

from opendt_streams.errors import BadInput
from opendt_streams.model import times
from opendt_streams.model.canonical import JSON
from opendt_streams.model.power import Meter
from opendt_streams.model.times import parse
from opendt_streams.workload import sample_jobs, sample_meter, sample_site
from opendt_streams.workload.power import CONSUMPTION
from opendt_streams.workload.sample import SampleSummary, check_size
from opendt_streams.workload.sample_bursts import burst_jobs
from opendt_streams.workload.sample_files import FIRST_ID, GENERATOR, START, carbon, claim, write_jobs, write_table, write_text
from opendt_streams.workload.sample_jobs import Job
from opendt_streams.workload.site import DESCRIPTION, TOPOLOGY
from opendt_streams.workload.truth.description import Change, SiteTruth
from opendt_streams.workload.truth.document import TRUTH, TrueChange, TrueFault, Truth, truth_document
from opendt_streams.workload.truth.groups import SiteGroup, site_groups, site_meters, span_ms
from opendt_streams.workload.truth.meters import Readings, group_power_w, shown, with_faults

Places: TypeAlias = Mapping[int, tuple[int, int]]
"""By task id: its host, counted from 0 in topology order, and the second since the start at which it begins there."""


def write_site(
    directory: Path,
    truth: SiteTruth,
    seed: int,
    name: str = "site",
    *,
    place: Callable[[Path], Places] | None = None,
    groups: tuple[SiteGroup, ...] | None = None,
) -> SampleSummary:
    """Same truth and seed: same bytes.

    `place`: where OpenDC runs the tasks of a workload directory, which has everything but power yet; a site with a load needs it.
    `groups`: instead of those that the description gives.

    Raises:
        BadInput: a negative seed, a name in the description that the site does not have, or a directory that is taken.
    """
    check_size(seed, truth.days)
    groups = groups or site_groups(truth, seed)
    meters = site_meters(truth, groups)
    known = _known(truth, seed, groups, meters)
    claim(directory)
    rng = np.random.Generator(np.random.PCG64(seed))
    sheets = tuple(g.sheet for g in groups)
    if truth.load is None:
        asked = sample_jobs.sample_jobs(rng, truth.days, truth.hosts)
        placed = sample_meter.place(asked, sheets)
        hosts = [host for host in placed if host is not None]
        jobs = [job for job, host in zip(asked, placed, strict=True) if host is not None]
    else:
        jobs, hosts = burst_jobs(rng, truth.days, sum(s.count * s.cores for s in sheets), truth.load), []
    if not jobs:
        raise BadInput("no job finds a host on this site", expected="more hosts", where="--hosts")
    write_text(directory / DESCRIPTION, yaml.safe_dump(_about(truth, seed, name), sort_keys=False))
    write_text(directory / TOPOLOGY, json.dumps(sample_site.topology_document(sheets), indent=2) + "\n")
    for index, file in enumerate(sample_site.CARBON_FILES.values()):
        if any(sample_site.carbon_file(sheet.cluster) == file for sheet in sheets):
            write_table(directory / file, **carbon(rng, truth.days, index))
    write_jobs(directory, jobs)
    running, queued = jobs, 0
    if truth.load is not None:
        assert place is not None, "a site that queues is placed by an engine"
        running, hosts, queued = _begun(jobs, place(directory))
    readings, floor = _readings(truth, known, groups, running, hosts)
    _write_power(directory, readings)
    write_text(directory / TRUTH, json.dumps(truth_document(replace(known, noise_floor_percent=floor)), indent=2) + "\n")
    fragments = sum(len(j.usage_mhz) for j in jobs)
    samples = sum(len(r.time_ms) for r in readings)
    return SampleSummary(str(directory), seed, truth.days, truth.hosts, len(jobs), fragments, samples, queued, floor)


def _begun(jobs: list[Job], places: Places) -> tuple[list[Job], list[int], int]:
    """The jobs that begin, when they do, with their hosts; and how many of them waited."""
    begun = [(job, *places[number]) for number, job in enumerate(jobs, FIRST_ID) if number in places]
    moved = [replace(job, start_s=start_s) for job, _, start_s in begun]
    return moved, [host for _, host, _ in begun], sum(start_s > job.start_s for job, _, start_s in begun)


def _readings(
    truth: SiteTruth, known: Truth, groups: tuple[SiteGroup, ...], jobs: list[Job], placed: list[int]
) -> tuple[list[Readings], float]:
    """Of each meter, and the noise floor of their sum."""
    at_ms = known.start_ms + sample_meter.sample_instants(truth.days) * times.SECOND
    first_hosts = np.cumsum([0, *(g.sheet.count for g in groups)]).tolist()
    power = [group_power_w(g, first, jobs, placed, at_ms) for g, first in zip(groups, first_hosts, strict=False)]
    found, healthy_w = [], np.zeros(len(at_ms))
    for index, meter in enumerate(known.meters):
        rng = np.random.Generator(np.random.PCG64([known.seed, 2, index]))
        mine = [p for p, g in zip(power, groups, strict=True) if meter.measures(g.sheet.cluster, g.sheet.name)]
        readings = shown(truth, rng, meter, at_ms, sum(mine, start=np.zeros(len(at_ms))))
        healthy_w += readings.power_w
        found.append(with_faults(readings, known.faults, rng))
    return found, sample_meter.noise_floor_percent(sum(power, start=np.zeros(len(at_ms))), healthy_w)


def _known(truth: SiteTruth, seed: int, groups: tuple[SiteGroup, ...], meters: tuple[Meter, ...]) -> Truth:
    start_ms = parse(START)
    names = [g.sheet.name for g in groups]
    for change in truth.changes:
        if unknown := [n for n in change.host_groups if n not in names]:
            raise BadInput(f"there is no host group {unknown[0]!r}", expected="one of " + ", ".join(names), where="changes.host_groups")
    by_name = {m.name: m for m in meters}
    for fault in truth.faults:
        if unknown := [n for n in fault.meters if n not in by_name]:
            raise BadInput(f"there is no meter {unknown[0]!r}", expected="one of " + ", ".join(by_name), where="faults.meters")

    def at(hour: float) -> int:
        return start_ms + round(hour * times.HOUR)

    return Truth(
        seed=seed,
        start_ms=start_ms,
        noise=truth.noise,
        meters=meters,
        host_groups=tuple(g.true for g in groups),
        changes=tuple(
            TrueChange(c.parameter, at(c.at_hour), _reached_ms(c, start_ms), c.by, c.host_groups or tuple(names)) for c in truth.changes
        ),
        faults=tuple(
            TrueFault(f.kind, at(f.from_hour), at(f.from_hour + f.for_hours), f.strength, tuple(by_name[n] for n in f.meters) or meters)
            for f in truth.faults
        ),
        description=truth.model_dump(mode="json"),
    )


def _reached_ms(change: Change, start_ms: int) -> int:
    return start_ms + span_ms(change)[1]


def _write_power(directory: Path, readings: list[Readings]) -> None:
    """In order of time, then of the meters. Without parts there are no columns that name them, as in OpenDT's files."""
    time_ms = np.concatenate([r.time_ms for r in readings]) - parse(START)
    power_w = np.concatenate([r.power_w for r in readings])
    meter = np.repeat(np.arange(len(readings)), [len(r.time_ms) for r in readings])
    order = np.lexsort((meter, time_ms))
    columns: dict[str, Any] = {
        "power_draw": power_w[order],
        "energy_usage": np.round(power_w * sample_meter.SAMPLE_S, 1)[order],
        "timestamp": time_ms[order],
    }
    meters = [readings[i].meter for i in meter[order].tolist()]
    if any(m.cluster for m in meters):
        columns["cluster"] = [m.cluster for m in meters]
    if any(m.host_group for m in meters):
        columns["host_group"] = [m.host_group for m in meters]
    write_table(directory / CONSUMPTION, **columns)


def _about(truth: SiteTruth, seed: int, name: str) -> dict[str, JSON]:
    groups = f"{truth.host_groups} host groups in {truth.clusters} clusters"
    return {
        "name": name,
        "description": f"Known truth: {truth.about or truth.law}; {truth.hosts} hosts, {groups}, {truth.days} days, seed {seed}",
        "generator": GENERATOR,
        "timestamps": {"consumption_offset_ms": 0},
    }
