"""Workloads that queue, against the real OpenDC: whole experiments with every policy, and the twin's windows.

How many: OPENDT_OPENDC_CASES experiments of eight policies each; OPENDT_OPENDC_FIRST is the first seed.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

import pytest
from typer.testing import CliRunner

from opendt_streams.cli.engine import app
from opendt_streams.engine.native.placement.prefab import SCORES
from opendt_streams.engine.opendc.checker import Checker
from opendt_streams.engine.opendc.inputs import write_carbon, write_workload
from opendt_streams.engine.opendc.shadow import ShadowKind
from opendt_streams.engine.port import EngineSettings, Submission
from opendt_streams.engine.task_columns import TaskColumns
from opendt_streams.model.topology_json import to_document
from tests.contract.engine.real import needs_opendc, real_runner, real_semantics
from tests.unit.engine.queueing import random_world
from tests.unit.engine.workloads import ORIGIN_MS

pytestmark = needs_opendc
FIRST: Final = int(os.environ.get("OPENDT_OPENDC_FIRST", "0"))
SEEDS: Final = range(FIRST, FIRST + int(os.environ.get("OPENDT_OPENDC_CASES", "4")))


@pytest.mark.parametrize("seed", SEEDS)
def test_experiments_are_equal_with_every_policy(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    world = random_world(seed, tasks=200, endless=False)
    write_workload(TaskColumns.of(world.tasks), tmp_path / "workload")
    topology: dict[str, Any] = to_document(world.topology)
    for trace in world.carbon.values():
        write_carbon(trace, tmp_path / "carbon.parquet")
        topology["clusters"][0]["powerSource"] = {"carbonTracePath": "carbon.parquet"}
    (tmp_path / "topology.json").write_text(json.dumps(topology))
    experiment = {
        "name": "queueing",
        "topologies": [{"pathToFile": "topology.json"}],
        "workloads": [{"pathToFile": "workload", "type": "ComputeWorkload"}],
        "allocationPolicies": [{"type": "prefab", "policyName": name} for name in SCORES],
        "exportModels": [{"exportInterval": 30, "filesToExport": ["powerSource", "task", "service"]}],
    }
    (tmp_path / "experiment.json").write_text(json.dumps(experiment))
    arguments = ["compare", "--experiment", "experiment.json", "--semantics", real_semantics(), "--json"]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("seed", range(4))
def test_windows_are_equal(seed: int) -> None:
    world = random_world(seed, tasks=120, whole_seconds=True, plain=True)
    checker = Checker(real_runner(), background=False)
    settings = EngineSettings(ORIGIN_MS, 30_000, semantics=real_semantics())
    engine = ShadowKind(checker, every=2).start(settings, world.topology, {})
    left = list(world.tasks)
    while left or not engine.idle:
        until_ms = engine.now_ms + 60_000
        entering = [t for t in left if t.submission_ms < until_ms]
        left = left[len(entering) :]
        engine.advance(until_ms, [Submission(t, t.submission_ms, t.id) for t in entering])
    checker.finish()
    tally = checker.tally
    assert tally.windows > 0
    assert (tally.different_rows, tally.unanswered) == (0, 0), tally.first_difference
