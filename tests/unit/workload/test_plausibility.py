"""`opendt data check` says whether the files can be true of each other."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from opendt_streams.workload.check import check_workload
from opendt_streams.workload.sample import write_sample

Power = Callable[[list[int], list[float]], tuple[list[int], list[float]]]
HOUR = 3_600_000


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    here = tmp_path_factory.mktemp("sample") / "site"
    write_sample(here, seed=3, days=2, hosts=8)
    return here


def with_power(site: Path, out: Path, change: Power) -> Path:
    out.mkdir()
    for path in site.iterdir():
        (out / path.name).write_bytes(path.read_bytes())
    table = pq.read_table(site / "consumption.parquet")
    time_ms, power_w = change(table["timestamp"].to_pylist(), table["power_draw"].to_pylist())
    pq.write_table(pa.table({"timestamp": time_ms, "power_draw": power_w}), out / "consumption.parquet")
    return out


def spoilt(values: list[float], wrong: float) -> list[float]:
    return [wrong if i in (100, 900, 901) else v for i, v in enumerate(values)]


CASES: dict[str, tuple[Power, list[str]]] = {
    "seconds since 1970": (lambda t, w: ([1_709_510_400 + x // 1000 for x in t], w), ["after the tasks", "in seconds"]),
    "seconds since the start": (lambda t, w: ([x // 1000 for x in t], w), ["power covers", "in seconds"]),
    "kW": (lambda t, w: (t, [x / 1000 for x in w]), ["when all are idle", "kW"]),
    "MW": (lambda t, w: (t, [x / 1e6 for x in w]), ["when all are idle", "MW"]),
    "mW": (lambda t, w: (t, [x * 1000 for x in w]), ["cannot be"]),
    "2^32-1": (lambda t, w: (t, spoilt(w, float(2**32 - 1))), ["3 of 5,760 samples", "exceed what its hosts can draw", "know nothing"]),
    "65535": (lambda t, w: (t, spoilt(w, 65_535.0)), ["3 of 5,760 samples", "know nothing"]),
    "an hour late": (lambda t, w: ([x + HOUR for x in t], w), ["60 min late"]),
    "an hour early": (lambda t, w: ([x - HOUR for x in t], w), ["60 min early"]),
    "a day before": (lambda t, w: ([x - 72 * HOUR for x in t], w), ["before the tasks"]),
    "seven times as much": (lambda t, w: (t, [x * 7 for x in w]), ["at most", "hosts that the topology does not have"]),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_power_file_that_cannot_be_of_these_hosts_or_of_this_time(sample: Path, tmp_path: Path, case: tuple[Power, list[str]]) -> None:
    change, words = case
    report = check_workload(with_power(sample, tmp_path / "site", change))
    assert not report.errors
    said = " ".join(f"{f.what} {f.hint or ''}" for f in report.warnings if f.file == "consumption.parquet")
    assert [word for word in words if word not in said] == [], said


def test_a_sample_is_plausible(sample: Path) -> None:
    assert check_workload(sample).warnings == ()


def test_batteries_and_gpus_are_said_not_to_be_simulated(sample: Path, tmp_path: Path) -> None:
    site = with_power(sample, tmp_path / "site", lambda t, w: (t, w))
    topology = json.loads((site / "topology.json").read_text())
    topology["clusters"][0]["battery"] = {"capacity": 0.1, "chargingSpeed": 1000}
    topology["clusters"][1]["hosts"][0]["gpu"] = {"coreCount": 1, "coreSpeed": 1}
    (site / "topology.json").write_text(json.dumps(topology))
    found = [(f.what, f.column) for f in check_workload(site).warnings if "not simulated" in f.what]
    assert found == [
        ("the battery of the cluster C01 is not simulated", "clusters[0].battery"),
        (f"the GPU of the hosts C02/{topology['clusters'][1]['hosts'][0]['name']} is not simulated", "clusters[1].hosts[0].gpu"),
    ]


def test_a_hole_in_a_carbon_trace_and_tasks_in_seconds(sample: Path, tmp_path: Path) -> None:
    site = with_power(sample, tmp_path / "site", lambda t, w: (t, w))
    trace = pq.read_table(site / "carbon.parquet")
    pq.write_table(pa.concat_tables([trace.slice(0, 10), trace.slice(90)]), site / "carbon.parquet")
    fragments = pq.read_table(site / "fragments.parquet")
    at = fragments.column_names.index("duration")
    short = pa.array([max(1, d // 1000) for d in fragments["duration"].to_pylist()])
    pq.write_table(fragments.set_column(at, "duration", short), site / "fragments.parquet")
    said = [f"{f.file} {f.what} {f.hint or ''}" for f in check_workload(site).warnings]
    assert any("carbon.parquet" in s and "hole of 20.2 h" in s for s in said), said
    assert any("fragments.parquet" in s and "the longest task runs" in s and "in seconds?" in s for s in said), said
