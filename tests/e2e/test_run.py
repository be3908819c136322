"""`opendt run` from outside: equal digests whatever is killed, nothing left behind, clear refusals."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from opendt_streams.workload.sample import write_sample
from tests.e2e.command import opendt, running, summary, wait_gone

UNTIL = ("--until", "2024-03-04T06:00:00Z")

VICTIMS = ("dc-mock", "api", "simulator", "calibrator", "recorder", "broker")

pytestmark = pytest.mark.broker

SUMMARY_KEYS = {
    *("run", "run_dir", "datacenter", "engine", "calibration", "windows", "simulated_seconds", "wall_seconds", "startup_seconds"),
    *("speedup", "mape_percent", "share_under_10_percent", "bias_percent", "cvrmse_percent", "persistence_mape_percent", "skill"),
    *("corrected_mape_percent", "corrected_skill", "energy_kwh_simulated", "energy_kwh_measured", "carbon_kg", "tasks", "tasks_empty"),
    *("tasks_completed", "late_tasks", "duplicate_tasks", "dead_letters", "topology_events", "calibrations", "restarts", "peak_rss_mb"),
    "digests",
    "noise_floor_percent",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small workload named `site`."""
    here = tmp_path_factory.mktemp("e2e")
    write_sample(here / "site", seed=5, days=1, hosts=12)
    return here


@pytest.fixture(scope="module")
def calm(folder: Path) -> dict[str, Any]:
    """An undisturbed run."""
    return summary(folder, "--workload", "site", *UNTIL, "--run-dir", "calm")


def test_the_summary_says_everything(calm: dict[str, Any], folder: Path) -> None:
    assert calm.keys() >= SUMMARY_KEYS
    assert calm["datacenter"] == "site"
    assert calm["windows"] >= 72
    assert 0.2 < calm["noise_floor_percent"] < calm["mape_percent"] < 3 and calm["skill"] > 0
    assert calm["restarts"] == calm["dead_letters"] == 0 and calm["warnings"] == []
    assert set(calm["digests"]) == {"sim.results", "sim.calibration", "sim.topology", "twinlog"}
    assert all(mb < 600 for mb in calm["peak_rss_mb"].values())
    run_dir = folder / "calm"
    for name in ("manifest.json", "config.yaml", "services.json", "kafka", "logs", "twinlog/agg_results.parquet", "report.html"):
        assert (run_dir / name).exists(), name
    rows = pq.read_table(run_dir / "twinlog/agg_results.parquet")
    assert rows.num_rows == calm["windows"] * 10
    assert json.loads((run_dir / "manifest.json").read_text())["summary"] == calm


def test_offline_calibration_agrees_with_the_run(calm: dict[str, Any], folder: Path) -> None:
    """The run's own log, driven over by the method that it used, gives the score that the run reported."""
    found = opendt(folder, "calibrate", "--run-dir", "calm", "--horizon", "1h", "--method", calm["calibration"], "--json")
    assert found.returncode == 0, found.stderr
    offline, persistence = json.loads(found.stdout)["rows"]
    for name in ("mape_percent", "skill", "persistence_mape_percent", "bias_percent"):
        assert offline[name] == pytest.approx(calm[name], abs=1e-4)
    assert offline["publications"] == calm["calibrations"]
    assert persistence["mape_percent"] == pytest.approx(calm["persistence_mape_percent"], abs=1e-6)


def test_a_second_run_at_another_speed_is_equal(calm: dict[str, Any], folder: Path) -> None:
    again = summary(folder, "--workload", "site", *UNTIL, "--run-dir", "again", "--speed", "20000")
    assert again["digests"] == calm["digests"]


def test_killed_services_and_a_killed_broker_change_nothing(calm: dict[str, Any], folder: Path) -> None:
    with running(folder, folder / "hurt", "--workload", "site", *UNTIL, "--speed", "1500") as run:
        for n, victim in enumerate(VICTIMS, start=1):
            run.until(lambda n=n: run.recorded(n), f"interval {n}")  # type: ignore[misc]
            os.kill(run.pids()[victim], signal.SIGKILL)
        code, document = run.finish()
    assert code == 0
    assert all(document["restarts_by_service"][victim] for victim in VICTIMS), document["restarts_by_service"]
    assert document["digests"] == calm["digests"]
    notes = json.loads((folder / "hurt/manifest.json").read_text())["notes"]
    assert all(any(f"{victim} was started again" in note for note in notes) for victim in VICTIMS if victim != "broker")
    _proves_itself(folder, "hurt", calm["digests"])


def _proves_itself(folder: Path, run: str, digests: dict[str, str]) -> None:
    """Replayed from its topics alone, and from a bundle, a run says the same; so does its twinning log, byte for byte."""
    assert opendt(folder, "topology", "verify", "--run-dir", run).returncode == 0
    exported = opendt(folder, "audit", "export", "--run-dir", run, "--out", f"{run}.zip", "--json")
    assert exported.returncode == 0, exported.stderr
    assert opendt(folder, "audit", "verify", f"{run}.zip", "--root", json.loads(exported.stdout)["root"]).returncode == 0
    for source in (("--run-dir", run), (f"{run}.zip",)):
        replayed = opendt(folder, "audit", "replay", *source, "--json")
        assert replayed.returncode == 0, replayed.stdout + replayed.stderr
        assert {name: one["replayed"] for name, one in json.loads(replayed.stdout)["digests"].items()} == digests
    assert opendt(folder, "twinlog", "rebuild", "--run-dir", run, "--out", f"{run}-log").returncode == 0
    recorded = {path.relative_to(folder / run / "twinlog"): path.read_bytes() for path in (folder / run / "twinlog").rglob("*.parquet")}
    assert recorded
    assert {path: (folder / f"{run}-log" / path).read_bytes() for path in recorded} == recorded
    lost, changed = folder / run / "twinlog/results.parquet", folder / run / "twinlog/agg_results.parquet"
    lost.unlink()
    changed.write_bytes(changed.read_bytes()[:-1] + b"X")
    found = opendt(folder, "twinlog", "rebuild", "--run-dir", run, "--json")
    assert (found.returncode, json.loads(found.stdout)["different"]) == (1, ["agg_results.parquet"])
    assert lost.read_bytes() == recorded[Path("results.parquet")]


def test_kill_9_leaves_no_process_and_the_run_resumes(calm: dict[str, Any], folder: Path) -> None:
    with running(folder, folder / "cut", "--workload", "site", *UNTIL, "--speed", "4000") as run:
        run.until(run.recorded, "the first interval")
        pids = list(run.pids().values())
        run.process.kill()
    assert wait_gone(pids) == []
    resumed = summary(folder, "--resume", "--run-dir", "cut", "--speed", "max")
    assert resumed["digests"] == calm["digests"]


def test_interrupted_it_leaves_a_readable_log(folder: Path) -> None:
    with running(folder, folder / "stopped", "--workload", "site", "--speed", "4000") as run:
        run.until(run.recorded, "the first interval")
        pids = list(run.pids().values())
        run.process.send_signal(signal.SIGINT)
        code, document = run.finish()
    assert code == 130
    assert wait_gone(pids) == []
    assert pq.read_table(folder / "stopped/twinlog/agg_results.parquet").num_rows == document["windows"] * 10
    assert json.loads((folder / "stopped/manifest.json").read_text())["state"] == "interrupted"
    assert "stopped: interrupted" in (folder / "stopped/report.html").read_text(encoding="utf-8")


def test_without_calibration_every_decision_is_kept(folder: Path) -> None:
    off = summary(folder, "--workload", "site", "--until", "2024-03-04T02:00:00Z", "--run-dir", "off", "--calibration", "off")
    assert off["calibrations"] == 0 and off["topology_events"] == 1
    assert off["mape_percent"] > 3


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--workload", "nowhere"), 2, "nowhere"),
        (("--workload", "site", "--engine", "opendb"), 2, "engine.name"),
        (("--workload", "site", "--engine", "opendc"), 3, "OPENDC_HOME"),
        (("--workload", "site", "--calibration", "guess"), 2, "calibrator.method"),
        (("--workload", "site", "--speed", "-1"), 2, "workload.speed"),
        (("--workload", "site", "--until", "2024-03-04T02:00:00"), 2, "time zone"),
        (("--workload", "site", "--until", "2020-01-01T00:00:00Z"), 2, "before the data"),
        (("--workload", "site", "--external"), 2, "exclude"),
        (("--resume",), 2, "--run-dir"),
        (("--workload", "site", "--broker", "kafka://127.0.0.1:9"), 3, "Kafka"),
        (("--workload", "site", "--broker", "127.0.0.1:9"), 2, "kafka://"),
        (("--port", "0"), 2, "api.port"),
    ],
)
def test_what_cannot_be_run_is_refused_in_one_sentence(folder: Path, arguments: tuple[str, ...], code: int, words: str) -> None:
    done = opendt(folder, "run", *arguments, "--no-serve")
    assert (done.returncode, "Traceback" in done.stderr) == (code, False), done.stderr
    assert words in done.stderr
    assert done.stdout == ""


def test_a_folder_with_a_run_is_not_used_again(calm: dict[str, Any], folder: Path) -> None:
    done = opendt(folder, "run", "--workload", "site", "--run-dir", "calm")
    assert done.returncode == 2
    assert "--resume" in done.stderr


def test_a_run_that_is_over_or_under_way_is_not_resumed(calm: dict[str, Any], folder: Path) -> None:
    over = opendt(folder, "run", "--resume", "--run-dir", "calm")
    assert (over.returncode, "complete" in over.stderr) == (2, True), over.stderr
    with running(folder, folder / "busy", "--workload", "site", "--speed", "1") as run:
        run.until((folder / "busy/services.json").exists, "its services")
        twice = opendt(folder, "run", "--resume", "--run-dir", "busy")
    assert (twice.returncode, "under way" in twice.stderr) == (3, True), twice.stderr


def test_without_java_it_says_what_to_do(folder: Path) -> None:
    done = opendt(folder, "run", "--workload", "site", OPENDT_JAVA=str(folder / "no-java"))
    assert done.returncode == 3, done.stderr
    assert "Java" in done.stderr and "Traceback" not in done.stderr
