"""A week at full size: the official score of the run, the digests and the log, and what they cost."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from time import process_time

import pytest

from opendt_streams.twinlog import schemas
from opendt_streams.twinlog.digest import TopicDigest, twinlog_digest
from opendt_streams.twinlog.rebuild import rebuild
from opendt_streams.twinlog.score import RunFacts
from opendt_streams.twinlog.writer import TwinLog
from opendt_streams.wire import topics
from tests.unit.calibration import surf
from tests.unit.twin.logs import Logs
from tests.unit.twinlog.surf_run import DATACENTER, GRID, surf_logs
from tests.unit.twinlog.worlds import by_topic

pytestmark = [pytest.mark.surf, pytest.mark.skipif(not surf.FOLDER.exists(), reason="the SURF week is not beside the checkout")]


@cache
def week() -> Logs:
    return surf_logs()


def test_the_score_of_the_whole_run_is_that_of_the_official_rule() -> None:
    facts = RunFacts(GRID)
    for message in by_topic(week()):
        facts.take(*message)
    found, summary = facts.score(), facts.summary()
    assert found is not None
    assert found.score.samples == 20_039
    assert summary.windows == 2_016
    assert summary.simulated_seconds == 7 * 86_400
    assert summary.persistence_mape_percent == pytest.approx(2.884, abs=5e-4)
    assert summary.mape_percent is not None
    assert summary.mape_percent < 1.3
    assert summary.energy_kwh_simulated == pytest.approx(summary.energy_kwh_measured, rel=0.01)
    assert summary.topology_events == 1 + summary.calibrations > 100


def test_a_digest_takes_seconds() -> None:
    records = week()[topics.RESULTS]
    began = process_time()
    digest = TopicDigest()
    for offset, record in enumerate(records):
        digest.feed(DATACENTER, offset, record.value, record.message)
    assert len(digest.hexdigest()) == 64
    assert process_time() - began < 5


def test_the_log_of_the_week(tmp_path: Path) -> None:
    log = TwinLog(tmp_path)
    began = process_time()
    recorder = rebuild(log, DATACENTER, GRID, by_topic(week()))
    digest = twinlog_digest(tmp_path)
    assert process_time() - began < 15
    assert recorder.complete
    assert len(digest) == 64
    agg = log.rows(schemas.AGG_RESULTS)
    assert agg.num_rows == 20_160
    assert agg["measured_power_w"].null_count == 1  # the meter's last row
    assert agg["run_number"].to_pylist()[-1] == 2_016
    assert log.rows(schemas.TELEMETRY).num_rows == 20_159
