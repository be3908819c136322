"""What reading a workload directory gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from opendt_streams.model.task import fragments
from opendt_streams.model.topology import Topology
from opendt_streams.workload.reader import Workload, read_workload
from opendt_streams.workload.site import read_carbon_trace
from opendt_streams.workload.tasks import read_tasks

from .builders import START, Files, instants, write


def read(tmp_path: Path, change: Any = None) -> Workload:
    return read_workload(write(tmp_path / "site", change))


def test_names_and_describes_itself(tmp_path: Path) -> None:
    workload = read(tmp_path)
    assert (workload.name, workload.description) == ("site", "Three tasks")


def test_tasks_come_by_submission_time_and_file_order(tmp_path: Path) -> None:
    tasks = read(tmp_path).tasks
    assert tasks.id.tolist() == [11, 12, 13]
    assert tasks.submission_ms.tolist() == [START, START + 60_000, START + 60_000]


def test_a_task_has_its_fragments_in_file_order(tmp_path: Path) -> None:
    tasks = list(read(tmp_path).tasks)
    assert tasks[0].fragments == fragments([30_000, 30_001, 30_002], [100.0, 101.0, 0.0])
    assert tasks[1].fragments == fragments([30_000, 30_000], [200.0, 201.0])
    assert len(tasks[2].fragments) == 0
    assert (tasks[1].cpu_count, tasks[1].cpu_capacity_mhz, tasks[1].memory_mib, tasks[1].duration_ms) == (2, 4200.0, 4000, 60_000)


def test_columns_cannot_be_written_to(tmp_path: Path) -> None:
    workload = read(tmp_path)
    with pytest.raises(ValueError, match="read-only"):
        workload.tasks.task(0).fragments.duration_ms[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        workload.tasks.fragment_usage_mhz[0] = 1


@pytest.mark.parametrize(
    "ids",
    [
        pa.array([12, 11, 13], pa.int32()),
        pa.array([12, 11, 13], pa.int64()),
        ["task-12", "11", "task-13"],
        pa.array(["12", "11", "13"], pa.large_string()),
        pa.array(["12", "11", "13"]).dictionary_encode(),
    ],
    ids=["int32", "int64", "task-", "large_string", "dictionary"],
)
def test_ids_in_every_form_mean_the_same(tmp_path: Path, ids: Any) -> None:
    workload = read(tmp_path, lambda f: f["tasks.parquet"].update(id=ids))
    assert workload.tasks.id.tolist() == [11, 12, 13]
    assert workload.tasks.fragment_counts.tolist() == [3, 2, 0]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([START + 60_000, START, START + 60_000], pa.int64()),
        instants(60, 0, 60, unit="ns"),
        instants(60, 0, 60, unit="us", tz="Europe/Amsterdam"),
        instants(60, 0, 60, unit="s", tz="UTC"),
    ],
    ids=["integer ms", "ns", "us with zone", "s UTC"],
)
def test_submission_times_in_every_form_mean_the_same_instant(tmp_path: Path, column: Any) -> None:
    workload = read(tmp_path, lambda f: f["tasks.parquet"].update(submission_time=column))
    assert workload.tasks.submission_ms.tolist() == [START, START + 60_000, START + 60_000]


def test_power_counts_from_the_earliest_submission(tmp_path: Path) -> None:
    power = read(tmp_path).power
    assert power is not None
    assert power.time_ms.tolist() == [START + t for t in (30_000, 60_000, 90_000, 120_000)]
    assert power.power_w.tolist() == [250.0, 260.0, 260.0, 255.0]


def test_power_is_shifted_by_the_offset(tmp_path: Path) -> None:
    power = read(tmp_path, lambda f: f.update({"workload.yaml": "timestamps: {consumption_offset_ms: -5000}"})).power
    assert power is not None
    assert power.time_ms[0] == START + 25_000


def test_a_power_timestamp_is_absolute(tmp_path: Path) -> None:
    power = read(tmp_path, lambda f: f["consumption.parquet"].update(timestamp=instants(1, 2, 3, 4, unit="us"))).power
    assert power is not None
    assert power.time_ms.tolist() == [START + t for t in (1000, 2000, 3000, 4000)]


def test_power_is_put_in_time_order(tmp_path: Path) -> None:
    power = read(tmp_path, lambda f: f["consumption.parquet"].update(timestamp=[60_000, 30_000, 90_000, 120_000])).power
    assert power is not None
    assert power.power_w.tolist() == [260.0, 250.0, 260.0, 255.0]


def test_only_named_carbon_traces_are_read_and_by_file_name(tmp_path: Path) -> None:
    workload = read(tmp_path, lambda f: f.update({"other.parquet": b"not even Parquet"}))
    assert list(workload.carbon) == ["carbon.parquet"]
    assert workload.carbon["carbon.parquet"].at(START + 1) == 110.0
    assert workload.topology.clusters[0].carbon_trace == "carbon.parquet"


def test_power_carbon_and_description_may_be_absent(tmp_path: Path) -> None:
    def bare(f: Files) -> None:
        f |= dict.fromkeys(("consumption.parquet", "carbon.parquet", "workload.yaml"))
        del f["topology.json"]["clusters"][0]["powerSource"]

    workload = read(tmp_path, bare)
    assert workload.power is None
    assert not workload.carbon
    assert workload.description == ""
    assert isinstance(workload.topology, Topology)


def test_the_same_task_twice_has_its_fragments_twice(tmp_path: Path) -> None:
    def twice(f: Files) -> None:
        tasks = pa.table(f["tasks.parquet"])
        f["tasks.parquet"] = {c: pa.concat_arrays([tasks[c].combine_chunks(), tasks[c].combine_chunks()[1:2]]) for c in tasks.column_names}

    tasks = list(read(tmp_path, twice).tasks)
    assert [t.id for t in tasks] == [11, 11, 12, 13]
    assert tasks[0].digest() == tasks[1].digest()


def test_fragments_of_no_task_are_left_out(tmp_path: Path) -> None:
    workload = read(tmp_path, lambda f: f["fragments.parquet"].update(id=["11", "12", "99", "12", "5"]))
    assert workload.tasks.fragment_counts.tolist() == [1, 2, 0]
    assert workload.tasks.fragment_duration_ms.tolist() == [30_000, 30_000, 30_000]


def test_fragments_of_many_row_groups_and_dictionaries_are_one_column(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    ids = rng.integers(10, 14, size=500)
    directory = write(tmp_path / "site")
    table = pa.table({"id": [str(i) for i in ids], "duration": np.arange(500), "cpu_usage": np.arange(500.0)})
    pa.parquet.write_table(table, directory / "fragments.parquet", row_group_size=37)
    for task in read_tasks(directory):
        assert task.fragments.duration_ms.tolist() == np.flatnonzero(ids == task.id).tolist()


def test_tasks_and_traces_can_be_read_alone(tmp_path: Path) -> None:
    directory = write(tmp_path / "site", lambda f: f.update({"topology.json": None}))
    assert len(read_tasks(directory)) == 3
    assert len(read_carbon_trace(directory / "carbon.parquet").time_ms) == 3
