"""Writing a made datacenter: the files of a workload directory, byte for byte the same for the same content."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from opendt_streams.errors import BadInput
from opendt_streams.model.times import parse
from opendt_streams.workload import sample_jobs
from opendt_streams.workload.sample_jobs import DAY_S, Job
from opendt_streams.workload.site import DESCRIPTION
from opendt_streams.workload.tasks import FRAGMENTS, TASKS
from opendt_streams.workload.truth.document import TRUTH

START: Final = "2024-03-04T00:00:00Z"  # a Monday
GENERATOR: Final = "opendt data sample"
FIRST_ID: Final = 1_000_000  # of the first job; the others count on
_CARBON_STEP_S: Final = 900


def claim(directory: Path) -> None:
    """Make the directory; one that holds anything but an earlier sample is refused."""
    if directory.exists() and not directory.is_dir():
        raise BadInput("this is a file", expected="a directory", where=str(directory))
    if directory.is_dir() and any(directory.iterdir()):
        about = directory / DESCRIPTION
        if not about.is_file() or f"generator: {GENERATOR}" not in about.read_text(encoding="utf-8", errors="replace"):
            raise BadInput(
                "the directory holds something else", expected="a new or empty directory, or an earlier sample", where=str(directory)
            )
    directory.mkdir(parents=True, exist_ok=True)
    (directory / TRUTH).unlink(missing_ok=True)  # of an earlier one, which this one may not have


def carbon(rng: np.random.Generator, days: int, source: int) -> dict[str, Any]:
    """A trace from the start to a step after the end: a daily wave (source 0: solar, source 1: coal and wind) on slow weather."""
    seconds = np.arange(0, days * DAY_S + _CARBON_STEP_S + 1, _CARBON_STEP_S, dtype=np.int64)
    mean, wave, shift_s = ((180.0, -70.0, 0), (340.0, 50.0, 4 * 3600))[source]
    weather, intensity = 0.0, []
    for second, push in zip(seconds.tolist(), rng.standard_normal(len(seconds)).tolist(), strict=True):
        weather = 0.995 * weather + 3.0 * push
        intensity.append(round(max(10.0, mean + wave * sample_jobs.daily(second - shift_s) + weather), 1))
    return {"timestamp": timestamps(seconds * 1000), "carbon_intensity": np.array(intensity)}


def write_jobs(directory: Path, jobs: list[Job]) -> None:
    ids = [str(FIRST_ID + i) for i in range(len(jobs))]
    lengths = np.array([len(j.usage_mhz) for j in jobs])
    write_table(
        directory / TASKS,
        id=ids,
        submission_time=timestamps(np.array([j.start_s for j in jobs], dtype=np.int64) * 1000),
        duration=np.array([j.length_s for j in jobs], dtype=np.int64) * 1000,
        cpu_count=np.array([j.cores for j in jobs], dtype=np.int32),
        cpu_capacity=np.array([float(j.cores * sample_jobs.CORE_MHZ) for j in jobs]),
        mem_capacity=np.array([j.memory_mib for j in jobs], dtype=np.int64) * 1000,
    )
    write_table(
        directory / FRAGMENTS,
        id=np.repeat(np.array(ids, dtype=object), lengths),
        duration=np.concatenate([j.duration_ms for j in jobs]),
        cpu_count=np.repeat(np.array([j.cores for j in jobs], dtype=np.int32), lengths),
        cpu_usage=np.concatenate([j.usage_mhz for j in jobs]).astype(np.float64),
    )


def timestamps(since_start_ms: np.ndarray[Any, np.dtype[np.int64]]) -> Any:
    return pa.array(since_start_ms + parse(START), type=pa.timestamp("ms"))


def write_table(path: Path, **columns: Any) -> None:
    """OpenDT's types: nothing nullable, timestamps in ms without a zone. Fixed settings: a default of a later pyarrow changes no bytes."""
    arrays = [pa.array(column) for column in columns.values()]
    fields = [pa.field(name, array.type, nullable=array.null_count > 0) for name, array in zip(columns, arrays, strict=True)]
    schema = pa.schema(fields)
    table = pa.Table.from_arrays(arrays, schema=schema)
    pq.write_table(table, path, version="2.6", compression="snappy", use_dictionary=True, data_page_version="1.0", row_group_size=1 << 20)


def write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
