"""Our own messages: read as they are written, with what their headers add."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import pytest

from opendt_streams.model.canonical import canonical, sha256_hex
from opendt_streams.model.decision import Alarm, Decision, Discrepancy, Score
from opendt_streams.model.power import Meter
from opendt_streams.model.result import ClusterSeries, GroupBasis, Series, TaskCounts, WindowResult
from opendt_streams.wire import headers as h
from opendt_streams.wire import topics, twin
from opendt_streams.wire.decode import decode, file_name
from opendt_streams.wire.messages import (
    AlarmRecorded,
    CalibrationEnded,
    DecisionRecorded,
    End,
    Heartbeat,
    Invalid,
    PowerBatch,
    ResultRecorded,
    ResultsEnded,
    ResumePoint,
    Silence,
    Snapshot,
)
from tests.unit.topology.ledgers import ROOT
from tests.unit.twin import said
from tests.unit.twin.said import T0

SERIES = Series((1.0, 2.5), (30.0, 75.125), (0.0, 1e-3), (0.0, 1.0))
RESULT = WindowResult(
    id="dc|main|2022-10-06T22:00:00Z",
    datacenter="dc",
    branch="main",
    window_start_ms=T0,
    window_end_ms=T0 + 60_000,
    topology_event="e",
    drain=False,
    tasks=TaskCounts(submitted=3, late=1),
    row_ms=(T0 + 30_000, T0 + 60_000),
    total=SERIES,
    clusters=(ClusterSeries("C", SERIES),),
    basis=(GroupBasis(0, 0, 2, 4, 4000.0, ((), (100.0, 0.000001)), ((), (1, 1)), (100.0,), (7,)),),
)
DECISION = Decision(
    id="dc|2022-10-06T23:00:00Z",
    datacenter="dc",
    instant_ms=T0,
    method="m",
    outcome="kept",
    reason="off",
    parameters={"0/0": {"modelType": "linear", "idlePower": 1.0}},
    estimate={"meter": None, "fit": [None, {"x": None}]},
    samples=0,
    late_samples=0,
)
RESUME = ResumePoint(power=4, fresh=5, watermark_ms=None, refused_ms=T0, results=7, ended=True)
DECISION_HEADERS = {h.PIN: "3", h.RESUME: h.json_header(twin.RESUME.dump_python(RESUME))}


def test_a_result_is_read_as_it_was_written() -> None:
    value = canonical(twin.result_value(RESULT))
    assert decode(topics.RESULTS, value, {h.LEDGER: "12"}) == ResultRecorded(RESULT, 12)


def test_a_failed_result_is_read_as_it_was_written() -> None:
    failed = replace(RESULT, row_ms=(), total=None, clusters=(), basis=(), error="why")
    assert decode(topics.RESULTS, canonical(twin.result_value(failed)), {h.LEDGER: "0"}) == ResultRecorded(failed, 0)


def test_a_result_without_the_ledger_offset_is_invalid() -> None:
    assert isinstance(decode(topics.RESULTS, canonical(twin.result_value(RESULT)), {}), Invalid)


@pytest.mark.parametrize(
    "decision",
    [
        DECISION,
        replace(
            DECISION,
            outcome="calibrated",
            topology_event="e",
            data_from_ms=T0,
            data_until_ms=T0 + 1,
            score_in_force=Score(3, 1.5, None, -0.1),
            score_after=Score(0),
            interval_half_width=0.02,
            discrepancy=Discrepancy(-3.5, 0.9),
        ),
    ],
)
def test_a_decision_is_read_as_it_was_written(decision: Decision) -> None:
    """In whole: it is the calibrator's snapshot. A kept decision leaves out most fields; nulls inside the estimate stay."""
    value = canonical(twin.decision_value(decision))
    assert decode(topics.CALIBRATION, value, DECISION_HEADERS) == DecisionRecorded(decision, 3, RESUME)


@pytest.mark.parametrize("missing", [h.PIN, h.RESUME])
def test_a_decision_without_its_headers_is_invalid(missing: str) -> None:
    headers = {k: v for k, v in DECISION_HEADERS.items() if k != missing}
    assert isinstance(decode(topics.CALIBRATION, canonical(twin.decision_value(DECISION)), headers), Invalid)


def test_an_event_is_read_as_it_was_written() -> None:
    assert decode(topics.LEDGER, canonical(twin.event_value(ROOT)), {}) == ROOT


def test_alarms_and_ends_are_read_as_they_were_written() -> None:
    alarm = Alarm("dc|drift|t", "dc", "drift", T0, "text")
    assert decode(topics.CALIBRATION, canonical(twin.alarm_value(alarm)), {}) == AlarmRecorded(alarm)
    assert decode(topics.CALIBRATION, canonical(twin.calibration_end_value("dc")), {}) == CalibrationEnded()
    assert decode(topics.RESULTS, canonical(twin.results_end_value("dc", 3)), {}) == ResultsEnded(3)


def test_a_heartbeat_names_its_snapshot_by_the_digest_of_its_bytes() -> None:
    snapshot = said.snapshot(T0, said.topology(1))
    message = decode(topics.PHYSICAL, snapshot, {})
    assert isinstance(message, Snapshot)
    assert message.digest == sha256_hex(snapshot)
    assert decode(topics.WORKLOAD, said.heartbeat(T0, snapshot), {}) == Heartbeat(T0, message.digest)


def test_what_the_datacenter_says_on_dc_power() -> None:
    batch = decode(topics.POWER, said.power([(T0, 1.0), (T0 + 1, 2.0)], cluster="C"), {})
    assert isinstance(batch, PowerBatch)
    assert [(s.time_ms, s.power_w, s.meter) for s in batch.samples] == [(T0, 1.0, Meter("C")), (T0 + 1, 2.0, Meter("C"))]
    columns = {"timestamp_ms": [T0, T0, T0], "power_w": [1.0, 2.0, 3.0], "cluster": ["C", "C", None], "host_group": ["H", None, None]}
    several = decode(topics.POWER, said.encode(message_type="power", samples=columns), {})
    assert isinstance(several, PowerBatch)
    assert [s.meter for s in several.samples] == [Meter("C", "H"), Meter("C"), Meter()]
    one = decode(topics.POWER, said.encode(message_type="power", timestamp=T0, power_draw=3, meter={"host_group": "H"}), {})
    assert isinstance(one, PowerBatch)
    assert [(s.time_ms, s.power_w, s.meter) for s in one.samples] == [(T0, 3.0, Meter(None, "H"))]
    assert decode(topics.POWER, said.heartbeat(T0), {}) == Heartbeat(T0)
    assert decode(topics.POWER, said.END, {}) == End()
    assert decode(topics.POWER, said.encode(message_type="silence", instant=T0), {}) == Silence(T0)


def test_keys_that_a_newer_producer_added_are_ignored() -> None:
    assert decode(topics.WORKLOAD, said.encode(message_type="heartbeat", timestamp=T0, mood="good"), {}) == Heartbeat(T0)


def test_carbon_is_found_by_file_name_and_sorted_by_time() -> None:
    columns = {"timestamp_ms": [T0 + 1, T0], "intensity_g_per_kwh": [2.0, 1.0]}
    document = said.topology(1, carbon_path="/mnt/x/carbon.parquet")
    message = decode(topics.PHYSICAL, said.snapshot(T0, document, {"carbon.parquet": columns, "other.parquet": columns}), {})
    assert isinstance(message, Snapshot)
    assert list(message.carbon) == ["/mnt/x/carbon.parquet"]
    assert message.carbon["/mnt/x/carbon.parquet"].intensity_g_per_kwh.tolist() == [1.0, 2.0]


def test_other_carbon_is_other_content() -> None:
    def content(intensity: float) -> str:
        columns: Any = {"c": {"timestamp_ms": [T0], "intensity_g_per_kwh": [intensity]}}
        message = decode(topics.PHYSICAL, said.snapshot(T0, said.topology(1, carbon_path="c"), columns), {})
        assert isinstance(message, Snapshot)
        return message.content

    assert content(1.0) == content(1)
    assert content(1.0) != content(2.0)


@pytest.mark.parametrize("path", ["c.parquet", "/a/b/c.parquet", "C:\\a\\c.parquet", "..\\c.parquet", "a/c.parquet/"])
def test_a_file_name_is_the_last_part_of_a_path_of_any_platform(path: str) -> None:
    assert file_name(path) == "c.parquet"


def test_headers_survive_kafka_and_strangers_do_not_disturb() -> None:
    ours = h.cloud_event(event_id="i", event_type="window-result", source="simulator", time="t")
    assert ours["ce_type"] == "opendt.window-result.v1"
    assert h.from_kafka([*h.to_kafka(ours), ("theirs", b"\xff")]) == ours
    assert h.from_kafka([("a", b"1"), ("a", b"2")]) == {"a": "2"}
    assert h.from_kafka([("a", None)]) == {}


def test_a_resume_point_of_a_version_without_the_end_is_still_read() -> None:
    old = {k: v for k, v in asdict(RESUME).items() if k != "ended"}
    message = decode(topics.CALIBRATION, canonical(twin.decision_value(DECISION)), DECISION_HEADERS | {h.RESUME: h.json_header(old)})
    assert isinstance(message, DecisionRecorded)
    assert message.resume == replace(RESUME, ended=False)
