"""Every command in a folder with an ugly name, by relative paths, from more than one working directory, in the locale C."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.contract.engine.real import home, needs_opendc
from tests.contract.engine.standing_in import stand_in
from tests.e2e.command import opendt, running
from tests.unit.workload.builders import write as write_workload

UGLY = "Übung #1, 100% d'été [a] & $x, ${y} %i"
SITE, RUN = "ein Ort #2", "run d'une 50%"
MODULES = ("yaml", "queue", "random", "numpy", "opendt_streams")  # what lies in a user's folder is no module of ours

pytestmark = pytest.mark.broker


@pytest.fixture(scope="module")
def ugly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an experiment, a site and a run, all made by relative paths."""
    here = tmp_path_factory.mktemp("paths") / UGLY
    (here / "elsewhere").mkdir(parents=True)
    for name in MODULES:
        (here / f"{name}.py").write_text("raise SystemExit('this is the file of a user')\n")
    assert_succeeds(here, "data", "sample", "--out", SITE, "--seed", "5", "--days", "1", "--hosts", "12")
    experiment = {
        "name": "one é",
        "topologies": [{"pathToFile": "ein Teil é.json"}],
        "workloads": [{"pathToFile": SITE, "type": "ComputeWorkload"}],
        "exportModels": [{"exportInterval": 3600, "filesToExport": ["powerSource"]}],
    }
    cluster = json.loads((here / SITE / "topology.json").read_text())["clusters"][0]  # OpenDC takes carbon for one cluster only
    cluster["powerSource"]["carbonTracePath"] = f"{SITE}/{cluster['powerSource']['carbonTracePath']}"
    (here / "ein Teil é.json").write_text(json.dumps({"clusters": [cluster]}))
    (here / "experiment ü.json").write_text(json.dumps(experiment))
    (here / "settings é.yaml").write_text(f'workload: {{directory: "{SITE}", until: "2024-03-04T02:00:00Z"}}\n')
    (here / "patch ü.json").write_text("{}")
    assert_succeeds(here, "run", "--config", "settings é.yaml", "--run-dir", RUN, "--no-serve", "--json")
    return here


def assert_succeeds(folder: Path, *arguments: str, **environment: str) -> str:
    done = opendt(folder, *arguments, LC_ALL="C", **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_run_is_whole_and_named(ugly: Path) -> None:
    summary = json.loads((ugly / RUN / "manifest.json").read_text())["summary"]
    assert (summary["run_dir"], summary["datacenter"], summary["warnings"]) == (str(ugly / RUN), "ein-Ort-2", [])
    assert pq.read_table(ugly / RUN / "twinlog/agg_results.parquet").num_rows == summary["windows"] * 10
    assert (ugly / RUN / "logs/kafka.log").stat().st_size
    given = {*(f"{m}.py" for m in MODULES), "ein Teil é.json", "experiment ü.json", "settings é.yaml", "patch ü.json"}
    assert {path.name for path in ugly.iterdir()} == {*given, "elsewhere", SITE, RUN}


@dataclass(frozen=True)
class Use:
    """A command with paths below the ugly folder as `{name}`; `writes` is what must be there afterwards."""

    arguments: tuple[str, ...]
    code: int = 0
    writes: str | None = None
    environment: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return " ".join(self.arguments[:2])


RUN_DIR = ("--run-dir", f"{{{RUN}}}")
EXPERIMENT = "{experiment ü.json}"
USES = (
    Use(("data", "check", f"{{{SITE}}}")),
    Use(("data", "sample", "--out", "{neu ü #}", "--seed", "1", "--days", "1", "--hosts", "4"), writes="neu ü #/tasks.parquet"),
    Use(("calibrate", "--workload", f"{{{SITE}}}", "--horizon", "6h", "--method", "off", "--csv", "{s é.csv}"), writes="s é.csv"),
    Use(("calibrate", *RUN_DIR, "--horizon", "1h", "--method", "off", "--config", "{settings é.yaml}", "--json")),
    Use(("config", "check", "{settings é.yaml}")),
    Use(("config", "show", "--config", "{settings é.yaml}")),
    Use(("runs", "list", "--data", "{.}")),
    Use(("runs", "show", RUN, "--data", "{.}", "--json")),
    Use(("topology", "log", *RUN_DIR)),
    Use(("topology", "verify", *RUN_DIR)),
    Use(("topology", "show", *RUN_DIR)),
    Use(("audit", "verify", *RUN_DIR)),
    Use(("audit", "export", *RUN_DIR, "--out", "{b ü#%.zip}"), writes="b ü#%.zip"),
    Use(("audit", "replay", *RUN_DIR)),
    Use(("audit", "as-of", *RUN_DIR, "--effective", "2024-03-04T01:00:00Z", "--believed", "2100-01-01T00:00:00Z")),
    Use(("twinlog", "rebuild", *RUN_DIR, "--out", "{log é%d}"), writes="log é%d/agg_results.parquet"),
    Use(("twinlog", "digest", *RUN_DIR)),
    Use(("broker", "status", *RUN_DIR), code=1),
    Use(("engine", "compare", "--experiment", EXPERIMENT), code=3, environment={"OPENDC_HOME": "nowhere ü"}),
)


@pytest.mark.parametrize(("use", "below"), [(use, (".", "elsewhere")[i % 2]) for i, use in enumerate(USES)], ids=str)
def test_every_command_finds_what_is_named(ugly: Path, use: Use, below: str) -> None:
    cwd = ugly / below
    arguments = [os.path.relpath(ugly / a[1:-1], cwd) if a.startswith("{") else a for a in use.arguments]
    done = opendt(cwd, *arguments, LC_ALL="C", **use.environment)
    assert (done.returncode, "Traceback" in done.stderr) == (use.code, False), done.stdout + done.stderr
    if use.writes is not None:
        written = ugly / use.writes
        assert written.exists()
        shutil.rmtree(written.parent) if written.parent != ugly else written.unlink()


def test_a_bundle_is_read_by_a_relative_path(ugly: Path) -> None:
    assert_succeeds(ugly, "audit", "export", "--run-dir", RUN, "--out", "elsewhere/x é.zip")
    assert_succeeds(ugly / "elsewhere", "audit", "replay", "x é.zip")
    (ugly / "elsewhere/x é.zip").unlink()


def test_a_broker_is_started_and_a_topology_edited(ugly: Path) -> None:
    """A copy of the run, which a log that is written to does not leave as it is."""
    shutil.copytree(ugly / RUN, ugly / "elsewhere" / RUN)
    started = json.loads(assert_succeeds(ugly, "broker", "start", "--run-dir", f"elsewhere/{RUN}", "--json"))
    try:
        assert started["run_dir"] == str(ugly / "elsewhere" / RUN)
        edit = ("topology", "edit", "--run-dir", f"elsewhere/{RUN}", "--patch", "patch ü.json", "--reason", "nothing")
        done = opendt(ugly, *edit, LC_ALL="C")
        assert "Traceback" not in done.stderr
        assert "no such" not in done.stderr.lower(), done.stderr
    finally:
        assert_succeeds(ugly / "elsewhere", "broker", "stop", "--run-dir", RUN)
        shutil.rmtree(ugly / "elsewhere" / RUN)


def test_experiments_are_run_by_their_own_engine(ugly: Path) -> None:
    """Paths in the file are those of the working directory, the output's is that of the command line."""
    told = json.loads(assert_succeeds(ugly, "engine", "run", "--experiment", "experiment ü.json", "--output", "elsewhere/out #", "--json"))
    (scenario,) = told["scenarios"]
    assert Path(scenario["folder"]).is_relative_to(ugly / "elsewhere/out #")
    assert (Path(scenario["folder"]) / "powerSource.parquet").exists()
    shutil.rmtree(ugly / "elsewhere/out #")


def test_a_run_is_resumed_from_elsewhere(ugly: Path) -> None:
    with running(ugly, Path("elsewhere/cut #"), "--workload", SITE, "--speed", "4000", "--until", "2024-03-04T06:00:00Z") as run:
        run.run_dir = ugly / "elsewhere/cut #"
        run.until(run.recorded, "the first interval")
        run.process.terminate()
        assert run.finish()[0] == 130
    told = opendt(ugly / "elsewhere", "run", "--resume", "--run-dir", "cut #", "--speed", "max", "--no-serve", "--json", LC_ALL="C")
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["windows"] >= 72
    shutil.rmtree(ugly / "elsewhere/cut #")


def run_with_opendc(ugly: Path, run_dir: str, **environment: str) -> dict[str, Any]:
    write_workload(ugly / "elsewhere/klein #")
    arguments = ("--workload", "elsewhere/klein #", "--calibration", "off")
    told = assert_succeeds(ugly, "run", *arguments, "--engine", "opendc", "--run-dir", run_dir, "--no-serve", "--json", **environment)
    document: dict[str, Any] = json.loads(told)
    results = pq.read_table(ugly / run_dir / "twinlog/results.parquet")
    assert results["error"].null_count == results.num_rows
    assert not (ugly / run_dir / "opendc/failed").exists()
    return document


def test_opendc_is_found_and_given_its_files(ugly: Path) -> None:
    """By a stand-in for its runner, which answers with the native engine: here it matters only where it is and what it is told."""
    stand_in(ugly / "elsewhere" / "OpenDC läuft's 1%", "answers")
    run_with_opendc(ugly, "elsewhere/mit Ersatz #", OPENDC_HOME="elsewhere/OpenDC läuft's 1%")
    shutil.rmtree(ugly / "elsewhere/mit Ersatz #")


@needs_opendc
def test_the_real_opendc_runs_from_an_ugly_folder(ugly: Path) -> None:
    shutil.copytree(home(), ugly / "elsewhere" / "OpenDC é")
    environment = {"OPENDC_HOME": "elsewhere/OpenDC é"}
    real = run_with_opendc(ugly, "elsewhere/mit OpenDC #", **environment)
    assert real["tasks_completed"] == 2
    assert "Equal" in assert_succeeds(ugly, "engine", "compare", "--experiment", "experiment ü.json", **environment)
    compared = assert_succeeds(ugly / "elsewhere", "engine", "compare", "--run-dir", "mit OpenDC #", OPENDC_HOME="OpenDC é")
    assert "Equal" in compared
    given = ("engine", "run", "--experiment", "experiment ü.json", "--output", "elsewhere/aus %d", "--engine", "opendc", "--json")
    (scenario,) = json.loads(assert_succeeds(ugly, *given, **environment))["scenarios"]
    assert (Path(scenario["folder"]) / "powerSource.parquet").exists()
