"""Whatever breaks the contract of a file is answered with BadInput (exit 2) that names file, row and column; the check says the same."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from opendt_streams.errors import BadInput
from opendt_streams.workload.check import check_workload
from opendt_streams.workload.reader import read_workload

from .builders import START, Files, instants, write

TASKS, FRAGMENTS, POWER, CARBON, TOPOLOGY, ABOUT = (
    "tasks.parquet",
    "fragments.parquet",
    "consumption.parquet",
    "carbon.parquet",
    "topology.json",
    "workload.yaml",
)


def column(file: str, name: str, values: Any) -> Any:
    return lambda f: f[file].update({name: values})


def without(file: str, name: str) -> Any:
    return lambda f: f[file].pop(name)


def host(**changed: Any) -> Any:
    return lambda f: f[TOPOLOGY]["clusters"][0]["hosts"][0].update(changed)


def power_model(**changed: Any) -> Any:
    return lambda f: f[TOPOLOGY]["clusters"][0]["hosts"][0]["cpuPowerModel"].update(changed)


def empty(file: str) -> Any:
    def change(f: Files) -> None:
        f[file] = {name: pa.table({name: values})[name].combine_chunks()[:0] for name, values in f[file].items()}

    return change


def same_id_other_content(f: Files) -> None:
    f[TASKS]["id"] = ["12", "11", "12"]


CASES: dict[str, tuple[Any, str, int | None, str | None, str]] = {
    # name: change, file, row, column, part of what is said
    "no tasks file": (lambda f: f.update({TASKS: None}), TASKS, None, None, "missing"),
    "no fragments file": (lambda f: f.update({FRAGMENTS: None}), FRAGMENTS, None, None, "missing"),
    "no topology": (lambda f: f.update({TOPOLOGY: None}), TOPOLOGY, None, None, "missing"),
    "no carbon trace": (lambda f: f.update({CARBON: None}), CARBON, None, None, "missing"),
    "not Parquet": (lambda f: f.update({TASKS: b"id,submission_time\n"}), TASKS, None, None, "not a readable Parquet"),
    "no bytes at all": (lambda f: f.update({FRAGMENTS: b""}), FRAGMENTS, None, None, "not a readable Parquet"),
    "empty workload": (empty(TASKS), TASKS, None, None, "empty"),
    "empty trace": (empty(CARBON), CARBON, None, None, "empty"),
    **{
        f"no column {file}:{name}": (without(file, name), file, None, name, f"the column {name} is missing")
        for file, names in {
            TASKS: ("id", "submission_time", "duration", "cpu_count", "cpu_capacity", "mem_capacity"),
            FRAGMENTS: ("id", "duration", "cpu_usage"),
            POWER: ("power_draw", "timestamp"),
            CARBON: ("timestamp", "carbon_intensity"),
        }.items()
        for name in names
    },
    "text for a number": (column(FRAGMENTS, "cpu_usage", ["1", "2", "3", "4", "5"]), FRAGMENTS, None, "cpu_usage", "string"),
    "fraction for an integer": (column(TASKS, "cpu_count", [1.5, 2.0, 1.0]), TASKS, None, "cpu_count", "double"),
    "text for a time": (column(TASKS, "submission_time", ["2024-01-01"] * 3), TASKS, None, "submission_time", "string"),
    "null": (column(TASKS, "duration", [1, None, 3]), TASKS, 1, "duration", "null"),
    "null id": (column(FRAGMENTS, "id", ["11", "12", None, "12", "11"]), FRAGMENTS, 2, "id", "null"),
    "null time": (column(TASKS, "submission_time", pa.array([0, 1, None], pa.timestamp("ms"))), TASKS, 2, "submission_time", "null"),
    "null power": (column(POWER, "power_draw", [1.0, None, 1.0, 1.0]), POWER, 1, "power_draw", "null"),
    "negative duration of a task": (column(TASKS, "duration", [1, 2, -3]), TASKS, 2, "duration", "-3"),
    "negative duration of a fragment": (column(FRAGMENTS, "duration", [1, -30_000, 1, 1, 1]), FRAGMENTS, 1, "duration", "-30000"),
    "negative usage": (column(FRAGMENTS, "cpu_usage", [0.0, 0.0, 0.0, -0.5, 0.0]), FRAGMENTS, 3, "cpu_usage", "-0.5"),
    "NaN usage": (column(FRAGMENTS, "cpu_usage", [0.0, math.nan, 0.0, 0.0, 0.0]), FRAGMENTS, 1, "cpu_usage", "nan"),
    "infinite capacity": (column(TASKS, "cpu_capacity", [1.0, 1.0, math.inf]), TASKS, 2, "cpu_capacity", "inf"),
    "NaN power": (column(POWER, "power_draw", [math.nan, 1.0, 1.0, 1.0]), POWER, 0, "power_draw", "nan"),
    "negative power": (column(POWER, "power_draw", [1.0, 1.0, 1.0, -1.0]), POWER, 3, "power_draw", "-1.0"),
    "NaN carbon": (column(CARBON, "carbon_intensity", [1.0, math.nan, 1.0]), CARBON, 1, "carbon_intensity", "nan"),
    "an id that is none": (column(TASKS, "id", ["12", "job-11", "13"]), TASKS, 1, "id", "'job-11'"),
    "a negative id": (column(TASKS, "id", [12, -11, 13]), TASKS, 1, "id", "-11"),
    "an id above JSON's range": (column(TASKS, "id", [12, 2**53, 13]), TASKS, 1, "id", str(2**53)),
    "a number above int64": (column(TASKS, "duration", pa.array([1, 2**63, 3], pa.uint64())), TASKS, None, "duration", "int64"),
    "seconds read as years ahead": (column(TASKS, "submission_time", [0, 1, 2**60]), TASKS, 2, "submission_time", "out of range"),
    "absolute integer power times": (
        column(POWER, "timestamp", [START, START, START, START + 5]),
        POWER,
        3,
        "timestamp",
        "20 years after the start",
    ),
    "one id, two contents": (same_id_other_content, TASKS, 2, "id", "with other content"),
    "idle above max": (
        power_model(idlePower=201.0),
        TOPOLOGY,
        None,
        "clusters[0].hosts[0].cpuPowerModel",
        "maxPower 200 W is below idlePower 201 W",
    ),
    "zero hosts": (host(count=0), TOPOLOGY, None, "clusters[0].hosts[0].count", "0"),
    "an empty host list": (lambda f: f[TOPOLOGY]["clusters"][0].update(hosts=[]), TOPOLOGY, None, "clusters[0].hosts", "at least one"),
    "unknown power model": (
        power_model(modelType="quadratic"),
        TOPOLOGY,
        None,
        "clusters[0].hosts[0].cpuPowerModel.modelType",
        "'quadratic'",
    ),
    "NaN in the topology": (power_model(idlePower=math.nan), TOPOLOGY, None, "clusters[0].hosts[0].cpuPowerModel.idlePower", "nan"),
    "not JSON": (lambda f: f.update({TOPOLOGY: '{"clusters": ['}), TOPOLOGY, None, None, "not JSON"),
    "a list for a topology": (lambda f: f.update({TOPOLOGY: "[]"}), TOPOLOGY, None, "the topology", "list where an object belongs"),
    "not YAML": (lambda f: f.update({ABOUT: "a: [1"}), ABOUT, None, None, "not YAML"),
    "YAML without a mapping": (lambda f: f.update({ABOUT: "- 1"}), ABOUT, None, None, "no mapping"),
    "an offset in words": (
        lambda f: f.update({ABOUT: "timestamps: {consumption_offset_ms: soon}"}),
        ABOUT,
        None,
        "timestamps.consumption_offset_ms",
        "'soon'",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_is_refused_with_file_row_and_column(tmp_path: Path, case: tuple[Any, str, int | None, str | None, str]) -> None:
    change, file, row, name, said = case
    directory = write(tmp_path / "site", change)
    with pytest.raises(BadInput) as caught:
        read_workload(directory)
    assert said in caught.value.what
    assert caught.value.exit_code == 2
    where = str(caught.value.where)
    assert where.startswith(str(directory / file))
    assert (f"row {row}" in where) is (row is not None)
    assert name is None or where.endswith(name)

    (error,) = check_workload(directory).errors
    assert (error.file, error.row, error.column) == (file, row, name)
    assert error.what == caught.value.what
    assert error.expected == caught.value.expected


def test_no_directory(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such directory"):
        read_workload(tmp_path / "nowhere")
    assert [e.what for e in check_workload(tmp_path / "nowhere").errors] == ["there is no such directory"]


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    directory = write(tmp_path / "site")
    whole = (directory / TASKS).read_bytes()
    (directory / TASKS).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadInput, match="not a readable Parquet"):
        read_workload(directory)


def test_times_out_of_any_range_are_refused_in_traces_too(tmp_path: Path) -> None:
    directory = write(tmp_path / "site", column(CARBON, "timestamp", instants(0, 1, 2).cast(pa.int64()).to_pylist()[:2] + [2**62]))
    with pytest.raises(BadInput, match="out of range"):
        read_workload(directory)
