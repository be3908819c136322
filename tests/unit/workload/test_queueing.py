"""Made sites with a load: their tasks queue, and their meter shows what OpenDC's rules say of the whole workload."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from opendt_streams.cli.data import app
from opendt_streams.engine.experiment import read_experiment
from opendt_streams.engine.export import run_experiment
from opendt_streams.errors import BadInput
from opendt_streams.offline.made_sites import make_queueing_sample, make_site, whole_experiment
from opendt_streams.workload.check import check_workload
from opendt_streams.workload.reader import Workload, read_workload
from opendt_streams.workload.sample import write_sample
from opendt_streams.workload.sample_files import FIRST_ID
from opendt_streams.workload.truth.description import SiteTruth
from opendt_streams.workload.truth.document import load_truth
from opendt_streams.workload.truth.known import known_truth

run = CliRunner().invoke
SMALL: dict[str, Any] = {"hosts": 6, "days": 2, "load": 0.5}
EXACT: dict[str, Any] = SMALL | {"noise": 0.0, "spread": 0.0, "resolution_w": 0.001, "law": "linear", "idle": 1.0}


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("queueing") / "site"
    make_queueing_sample(path, 7, days=2, hosts=12, load=0.5)
    return path


@pytest.fixture(scope="module")
def site(directory: Path) -> Workload:
    return read_workload(directory)


def digests(path: Path) -> dict[str, str]:
    return {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in sorted(path.iterdir())}


def test_same_seed_same_bytes(directory: Path, tmp_path: Path) -> None:
    make_queueing_sample(tmp_path / "again", 7, days=2, hosts=12, load=0.5)
    assert digests(tmp_path / "again") == digests(directory)
    make_queueing_sample(tmp_path / "other", 8, days=2, hosts=12, load=0.5)
    assert digests(tmp_path / "other")["tasks.parquet"] != digests(directory)["tasks.parquet"]


def test_a_sample_without_the_option_is_what_it_always_was(tmp_path: Path) -> None:
    """Its values, whatever version of pyarrow writes them."""
    write_sample(tmp_path, 7, days=1, hosts=8)
    found = hashlib.sha256()
    for name, columns in (
        ("tasks", ("submission_time", "duration", "cpu_count", "cpu_capacity", "mem_capacity")),
        ("fragments", ("duration", "cpu_usage")),
        ("consumption", ("power_draw", "timestamp")),
        ("carbon", ("carbon_intensity",)),
    ):
        table = pq.read_table(tmp_path / f"{name}.parquet")
        for column in columns:
            found.update(table[column].combine_chunks().cast("int64" if "time" in column else table[column].type).to_numpy().tobytes())
    assert found.hexdigest() == "3270b573b3c820817cdb5251c0d179026112455dc9b4870c6f71acde479666b8"


@pytest.mark.parametrize("load", [0.2, 0.5, 0.9])
def test_so_much_of_the_cores_is_asked_for(tmp_path: Path, load: float) -> None:
    make_site(tmp_path, SiteTruth.model_validate(SMALL | {"days": 3, "load": load}), 3)
    workload = read_workload(tmp_path)
    cores = sum(group.count * group.cores for _, _, group in workload.topology.host_groups)
    asked = sum(t.cpu_count * t.fragments.duration_ms.sum() for t in workload.tasks if t.fragments.cpu_usage_mhz.any())
    assert asked / (cores * 3 * 86_400_000) == pytest.approx(load, rel=0.06)


def test_tasks_queue_share_hosts_and_come_in_bursts_at_equal_whole_seconds(directory: Path, site: Workload) -> None:
    assert not (site.tasks.submission_ms % 1000).any() and not (site.tasks.fragment_duration_ms % 1000).any()
    _, count = np.unique(site.tasks.submission_ms, return_counts=True)
    assert (count > 1).sum() > 100
    hours = np.bincount(site.tasks.submission_ms // 3_600_000 % 24, minlength=24)
    assert hours[[9, 14, 20]].min() > 1.5 * np.median(hours)
    places = whole_experiment(directory)
    start = site.tasks.submission_ms[0]
    by_id = {t.id: t for t in site.tasks}
    waited = [begun * 1000 > by_id[task].submission_ms - start for task, (_, begun) in places.items()]
    assert 0.1 < np.mean(waited) < 0.9
    assert {host for host, _ in places.values()} == set(range(12))
    at = 86_400 // 2
    running = [host for task, (host, begun) in places.items() if begun <= at < begun + by_id[task].fragments.duration_ms.sum() // 1000]
    assert max(np.bincount(running)) >= 3


def test_what_it_says_of_itself_is_in_its_files(directory: Path, site: Workload) -> None:
    assert check_workload(directory).errors == ()
    truth = load_truth(directory)
    assert truth is not None and truth.noise_floor_percent is not None
    assert 0.2 < truth.noise_floor_percent < 2
    assert truth.description["load"] == 0.5
    assert known_truth(directory, site).noise_floor_percent == truth.noise_floor_percent


def test_the_meter_shows_what_a_whole_experiment_draws(tmp_path: Path) -> None:
    """`opendt engine run` on the true law, which for this site is one of OpenDC's own: no row of the meter is elsewhere."""
    made = make_site(tmp_path / "site", SiteTruth.model_validate(EXACT), 3)
    assert made.queued > 50
    truth = load_truth(tmp_path / "site")
    assert truth is not None
    topology = json.loads((tmp_path / "site/topology.json").read_text())
    (group,) = truth.host_groups
    law = {"modelType": "linear", "power": 1.0, "idlePower": group.watts["idlePower"][0], "maxPower": group.watts["maxPower"][0]}
    topology["clusters"][0]["hosts"][0]["cpuPowerModel"] = law
    (tmp_path / "true.json").write_text(json.dumps(topology))
    experiment = {
        "topologies": [{"pathToFile": str(tmp_path / "true.json")}],
        "workloads": [{"pathToFile": str(tmp_path / "site"), "type": "ComputeWorkload"}],
        "exportModels": [{"exportInterval": 30, "filesToExport": ["powerSource"]}],
    }
    (tmp_path / "experiment.json").write_text(json.dumps(experiment))
    (report,) = run_experiment(read_experiment(tmp_path / "experiment.json"), tmp_path, lambda _: None)
    metered = read_workload(tmp_path / "site").power
    assert metered is not None
    power = pq.read_table(report.folder / "powerSource.parquet")["power_draw"].to_numpy()[: len(metered.power_w)]
    off = np.abs(power - metered.power_w) > 0.05
    assert off.mean() < 0.05, "rows that show the right limit are few"
    assert off[-120:].mean() < 0.1, "and at the end as few: once one placement is another, all that follow are"


@pytest.mark.parametrize(("noise", "floor"), [(0.0, 0.0), (0.01, 0.798), (0.002, 0.16)])
def test_the_noise_floor_is_the_mean_of_the_noise(tmp_path: Path, noise: float, floor: float) -> None:
    made = make_site(tmp_path, SiteTruth.model_validate(EXACT | {"noise": noise}), 3)
    assert made.noise_floor_percent == pytest.approx(floor, rel=0.05, abs=1e-4)


def test_the_noise_floor_of_a_sample_without_a_queue_is_found_again(tmp_path: Path) -> None:
    made = write_sample(tmp_path, 3, days=1, hosts=8)
    assert made.noise_floor_percent > 0.2
    known = known_truth(tmp_path, read_workload(tmp_path))
    assert (known.noise_floor_percent, known.truth, known.note) == (made.noise_floor_percent, None, None)


def test_faults_do_not_lift_the_noise_floor(tmp_path: Path) -> None:
    faults = [{"kind": "unit", "from_hour": 5, "for_hours": 6}]
    healthy, faulty = (
        make_site(tmp_path / name, SiteTruth.model_validate(SMALL | more), 3).noise_floor_percent
        for name, more in (("healthy", {}), ("faulty", {"faults": faults}))
    )
    assert faulty == healthy


FOREIGN = {
    "list": b"[1, 2]",
    "text": b'"the truth"',
    "other": b'{"watts": [1, 2, 3]}',
    "binary": bytes(range(256)),
    "empty": b"",
    "deep": b"[" * 100_000,
    "format": b'{"format": 99}',
    "half": b'{"format": 1, "seed": 1, "host_groups": "none"}',
}


@pytest.mark.parametrize("content", FOREIGN.values(), ids=list(FOREIGN))
def test_a_truth_of_another_program_is_said_and_not_used(tmp_path: Path, content: bytes) -> None:
    write_sample(tmp_path, 3, days=1, hosts=4)
    (tmp_path / "truth.json").write_bytes(content)
    with pytest.raises(BadInput):
        load_truth(tmp_path)
    known = known_truth(tmp_path, read_workload(tmp_path))
    assert known.truth is None and known.note is not None
    assert "\n" not in known.note and "none of ours" in known.note


@pytest.mark.parametrize("change", ["lengths", "order", "nan", "groups", "folder"])
def test_a_truth_that_does_not_fit_is_not_used(tmp_path: Path, change: str) -> None:
    make_site(tmp_path, SiteTruth.model_validate({"hosts": 4, "days": 1}), 3)
    path = tmp_path / "truth.json"
    document = json.loads(path.read_text())
    group = document["host_groups"][0]
    match change:
        case "lengths":
            group["watts"]["idlePower"].append(1.0)
        case "order":
            group["time_ms"].reverse()
        case "nan":
            group["watts"]["idlePower"][0] = float("nan")
        case "groups":
            group["host_group"] = "elsewhere"
        case "folder":
            path.unlink()
            path.mkdir()
    if change != "folder":
        path.write_text(json.dumps(document))
    known = known_truth(tmp_path, read_workload(tmp_path))
    assert known.truth is None and known.note is not None


def test_the_command_says_load_queue_and_floor(tmp_path: Path) -> None:
    arguments = ["sample", "--out", str(tmp_path / "a"), "--seed", "1", "--days", "1", "--hosts", "6", "--load", "0.5"]
    document = json.loads(run(app, [*arguments, "--json"]).stdout)
    assert document["queued"] > 10 and 0.2 < document["noise_floor_percent"] < 2
    truth = load_truth(tmp_path / "a")
    assert truth is not None and truth.noise_floor_percent == document["noise_floor_percent"]
    assert f"Noise floor: {document['noise_floor_percent']:.2f} %" in run(app, arguments).stdout
    site = json.loads(run(app, [*arguments, "--site", "step", "--json"]).stdout)
    assert site["queued"] > 10


@pytest.mark.parametrize("load", ["0", "-1", "nan", "3", "inf"])
@pytest.mark.parametrize("more", [[], ["--site", "steady"]], ids=str)
def test_a_load_that_no_site_has_is_refused(tmp_path: Path, load: str, more: list[str]) -> None:
    found = run(app, ["sample", "--out", str(tmp_path / "a"), "--seed", "1", "--load", load, *more])
    assert isinstance(found.exception, BadInput) and "--load" in str(found.exception)
    assert not (tmp_path / "a").exists()


def test_a_sample_that_is_written_again_keeps_no_truth_of_another(tmp_path: Path) -> None:
    make_site(tmp_path, SiteTruth.model_validate({"hosts": 4, "days": 1}), 3)
    write_sample(tmp_path, 3, days=1, hosts=4)
    assert not (tmp_path / "truth.json").exists()


def test_ids_of_places_are_those_of_the_files(directory: Path, site: Workload) -> None:
    assert min(whole_experiment(directory)) == min(t.id for t in site.tasks) == FIRST_ID
