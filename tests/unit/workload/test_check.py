"""The check reports everything at once: problems, oddities, units, facts."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from opendt_streams.errors import BadInput
from opendt_streams.model.canonical import canonical
from opendt_streams.workload.check import Report, check_workload
from opendt_streams.workload.reader import read_workload

from .builders import HOST, Files, instants, write


def check(tmp_path: Path, change: Any = None) -> Report:
    return check_workload(write(tmp_path / "site", change))


def break_everything(f: Files) -> None:
    del f["tasks.parquet"]["duration"]
    f["tasks.parquet"]["cpu_capacity"] = [1.0, float("nan"), -2.0]
    f["fragments.parquet"]["cpu_usage"] = [-1.0] * 5
    f["consumption.parquet"]["power_draw"] = [None, 1.0, 1.0, 1.0]
    f["topology.json"]["clusters"].append({"name": "C02", "hosts": [HOST, {**copy.deepcopy(HOST), "count": 0}]})
    f["topology.json"]["clusters"][0]["hosts"][0]["cpuPowerModel"]["modelType"] = "quadratic"


def test_all_problems_are_reported_at_once(tmp_path: Path) -> None:
    report = check(tmp_path, break_everything)
    assert [(e.file, e.row, e.column) for e in report.errors] == [
        ("topology.json", None, "clusters[0].hosts[0].cpuPowerModel.modelType"),
        ("topology.json", None, "clusters[1].hosts[1].count"),
        ("tasks.parquet", None, "duration"),
        ("tasks.parquet", 1, "cpu_capacity"),
        ("tasks.parquet", 2, "cpu_capacity"),
        *(("fragments.parquet", row, "cpu_usage") for row in range(5)),
        ("consumption.parquet", 0, "power_draw"),
    ]


def test_the_reader_raises_the_first_of_them(tmp_path: Path) -> None:
    directory = write(tmp_path / "site", break_everything)
    first = check_workload(directory).errors[0]
    with pytest.raises(BadInput) as caught:
        read_workload(directory)
    assert (caught.value.what, caught.value.expected) == (first.what, first.expected)


def test_many_bad_rows_are_counted_not_listed(tmp_path: Path) -> None:
    def change(f: Files) -> None:
        f["fragments.parquet"] = {"id": ["11"] * 1000, "duration": [-1] * 1000, "cpu_usage": [1.0] * 1000}

    errors = check(tmp_path, change).errors
    assert [e.row for e in errors] == [0, 1, 2, 3, 4, None]
    assert errors[-1].what == "995 more rows like the ones before"


def test_a_good_directory_has_no_findings_and_its_facts(tmp_path: Path) -> None:
    report = check(tmp_path)
    assert report.findings == ()
    facts: Any = report.facts
    assert facts["tasks"] == {
        "count": 3,
        "first_submission": "2024-01-01T10:00:20Z",
        "last_submission": "2024-01-01T10:01:20Z",
        "fragments": 5,
        "without_fragments": 1,
        "zero_usage": 0,
        "duplicate_ids": 0,
        "duration_differs_from_fragments": 0,
        "usage_above_cpu_capacity": 0,
        "wider_than_any_host": 0,
        "more_memory_than_any_host": 0,
        "demand_above_any_host": 0,
    }
    assert (facts["topology"]["hosts"], facts["topology"]["cores"]) == (4, 64)
    assert facts["power"] | {"first": None, "last": None} == {
        "samples": 4,
        "first": None,
        "last": None,
        "interval_ms": 30_000,
        "gaps": 0,
        "longest_hold_samples": 2,
        "repeats_percent": 25.0,
        "zeros": 0,
        "mean_w": 256.2,
    }
    assert facts["carbon"]["carbon.parquet"]["covers_the_workload"] is True


def test_the_document_is_json(tmp_path: Path) -> None:
    document = check(tmp_path, break_everything).as_document()
    assert canonical(document)
    assert document["ok"] is False


def test_units_are_stated_for_the_files_that_are_there(tmp_path: Path) -> None:
    units = {(a.file, a.column): a.unit for a in check(tmp_path).assumptions}
    assert units["tasks.parquet", "cpu_capacity"] == "MHz"
    assert units["tasks.parquet", "mem_capacity"] == "MiB / 1000"
    assert units["topology.json", "memory.memorySize"] == "MiB"
    assert units["carbon.parquet", "carbon_intensity"] == "g/kWh"
    (tmp_path / "site" / "consumption.parquet").unlink()
    assert not [a for a in check_workload(tmp_path / "site").assumptions if a.file == "consumption.parquet"]


ODD: dict[str, tuple[Any, str, str]] = {
    "never placed": (lambda f: f["tasks.parquet"].update(cpu_count=[2, 17, 1]), "cpu_count", "1 tasks want more cores"),
    "too much memory": (
        lambda f: f["tasks.parquet"].update(mem_capacity=[1, 66_000_000_000, 1]),
        "mem_capacity",
        "1 tasks want more memory",
    ),
    "capacity per core": (
        lambda f: f["tasks.parquet"].update(cpu_capacity=[150.0, 33_600.0, 1.0]),
        "cpu_usage",
        "1 tasks use more than their cpu_capacity; the first is 12",
    ),
    "more than a host": (
        lambda f: f["fragments.parquet"].update(cpu_usage=[33_601.0, 1.0, 1.0, 1.0, 1.0]),
        "cpu_usage",
        "1 tasks demand more MHz than any host has; the first is 11",
    ),
    "durations differ": (lambda f: f["tasks.parquet"].update(duration=[90_001, 90_000, 0]), "duration", "1 tasks differ by over 30 s"),
    "strangers": (lambda f: f["fragments.parquet"].update(id=["11", "12", "11", "12", "77"]), "id", "1 fragments belong to no task"),
    "same task twice": (
        lambda f: f.update(
            {"tasks.parquet": pa.concat_tables([pa.table(f["tasks.parquet"]), pa.table(f["tasks.parquet"]).slice(0, 1)])},
        ),
        "id",
        "with the same content",
    ),
    "power gap": (
        lambda f: f["consumption.parquet"].update(timestamp=[30_000, 60_000, 90_000, 300_000]),
        "timestamp",
        "1 gaps; the first after 2024-01-01T10:01:50Z",
    ),
    "power goes back": (
        lambda f: f["consumption.parquet"].update(timestamp=[30_000, 60_000, 50_000, 90_000]),
        "timestamp",
        "goes back to 2024-01-01T10:01:10Z",
    ),
    "power twice": (
        lambda f: f["consumption.parquet"].update(timestamp=[30_000, 60_000, 60_000, 90_000]),
        "timestamp",
        "1 samples have the time of the one before",
    ),
    "power zero": (lambda f: f["consumption.parquet"].update(power_draw=[1.0, 0.0, 0.0, 1.0]), "power_draw", "2 samples are 0 W"),
    "stuck meter": (
        lambda f: f.update({"consumption.parquet": {"power_draw": [5.0] * 21, "timestamp": [30_000 * i for i in range(21)]}}),
        "power_draw",
        "one value for 21 samples",
    ),
    "carbon ends early": (
        lambda f: (
            f["carbon.parquet"].update(timestamp=instants(-1800, -900, 0)[:3], carbon_intensity=[1.0, 2.0, 3.0])
            or f["consumption.parquet"].update(timestamp=[30_000, 60_000, 90_000, 901_000])
        ),
        "timestamp",
        "the trace covers",
    ),
    "no carbon": (lambda f: f["topology.json"]["clusters"][0].pop("powerSource"), "", "C01 has no carbon trace"),
    "unread key": (lambda f: f.update({"workload.yaml": "timestamps: {base_timestamp: now}"}), "timestamps.base_timestamp", "not read"),
    "battery": (
        lambda f: f["topology.json"]["clusters"][0].update(
            battery={"capacity": 1, "chargingSpeed": 1, "batteryPolicy": {"type": "single", "carbonThreshold": 1}}
        ),
        "clusters[0].battery",
        "the battery of the cluster",
    ),
    "GPU": (
        lambda f: f["topology.json"]["clusters"][0]["hosts"][0].update(gpu={"coreCount": 1, "coreSpeed": 1000}),
        "clusters[0].hosts[0].gpu",
        "the GPU of the hosts",
    ),
    "bits": (
        lambda f: f["topology.json"]["clusters"][0]["hosts"][0]["memory"].update(memorySize="256 Gb"),
        "clusters[0].hosts[0].memory.memorySize",
        "'256 Gb' are bits, as OpenDC reads it: 30517 MiB",
    ),
    "key unknown to OpenDC": (lambda f: f["topology.json"].update(version=3), "the topology", "unknown key 'version'"),
}


@pytest.mark.parametrize("case", ODD.values(), ids=ODD.keys())
def test_oddities_are_warnings_and_the_workload_is_read(tmp_path: Path, case: tuple[Any, str, str]) -> None:
    change, column, what = case
    report = check(tmp_path, change)
    assert not report.errors
    assert [w.what for w in report.warnings if what in w.what and (w.column or "") == column], report.warnings
    assert len(read_workload(tmp_path / "site").tasks) >= 3


def test_no_fragments_at_all_is_a_warning(tmp_path: Path) -> None:
    def change(f: Files) -> None:
        f["fragments.parquet"] = pa.table(f["fragments.parquet"]).slice(0, 0)

    report = check(tmp_path, change)
    assert not report.errors
    assert any("no task has fragments" in w.what for w in report.warnings)


def test_nothing_is_said_of_what_opendc_takes_and_nobody_needs(tmp_path: Path) -> None:
    def change(f: Files) -> None:
        host = f["topology.json"]["clusters"][0]["hosts"][0]
        host["cpu"] |= {"vendor": "v", "arch": "x86", "modelName": "m"}
        host |= {"gpu": None, "cpuDistributionPolicy": {"type": "MAX_MIN_FAIRNESS"}}

    assert [w for w in check(tmp_path, change).warnings if w.file == "topology.json"] == []
