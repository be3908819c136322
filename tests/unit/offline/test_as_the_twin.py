"""Offline and the running twin agree: the same decisions, the same predictions, the same official score."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from opendt_streams.calibration import METHODS, CalibrationSettings, method
from opendt_streams.calibration.metrics import official_score
from opendt_streams.model import times
from opendt_streams.model.decision import Decision
from opendt_streams.offline.driving import Driven, drive
from opendt_streams.offline.recording import Recording
from opendt_streams.offline.simulating import record_workload
from opendt_streams.twinlog.score import RunFacts
from opendt_streams.windows.grid import Grid
from opendt_streams.wire import topics
from opendt_streams.wire.messages import DecisionRecorded, ResultRecorded
from opendt_streams.workload.reader import Workload, read_workload
from opendt_streams.workload.sample import write_sample
from opendt_streams.workload.truth.description import SiteTruth
from opendt_streams.workload.truth.writing import write_site
from tests.unit.offline.in_memory import twin_logs
from tests.unit.twin.logs import Logs

SITES = ("sample", "meters")


@pytest.fixture(scope="module", params=SITES)
def workload(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Workload:
    path = tmp_path_factory.mktemp(request.param)
    if request.param == "sample":
        write_sample(path, 11, days=1, hosts=10)
    else:
        write_site(path, SiteTruth(days=1, hosts=12, host_groups=2, clusters=2, meters="cluster"), 11)
    return read_workload(path)


@cache
def recorded(workload: Workload) -> Recording:
    return record_workload(workload)


def driven(workload: Workload, name: str, publish_every_ms: int) -> Driven:
    return drive(recorded(workload), method(name, CalibrationSettings(publish_every_ms)), publish_every_ms)


def facts_of(logs: Logs, grid: Grid) -> RunFacts:
    facts = RunFacts(grid)
    for topic in (topics.LEDGER, topics.POWER, topics.RESULTS, topics.CALIBRATION):
        for offset, record in enumerate(logs[topic]):
            facts.take(topic, offset, record.message)
    return facts


def without_ids(decision: Decision) -> dict[str, object]:
    """All that was decided; what it is called on the ledger depends on the baseline before it."""
    fields = {name: getattr(decision, name) for name in Decision.__dataclass_fields__ if name != "topology_event"}
    return fields | {"published": decision.topology_event is not None}


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("publish_every_ms", [times.HOUR, 15 * times.MINUTE], ids=["1 h", "15 min"])
def test_the_same_decisions_and_the_same_score(workload: Workload, name: str, publish_every_ms: int) -> None:
    grid = Grid(publish_every_ms=publish_every_ms)
    logs = twin_logs(workload, grid, name)
    offline, recording = driven(workload, name, publish_every_ms), recorded(workload)
    live = [r.message.decision for r in logs[topics.CALIBRATION] if isinstance(r.message, DecisionRecorded)]
    assert len(live) >= 23
    assert [without_ids(d) for d in offline.decisions] == [without_ids(d) for d in live]

    results = [r.message.result for r in logs[topics.RESULTS] if isinstance(r.message, ResultRecorded)]
    said_w = np.array([p for r in results if r.total is not None for p in r.total.power_w])
    assert np.abs(offline.row_w / said_w - 1).max() <= 1.1e-11  # one step: a sum may round the other way

    sample_ms, measured_w = recording.measured
    mine = official_score(sample_ms, measured_w, recording.of_samples(offline.row_w), offline.first_instant_ms, publish_every_ms)
    its = facts_of(logs, grid).score()
    assert its is not None
    assert mine.score.samples == its.score.samples > 2500
    assert mine.score.mape_percent == pytest.approx(its.score.mape_percent, abs=1e-5)
    assert mine.score.skill == pytest.approx(its.score.skill, abs=1e-5)


def test_twice_is_the_same(workload: Workload) -> None:
    one, two = (driven(workload, "recursive", times.HOUR) for _ in range(2))
    assert one.decisions == two.decisions
    assert np.array_equal(one.row_w, two.row_w)
