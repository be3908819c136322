"""A synthetic datacenter with a known truth, in OpenDT's file formats: for a first look, and to test calibration against.

Same seed, days and hosts: same bytes (for one version of pyarrow and NumPy). What is drawn comes from one PCG64; what is written is
rounded, so that the last bit of a float function on another CPU does not show.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from opendt_streams.errors import BadInput
from opendt_streams.model.canonical import JSON
from opendt_streams.model.times import parse
from opendt_streams.workload import sample_jobs, sample_meter, sample_site
from opendt_streams.workload.power import CONSUMPTION
from opendt_streams.workload.sample_jobs import DAY_S, Job
from opendt_streams.workload.sample_site import SampleGroup
from opendt_streams.workload.site import DESCRIPTION, TOPOLOGY
from opendt_streams.workload.tasks import FRAGMENTS, TASKS

DEFAULT_DAYS: Final = 7
DEFAULT_HOSTS: Final = 48
START: Final = "2024-03-04T00:00:00Z"  # a Monday
_GENERATOR: Final = "opendt data sample"
_CARBON_STEP_S: Final = 900


@dataclass(frozen=True, slots=True)
class SampleSummary:
    """What was written."""

    directory: str
    seed: int
    days: int
    hosts: int
    tasks: int
    fragments: int
    power_samples: int


def write_sample(directory: Path, seed: int, days: int = DEFAULT_DAYS, hosts: int = DEFAULT_HOSTS) -> SampleSummary:
    """Writes a workload directory. A directory that holds anything but an earlier sample is refused.

    Raises:
        BadInput: for fewer than 1 day or 4 hosts, a negative seed, or a directory that is taken.
    """
    if days < 1:
        raise BadInput(f"{days} days are too few", expected="at least 1", where="--days")
    if seed < 0:
        raise BadInput(f"the seed {seed} is negative", expected="0 or more", where="--seed")
    groups = sample_site.sample_groups(hosts)
    _claim(directory)
    rng = np.random.Generator(np.random.PCG64(seed))
    asked = sample_jobs.sample_jobs(rng, days, hosts)
    placed = sample_meter.place(asked, groups)
    # A job that would have to wait for a host never came: the truth needs no queue, and the twin's scheduler finds none either.
    jobs = [job for job, host in zip(asked, placed, strict=True) if host is not None]
    instants = sample_meter.sample_instants(days)
    watts = sample_meter.true_power(jobs, [host for host in placed if host is not None], groups, instants)
    shown = sample_meter.readings(rng, watts, instants)

    # The description comes first: it marks the directory as ours to write again, should this be interrupted.
    _write_text(directory / DESCRIPTION, yaml.safe_dump(_about(seed, days, hosts, groups), sort_keys=False))
    _write_text(directory / TOPOLOGY, json.dumps(sample_site.topology_document(groups), indent=2) + "\n")
    _write_table(
        directory / CONSUMPTION, power_draw=shown, energy_usage=np.round(shown * sample_meter.SAMPLE_S, 1), timestamp=instants * 1000
    )
    for index, name in enumerate(sample_site.CARBON_FILES.values()):
        _write_table(directory / name, **_carbon(rng, days, index))
    _write_jobs(directory, jobs)
    return SampleSummary(str(directory), seed, days, hosts, len(jobs), sum(len(j.usage_mhz) for j in jobs), len(shown))


def _claim(directory: Path) -> None:
    if directory.exists() and not directory.is_dir():
        raise BadInput("this is a file", expected="a directory", where=str(directory))
    if directory.is_dir() and any(directory.iterdir()):
        about = directory / DESCRIPTION
        if not about.is_file() or f"generator: {_GENERATOR}" not in about.read_text(encoding="utf-8", errors="replace"):
            raise BadInput(
                "the directory holds something else", expected="a new or empty directory, or an earlier sample", where=str(directory)
            )
    directory.mkdir(parents=True, exist_ok=True)


def _about(seed: int, days: int, hosts: int, groups: tuple[SampleGroup, ...]) -> dict[str, JSON]:
    return {
        "name": "sample",
        "description": f"Synthetic datacenter: {hosts} hosts in 2 clusters, {days} days, seed {seed}",
        "generator": _GENERATOR,
        "timestamps": {"consumption_offset_ms": 0},
        "truth": {
            "law": "host_w = (idlePower + busyPower min(1, cores u) + slopePower u) (1 + amplitude sin(2 pi t / period))",
            "parameters": sample_site.truth_document(groups),
            "drift": {"amplitude": sample_meter.DRIFT, "period_s": sample_meter.DRIFT_PERIOD_S},
            "noise": {"relative_standard_deviation": sample_meter.NOISE, "longest_hold_samples": sample_meter.LONGEST_HOLD},
        },
    }


def _carbon(rng: np.random.Generator, days: int, source: int) -> dict[str, Any]:
    """A trace from the start to a step after the end: a daily wave (source 0: solar, source 1: coal and wind) on slow weather."""
    seconds = np.arange(0, days * DAY_S + _CARBON_STEP_S + 1, _CARBON_STEP_S, dtype=np.int64)
    mean, wave, shift_s = ((180.0, -70.0, 0), (340.0, 50.0, 4 * 3600))[source]
    weather, intensity = 0.0, []
    for second, push in zip(seconds.tolist(), rng.standard_normal(len(seconds)).tolist(), strict=True):
        weather = 0.995 * weather + 3.0 * push
        intensity.append(round(max(10.0, mean + wave * sample_jobs.daily(second - shift_s) + weather), 1))
    return {"timestamp": _timestamps(seconds * 1000), "carbon_intensity": np.array(intensity)}


def _write_jobs(directory: Path, jobs: list[Job]) -> None:
    ids = [str(1_000_000 + i) for i in range(len(jobs))]
    lengths = np.array([len(j.usage_mhz) for j in jobs])
    _write_table(
        directory / TASKS,
        id=ids,
        submission_time=_timestamps(np.array([j.start_s for j in jobs], dtype=np.int64) * 1000),
        duration=np.array([j.length_s for j in jobs], dtype=np.int64) * 1000,
        cpu_count=np.array([j.cores for j in jobs], dtype=np.int32),
        cpu_capacity=np.array([float(j.cores * sample_jobs.CORE_MHZ) for j in jobs]),
        mem_capacity=np.array([j.memory_mib for j in jobs], dtype=np.int64) * 1000,
    )
    _write_table(
        directory / FRAGMENTS,
        id=np.repeat(np.array(ids, dtype=object), lengths),
        duration=np.concatenate([j.duration_ms for j in jobs]),
        cpu_count=np.repeat(np.array([j.cores for j in jobs], dtype=np.int32), lengths),
        cpu_usage=np.concatenate([j.usage_mhz for j in jobs]).astype(np.float64),
    )


def _timestamps(since_start_ms: np.ndarray[Any, np.dtype[np.int64]]) -> Any:
    return pa.array(since_start_ms + parse(START), type=pa.timestamp("ms"))


def _write_table(path: Path, **columns: Any) -> None:
    """OpenDT's types: nothing nullable, timestamps in ms without a zone. Fixed settings: a default of a later pyarrow changes no bytes."""
    arrays = [pa.array(column) for column in columns.values()]
    schema = pa.schema([pa.field(name, array.type, nullable=False) for name, array in zip(columns, arrays, strict=True)])
    table = pa.Table.from_arrays(arrays, schema=schema)
    pq.write_table(table, path, version="2.6", compression="snappy", use_dictionary=True, data_page_version="1.0", row_group_size=1 << 20)


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
