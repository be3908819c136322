"""A synthetic datacenter with a known truth, in OpenDT's file formats: for a first look, and to test calibration against.

Same seed, days and hosts: same bytes (for one version of pyarrow and NumPy). What is drawn comes from one PCG64; what is written is
rounded, so that the last bit of a float function on another CPU does not show.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import yaml

from opendt_streams.errors import BadInput
from opendt_streams.model.canonical import JSON
from opendt_streams.workload import sample_jobs, sample_meter, sample_site
from opendt_streams.workload.power import CONSUMPTION
from opendt_streams.workload.sample_files import GENERATOR, carbon, claim, write_jobs, write_table, write_text
from opendt_streams.workload.sample_site import SampleGroup
from opendt_streams.workload.site import DESCRIPTION, TOPOLOGY

DEFAULT_DAYS: Final = 7
DEFAULT_HOSTS: Final = 48


@dataclass(frozen=True, slots=True)
class SampleSummary:
    """What was written.

    queued: tasks that had to wait for a host. noise_floor_percent: the MAPE of the true power law against the meter's readings, faults
    aside: what is left of the error when nothing is left to learn.
    """

    directory: str
    seed: int
    days: int
    hosts: int
    tasks: int
    fragments: int
    power_samples: int
    queued: int
    noise_floor_percent: float


def write_sample(directory: Path, seed: int, days: int = DEFAULT_DAYS, hosts: int = DEFAULT_HOSTS) -> SampleSummary:
    """Writes a workload directory. A directory that holds anything but an earlier sample is refused.

    Raises:
        BadInput: for fewer than 1 day or 4 hosts, a negative seed, or a directory that is taken.
    """
    check_size(seed, days)
    groups = sample_site.sample_groups(hosts)
    claim(directory)
    rng = np.random.Generator(np.random.PCG64(seed))
    asked = sample_jobs.sample_jobs(rng, days, hosts)
    placed = sample_meter.place(asked, groups)
    # A job that would have to wait for a host never came: the truth needs no queue, and the twin's scheduler finds none either.
    jobs = [job for job, host in zip(asked, placed, strict=True) if host is not None]
    instants = sample_meter.sample_instants(days)
    watts = sample_meter.true_power(jobs, [host for host in placed if host is not None], groups, instants)
    shown = sample_meter.readings(rng, watts, instants)

    # The description comes first: it marks the directory as ours to write again, should this be interrupted.
    write_text(directory / DESCRIPTION, yaml.safe_dump(_about(seed, days, hosts, groups), sort_keys=False))
    write_text(directory / TOPOLOGY, json.dumps(sample_site.topology_document(groups), indent=2) + "\n")
    write_table(
        directory / CONSUMPTION, power_draw=shown, energy_usage=np.round(shown * sample_meter.SAMPLE_S, 1), timestamp=instants * 1000
    )
    for index, name in enumerate(sample_site.CARBON_FILES.values()):
        write_table(directory / name, **carbon(rng, days, index))
    write_jobs(directory, jobs)
    fragments = sum(len(j.usage_mhz) for j in jobs)
    floor = sample_meter.noise_floor_percent(watts * sample_meter.drift(instants), shown)
    return SampleSummary(str(directory), seed, days, hosts, len(jobs), fragments, len(shown), 0, floor)


def check_size(seed: int, days: int) -> None:
    """
    Raises:
        BadInput: a negative seed, or less than a day.
    """
    if days < 1:
        raise BadInput(f"{days} days are too few", expected="at least 1", where="--days")
    if seed < 0:
        raise BadInput(f"the seed {seed} is negative", expected="0 or more", where="--seed")


def _about(seed: int, days: int, hosts: int, groups: tuple[SampleGroup, ...]) -> dict[str, JSON]:
    return {
        "name": "sample",
        "description": f"Synthetic datacenter: {hosts} hosts in 2 clusters, {days} days, seed {seed}",
        "generator": GENERATOR,
        "timestamps": {"consumption_offset_ms": 0},
        "truth": {
            "law": "host_w = (idlePower + busyPower min(1, cores u) + slopePower u) (1 + amplitude sin(2 pi t / period))",
            "parameters": sample_site.truth_document(groups),
            "drift": {"amplitude": sample_meter.DRIFT, "period_s": sample_meter.DRIFT_PERIOD_S},
            "noise": {"relative_standard_deviation": sample_meter.NOISE, "longest_hold_samples": sample_meter.LONGEST_HOLD},
        },
    }
