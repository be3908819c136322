"""OpenDC experiment files: what is accepted, what is refused by name, what is written where. With data of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from opendt_streams.cli.engine import app
from opendt_streams.engine.experiment import Experiment, read_experiment
from opendt_streams.engine.export import ScenarioReport, run_experiment
from opendt_streams.engine.native.tables.columns import schema
from opendt_streams.errors import BadInput, SimulationError

START_MS = 1_665_093_600_000
HOST = {"name": "H", "count": 2, "cpu": {"coreCount": 4, "coreSpeed": 1000}, "memory": {"memorySize": 1000}}
TASKS = {
    "id": pa.array([1, 2, 3], pa.int32()),
    "submission_time": pa.array([START_MS, START_MS + 1500, START_MS + 2000], pa.int64()),
    "duration": pa.array([4000, 1000, 0], pa.int64()),
    "cpu_count": pa.array([4, 4, 1], pa.int32()),
    "cpu_capacity": pa.array([0.0, 0.0, 0.0]),
    "mem_capacity": pa.array([100_000, 100_000, 1], pa.int64()),
}
FRAGMENTS = {
    "id": pa.array([1, 2, 1], pa.int32()),
    "duration": pa.array([2700, 2500, 1000], pa.int64()),
    "cpu_usage": pa.array([1000.0, 4000.0, 2000.0]),
}
Change = Callable[[dict[str, Any]], object]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a topology and a workload in it."""
    monkeypatch.chdir(tmp_path)
    write_topology()
    write_workload()
    return tmp_path


def write_topology(name: str = "topology.json", source: dict[str, Any] | None = None, **host: Any) -> None:
    cluster: dict[str, Any] = {"name": "C", "hosts": [HOST | host]}
    Path(name).write_text(json.dumps({"clusters": [cluster | ({"powerSource": source} if source else {})]}))


def write_workload(tasks: dict[str, Any] | None = None, fragments: dict[str, Any] | None = None) -> None:
    Path("work").mkdir(exist_ok=True)
    pq.write_table(pa.table(TASKS | (tasks or {})), "work/tasks.parquet")
    pq.write_table(pa.table(FRAGMENTS | (fragments or {})), "work/fragments.parquet")


def document(**changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "name": "run_1",
        "topologies": [{"pathToFile": "topology.json"}],
        "workloads": [{"pathToFile": "work", "type": "ComputeWorkload"}],
        "outputFolder": "output",
        "exportModels": [{"exportInterval": 1}],
    }
    return base | changes


def read(experiment: dict[str, Any]) -> Experiment:
    Path("experiment.json").write_text(json.dumps(experiment))
    return read_experiment(Path("experiment.json"))


def run(experiment: dict[str, Any]) -> list[ScenarioReport]:
    return run_experiment(read(experiment), Path("out"), lambda share: None)


def table(name: str, folder: str = "out/run_1/raw-output/0/seed=0") -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(f"{folder}/{name}.parquet").to_pylist()
    return rows


def test_the_four_tables() -> None:
    (report,) = run(document())
    assert report.folder == Path("out/run_1/raw-output/0/seed=0")
    assert report.rows == {"powerSource": 5, "host": 10, "task": 8, "service": 5}
    assert report.simulated_s == 4.5
    for name in report.rows:
        assert pq.read_schema(report.folder / f"{name}.parquet").equals(schema(name))
    # Task 1 runs from 0 to 3.7 s, task 2 from 2 to 4.5 s; task 3 has no fragments and does not count.
    assert [(r["timestamp"], r["power_draw"], r["energy_usage"]) for r in table("powerSource")] == [
        (1000, 450.0, 450.0),
        (2000, 450.0, 450.0),
        (3000, 700.0, 665.0),
        (4000, 600.0, 670.0),
        (4500, 600.0, 300.0),
    ]
    assert [(r["tasks_total"], r["tasks_pending"], r["tasks_active"], r["tasks_completed"]) for r in table("service")] == [
        (1, 0, 1, 0),
        (2, 1, 1, 0),
        (2, 0, 2, 0),
        (2, 0, 1, 1),
        (2, 0, 0, 2),
    ]
    assert [
        (r["timestamp"], r["host_name"], r["task_state"], r["cpu_usage"], r["finish_time"]) for r in table("task") if r["task_id"] == 2
    ] == [
        (2000, "", "PROVISIONING", 0.0, None),
        (3000, "H-0", "RUNNING", 4000.0, None),
        (4000, "H-0", "RUNNING", 4000.0, None),
        (4500, "H-0", "COMPLETED", 0.0, 4500),
    ]
    assert [(r["timestamp"], r["tasks_running"], r["cpu_demand"]) for r in table("host") if r["host_name"] == "H-0"] == [
        (1000, 0, 0.0),
        (2000, 0, 0.0),
        (3000, 1, 4000.0),
        (4000, 1, 4000.0),
        (4500, 0, 4000.0),
    ]
    assert table("powerSource")[0]["timestamp_absolute"] == START_MS + 1000


def test_axes_multiply_into_folders_the_first_axis_slowest() -> None:
    write_topology("other.json", count=1)
    experiment = document(
        topologies=[{"pathToFile": "topology.json"}, {"pathToFile": "other.json"}, {"pathToFile": "topology.json"}],
        allocationPolicies=[{"type": "prefab", "policyName": "Mem"}, {"type": "prefab", "policyName": "ActiveServers"}],
        exportModels=[{"exportInterval": 1, "filesToExport": ["host"], "printFrequency": None}],
        runs=2,
        initialSeed=7,
    )
    assert [(s.index, s.topology.name, s.policy) for s in read(experiment).scenarios] == [
        (0, "topology.json", "Mem"),
        (1, "topology.json", "ActiveServers"),
        (2, "other.json", "Mem"),
        (3, "other.json", "ActiveServers"),
    ]
    folders = [str(r.folder) for r in run(experiment)]
    assert folders == [f"out/run_1/raw-output/{i}/seed={seed}" for i in range(4) for seed in (0, 1)]
    assert len({r["host_name"] for r in table("host", folders[0])}) == 2
    assert {r["host_name"] for r in table("host", folders[-1])} == {"H"}
    assert sorted(p.name for p in Path(folders[0]).iterdir()) == ["host.parquet"]


def test_selected_columns_and_the_keys() -> None:
    export = {"exportInterval": 1, "computeExportConfig": {"powerSourceExportColumns": ["power_draw"], "hostExportColumns": []}}
    run(document(exportModels=[export]))
    assert list(table("powerSource")[0]) == ["timestamp", "timestamp_absolute", "source_name", "cluster_name", "power_draw"]
    assert list(table("host")[0]) == schema("host").names


def test_the_default_interval_is_five_minutes() -> None:
    experiment = document()
    del experiment["exportModels"]
    run(experiment)
    assert [r["timestamp"] for r in table("service")] == [4500]


def test_opendt_workloads_with_text_ids_and_carbon_by_file_name() -> None:
    write_topology(source={"carbonTracePath": "/app/workload/carbon.parquet"})
    when = pa.array(TASKS["submission_time"], pa.timestamp("ms"))
    write_workload({"id": ["1", "task-2", "3"], "submission_time": when}, {"id": ["1", "2", "1"]})
    pq.write_table(pa.table({"timestamp": pa.array([START_MS], pa.timestamp("ms")), "carbon_intensity": [360.0]}), "work/carbon.parquet")
    run(document())
    first = table("powerSource")[0]
    assert (first["carbon_intensity"], first["carbon_emission"]) == (360.0, pytest.approx(450.0 / 1e4))


def test_the_whole_trace_moves_to_the_submission_time() -> None:
    run(document(workloads=[{"pathToFile": "work", "type": "ComputeWorkload", "submissionTime": "2024-01-01T00:00:00"}]))
    assert [r["timestamp_absolute"] for r in table("powerSource")][-1] == 1_704_067_200_000 + 4500


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda d: d.update(colour="red"), "unknown key 'colour'"),
        (lambda d: d.pop("topologies"), "topologies is missing"),
        (lambda d: d.update(topologies=[]), "topologies: the list is empty"),
        (lambda d: d.update(topologies=[{"pathToFile": "none.json"}]), "none.json: no such file"),
        (lambda d: d.update(workloads=[{"pathToFile": "work"}]), "type is missing"),
        (lambda d: d["workloads"][0].update(pathToFile="nowhere"), "workloads\\[0\\].pathToFile: nowhere: no such file"),
        (lambda d: d["workloads"][0].update(scalingPolicy="Slow"), "scalingPolicy 'Slow'"),
        (lambda d: d["workloads"][0].update(sampleFraction=0.5), "a sampleFraction of 0.5 is not modelled"),
        (lambda d: d["workloads"][0].update(submissionTime="soon"), "'soon' is not a time"),
        (lambda d: d.update(allocationPolicies=[{"type": "prefab", "policyName": "Timeshift"}]), "Timeshift"),
        (lambda d: d.update(allocationPolicies=[{"type": "timeshift"}]), "the type timeshift is not modelled"),
        (lambda d: d.update(allocationPolicies=[{"type": "filter", "filters": [{"type": "Warm"}]}]), "unknown type 'Warm'"),
        (lambda d: d.update(allocationPolicies=[{"type": "filter", "filters": [{"type": "InstanceCount"}]}]), "limit is missing"),
        (lambda d: d.update(allocationPolicies=[{"type": "filter", "weighers": [{"type": "Ram", "limit": 1}]}]), "unknown key 'limit'"),
        (lambda d: d.update(allocationPolicies=[{"type": "filter", "subsetSize": 0}]), "a subset of 0 hosts"),
        (lambda d: d.update(failureModels=[{"type": "trace-based"}]), "failureModels"),
        (lambda d: d.update(checkpointModels=[None, {"checkpointInterval": 1}]), r"checkpointModels\[1\]"),
        (lambda d: d["exportModels"][0].update(filesToExport=["HOST"]), "unknown output file 'HOST'"),
        (lambda d: d["exportModels"][0].update(exportInterval=0), "exportInterval"),
        (lambda d: d["exportModels"][0].update(exportInterval="1 minute"), '"1 minute" is not a whole number'),
        (lambda d: d["exportModels"][0].update(computeExportConfig={"hostExportColumns": "heat"}), '"heat" where a list belongs'),
        (lambda d: d.update(runs=0), "0 runs"),
        (lambda d: d.update(name="../../elsewhere"), "cannot be an output folder"),
    ],
)
def test_bad_experiments_are_refused_by_name(change: Change, what: str) -> None:
    experiment = document()
    change(experiment)
    with pytest.raises(BadInput, match=what):
        run(experiment)
    assert not list(Path("out").rglob("*.parquet"))


@pytest.mark.parametrize(
    ("tasks", "fragments", "what"),
    [
        ({"id": ["a", "b", "c"]}, {}, "an id is not a whole number"),
        ({"id": [1, 1, 3]}, {}, "task 1 occurs twice"),
        ({"cpu_count": pa.array([1, None, 1])}, {}, "column cpu_count row 1: a value is missing"),
        ({"cpu_count": pa.array([1, 1, -4])}, {}, "column cpu_count row 2: -4 is not possible"),
        ({"submission_time": ["now", "now", "now"]}, {}, "column submission_time: its type is string"),
        ({}, {"duration": [1, -1, 1]}, "column duration row 1: -1"),
        ({}, {"cpu_usage": [1.0, float("nan"), 1.0]}, "column cpu_usage row 1: nan"),
        ({}, {"cpu_usage": ["1", "2", "3"]}, "column cpu_usage: its type is string"),
        ({"gpu_count": pa.array([0, 2, 0])}, {}, "gpu_count"),
        ({"parents": pa.array([[], [1], []], pa.list_(pa.int32()))}, {}, "parents"),
        ({}, {"id": [7, 7, 7]}, "the workload is empty"),
    ],
)
def test_bad_workloads_are_refused_by_file_and_column(tasks: dict[str, Any], fragments: dict[str, Any], what: str) -> None:
    write_workload(tasks, fragments)
    with pytest.raises(BadInput, match=what):
        run(document())


def test_a_file_that_is_not_parquet_is_named() -> None:
    Path("work/tasks.parquet").write_bytes(b"PAR1")
    with pytest.raises(BadInput, match=r"tasks\.parquet: this is not a readable Parquet file"):
        run(document())


def test_a_missing_column_is_named() -> None:
    pq.write_table(pa.table({"id": [1]}), "work/fragments.parquet")
    with pytest.raises(BadInput, match=r"fragments\.parquet: the column duration is missing"):
        run(document())


@pytest.mark.parametrize(("key", "value"), [("gpu", {}), ("cpuPowerModel", {"modelType": "asymptotic", "idlePower": 1, "maxPower": 2})])
def test_bad_topologies_are_refused_by_name(key: str, value: Any) -> None:
    write_topology(**{key: value})
    with pytest.raises(BadInput, match=r"topology\.json: .*(gpu|asymUtil)"):
        run(document())


def test_a_workload_that_never_ends_is_an_error_and_leaves_nothing() -> None:
    Path("topology.json").write_text(
        json.dumps({"clusters": [{"hosts": [HOST | {"cpu": {"coreCount": 9, "coreSpeed": 1}}, HOST | {"memory": {"memorySize": 9000}}]}]})
    )
    write_workload({"cpu_count": [9, 9, 9], "mem_capacity": [9_000_000] * 3})
    with pytest.raises(SimulationError, match="task 1: it fits no host"):
        run(document())
    assert not list(Path("out").rglob("*.parquet"))


def test_command_line() -> None:
    read(document())
    result = CliRunner().invoke(app, ["run", "--experiment", "experiment.json", "--output", "out", "--json"], catch_exceptions=False)
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert told["scenarios"][0]["rows"] == {"powerSource": 5, "host": 10, "task": 8, "service": 5}
    assert told["simulated_seconds"] == 4.5
    assert (told["engine"], told["semantics"]) == ("native", "2.4f")
    assert "Example: opendt engine run" in CliRunner().invoke(app, ["run", "--help"]).stdout


@pytest.mark.parametrize(("option", "value"), [("--engine", "fast"), ("--semantics", "3.0")])
def test_unknown_engines_and_semantics_are_wrong_use(option: str, value: str) -> None:
    read(document())
    result = CliRunner().invoke(app, ["run", "--experiment", "experiment.json", "--output", "out", option, value])
    assert result.exit_code == 2
    assert value in result.stderr


def test_newer_semantics_add_columns_and_use_zero_for_what_is_not_known() -> None:
    Path("experiment.json").write_text(json.dumps(document()))
    run_experiment(read_experiment(Path("experiment.json"), "2.4g+"), Path("out"), lambda share: None)
    rows = [r for r in table("task") if r["task_id"] == 2]
    assert pq.read_schema("out/run_1/raw-output/0/seed=0/task.parquet").equals(schema("task", "2.4g+"))
    assert [(r["schedule_time"], r["finish_time"], r["scheduling_delay"], r["submission_time"] - START_MS) for r in rows] == [
        (0, 0, 0, 1500),
        (2000, 0, 500, 1500),
        (2000, 0, 500, 1500),
        (2000, 4500, 500, 1500),
    ]


def test_columns_that_there_are_not_are_passed_over_and_said() -> None:
    selected = document(
        exportModels=[{"exportInterval": 1, "computeExportConfig": {"taskExportColumns": ["scheduling_delay", "CPU usage"]}}]
    )
    before = read(selected)
    assert before.scenarios[0].export.columns["task"] == ("timestamp", "timestamp_absolute", "task_id", "task_name", "cpu_usage")
    (said,) = before.passed_over
    assert said.startswith("exportModels[0].computeExportConfig.taskExportColumns: 'scheduling_delay' is not a column of task")
    later = read_experiment(Path("experiment.json"), "2.4g+")
    assert "scheduling_delay" in later.scenarios[0].export.columns["task"]
    assert later.passed_over == ()


def test_the_table_of_batteries_is_empty_and_written_where_it_is_asked_for() -> None:
    run(document(exportModels=[{"exportInterval": 1, "filesToExport": ["battery", "service"]}]))
    assert sorted(p.name for p in Path("out/run_1/raw-output/0/seed=0").iterdir()) == ["battery.parquet", "service.parquet"]
    assert table("battery") == []


@pytest.mark.parametrize(
    ("name", "within"),
    [("a/b", "a/b"), ("/abs", "abs"), ("a/../b", "b"), (".", "."), ("a b", "a b"), ("", "unnamed-simulation"), ("ü", "ü")],
)
def test_names_are_folders_within_the_output(name: str, within: str) -> None:
    (report,) = run(document(name=name))
    assert report.folder == Path("out", within, "raw-output/0/seed=0")
    assert (report.folder / "service.parquet").is_file()


@pytest.mark.parametrize("name", ["..", "../up", "a/../..", "/..", "x" * 256, "nul\0"])
def test_names_that_no_folder_within_the_output_can_have_are_refused(name: str) -> None:
    with pytest.raises(BadInput, match="cannot be an output folder"):
        read(document(name=name))


def test_tasks_before_1970_run_as_those_after() -> None:
    """One task beyond what any host has: it is refused, and has no host."""
    tables = {}
    for first_ms in (START_MS, -3000):
        times = pa.array([first_ms, first_ms + 1500, first_ms + 2000], pa.int64())
        write_workload({"submission_time": times, "cpu_count": pa.array([4, 4, 9], pa.int32())}, {"id": pa.array([1, 2, 3], pa.int32())})
        run(document())
        tables[first_ms] = {
            name: [{k: v for k, v in row.items() if k not in ("timestamp_absolute", "boot_time")} for row in table(name)]
            for name in ("powerSource", "host", "task", "service")
        }
    assert tables[-3000] == tables[START_MS]
    assert next(r["tasks_active"] for r in tables[-3000]["service"]) == 1
    assert {r["task_state"] for r in tables[-3000]["task"]} >= {"RUNNING", "TERMINATED"}


def test_perfect_scaling_comes_from_the_experiment() -> None:
    """Both tasks on a host of 4000 MHz: 1 asks for 1000 and then 2000 MHz, 2 for 4000 MHz."""
    write_topology(count=1)
    write_workload({"cpu_count": pa.array([2, 2, 1], pa.int32())})
    run(document(workloads=[{"pathToFile": "work", "type": "ComputeWorkload", "scalingPolicy": "Perfect"}]))
    last = {r["task_id"]: r["finish_time"] for r in table("task") if r["task_state"] == "COMPLETED"}
    # 2 starts at 2 s with 10 000 000 MHz ms to do: 700 ms and 1000 ms at 3000 and 2000 MHz, and what is left at 4000 MHz.
    assert last == {1: 3700, 2: 3700 + 1475}


def test_listed_policies_choose_and_random_ones_depend_on_the_seed() -> None:
    write_topology(count=9)
    listed = {"type": "filter", "filters": [{"type": "InstanceCount", "limit": 1}], "weighers": [{"type": "Ram", "multiplier": -1}]}
    policies = [listed, {"type": "prefab", "policyName": "Random"}]
    reports = run(document(allocationPolicies=policies, runs=6))
    hosts = [{r["host_name"] for r in table("task", str(report.folder)) if r["host_name"]} for report in reports]
    assert hosts[:6] == [{"H", "H-0"}] * 6
    assert len({tuple(sorted(h)) for h in hosts[6:]}) > 1
