"""What is known of the truth behind a workload directory, for whoever shows an error: nothing of it may stop them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import yaml
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from opendt_streams.errors import BadInput
from opendt_streams.model import times
from opendt_streams.model.topology import Topology
from opendt_streams.workload import sample_meter
from opendt_streams.workload.reader import Workload
from opendt_streams.workload.sample_files import GENERATOR
from opendt_streams.workload.sample_jobs import Job
from opendt_streams.workload.sample_site import SampleGroup, TruePower
from opendt_streams.workload.site import DESCRIPTION
from opendt_streams.workload.truth.document import TRUTH, Truth, load_truth


@dataclass(frozen=True, slots=True)
class Known:
    """`note`: in one sentence, why a file that claims to say the truth is not used."""

    truth: Truth | None = None
    noise_floor_percent: float | None = None
    note: str | None = None


NOTHING: Final = Known()


def known_truth(directory: Path, workload: Workload, topology: Topology | None = None) -> Known:
    """What is known of a workload directory that was read. `topology`: of the run that is judged, where it is not the directory's."""
    note = None
    try:
        if (truth := load_truth(directory)) is not None:
            _of_this_site(truth, topology or workload.topology)
            return Known(truth, truth.noise_floor_percent)
    except BadInput as error:
        note = f"{directory / TRUTH} is none of ours for this site, so it is not used: {error.what}"
    return Known(noise_floor_percent=_floor_of_sample(directory, workload), note=note)


def _of_this_site(truth: Truth, topology: Topology) -> None:
    said = {(g.cluster, g.host_group) for g in truth.host_groups}
    for cluster, _, group in topology.host_groups:
        name = (topology.clusters[cluster].name, group.name)
        if name not in said:
            raise BadInput(f"it says nothing of the host group {'/'.join(name)}")


class _Law(BaseModel):
    idle_w: float = Field(alias="idlePower")
    busy_w: float = Field(alias="busyPower")
    slope_w: float = Field(alias="slopePower")


class _About(BaseModel):
    """As `write_sample` puts it into workload.yaml, which is where a sample without a queue says what is true of it."""

    class Stated(BaseModel):
        parameters: dict[str, _Law]

    generator: str
    truth: Stated


_ABOUT: Final = TypeAdapter(_About)


def _floor_of_sample(directory: Path, workload: Workload) -> float | None:
    """Computed again from what was written: no task of such a sample waits, so where each ran is known without an engine."""
    try:
        about = _ABOUT.validate_python(yaml.safe_load((directory / DESCRIPTION).read_bytes()))
    except (OSError, yaml.YAMLError, ValidationError):
        return None
    laws, power, tasks = about.truth.parameters, workload.power, workload.tasks
    groups = [(workload.topology.clusters[c].name, g) for c, _, g in workload.topology.host_groups]
    if about.generator != GENERATOR or power is None or not len(tasks.submission_ms) or any(g.name not in laws for _, g in groups):
        return None
    start_ms = int(tasks.submission_ms[0])
    jobs = [
        Job(
            start_s=(task.submission_ms - start_ms) // times.SECOND,
            length_s=task.duration_ms // times.SECOND,
            cores=task.cpu_count,
            memory_mib=task.memory_mib,
            duration_ms=task.fragments.duration_ms,
            usage_mhz=np.rint(task.fragments.cpu_usage_mhz).astype(np.int64),
        )
        for task in tasks
        if len(task.fragments)
    ]
    truths = {name: TruePower(law.idle_w, law.busy_w, law.slope_w) for name, law in laws.items()}
    sheets = [
        SampleGroup(cluster, g.name, g.count, g.cores, round(g.core_speed_mhz), g.memory_mib, 0.0, 0.0, truths[g.name])
        for cluster, g in groups
    ]
    instants = (power.time_ms - start_ms) // times.SECOND
    watts = sample_meter.true_power(jobs, sample_meter.place(jobs, sheets), sheets, instants)
    return sample_meter.noise_floor_percent(watts * sample_meter.drift(instants), power.power_w)
