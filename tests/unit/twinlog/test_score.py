"""The figures of a run, on topics small enough to work them out by hand, and on runs in which everything goes wrong."""

from __future__ import annotations

from dataclasses import asdict, replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opendt_streams.model import times
from opendt_streams.model.event import TopologyEvent
from opendt_streams.model.power import Meter, PowerSample
from opendt_streams.model.result import Series, TaskCounts, WindowResult
from opendt_streams.model.topology_json import read_topology
from opendt_streams.topology.events import make_event
from opendt_streams.twinlog.score import RunFacts, RunSummary
from opendt_streams.windows.grid import Grid
from opendt_streams.wire import topics
from opendt_streams.wire.messages import DecisionRecorded, End, Message, PowerBatch, ResultRecorded, ResultsEnded
from tests.unit.twin import said
from tests.unit.twin.people import folded
from tests.unit.twin.scenario import GRID as SHORT
from tests.unit.twin.scenario import Faults
from tests.unit.twinlog.worlds import by_topic, logs_of, reading

HOUR = times.HOUR
GRID = Grid(window_ms=HOUR, sample_interval_ms=HOUR // 2)
T = 1000 * HOUR  # the first window's start; the first instant is an hour later


def result(number: int, power_w: float, **counts: int) -> ResultRecorded:
    """Window `number` from 0, with rows half an hour and an hour after its start, of so much power."""
    start = T + number * HOUR
    series = Series((power_w, power_w), (1.0, 1.0), (0.0, 0.0), (250.0, 250.0))
    rows = (start + HOUR // 2, start + HOUR)
    tasks = TaskCounts(**counts)
    return ResultRecorded(WindowResult(str(number), "DC", "main", start, start + HOUR, "", False, tasks, rows, series), ledger=0)


def power(*samples: tuple[float, float]) -> PowerBatch:
    """(hours after the first window's start, W)"""
    return PowerBatch(tuple(PowerSample(T + int(at * HOUR), w) for at, w in samples))


def summary_of(messages: dict[str, list[Message]]) -> RunSummary:
    facts = RunFacts(GRID)
    for topic, said_there in messages.items():
        for offset, message in enumerate(said_there):
            facts.take(topic, offset, message)
    return facts.summary()


def test_a_run_worked_out_by_hand() -> None:
    windows: list[Message] = [
        result(0, 50.0, submitted=3, empty=1, completed=1),
        result(1, 110.0, submitted=2, late=1, duplicate=4, completed=3),
        result(1, 999.0, submitted=9),  # a repetition: the first counts
        result(2, 95.0),
        ResultsEnded(0),
    ]
    # Not scored: until the first instant. Scored at the rows of 1.5, 2, 2.5 and 3 hours; one sample repeats a time.
    meter: list[Message] = [power((0.5, 80), (1, 80), (1.5, 100), (2, 100)), power((2, 7), (2.5, 100), (3, 100)), End()]
    found = summary_of({topics.RESULTS: windows, topics.POWER: meter})
    assert (found.windows, found.simulated_seconds) == (3, 3 * 3600)
    assert found.mape_percent == pytest.approx((10 + 10 + 5 + 5) / 4)
    assert found.bias_percent == pytest.approx(2.5)
    assert found.persistence_mape_percent == pytest.approx((20 + 20 + 0 + 0) / 4)
    assert found.skill == pytest.approx(1 - 7.5 / 10)
    assert found.share_under_10_percent == 50
    assert found.energy_kwh_simulated == pytest.approx(0.205)
    assert found.energy_kwh_measured == pytest.approx(0.2)
    assert found.carbon_kg == pytest.approx(1.5)
    assert (found.tasks, found.tasks_empty, found.tasks_completed, found.late_tasks, found.duplicate_tasks) == (6, 1, 4, 1, 4)


def test_samples_pair_with_the_newest_row_unless_one_is_missing_between() -> None:
    failed = WindowResult("1", "DC", "main", T + HOUR, T + 2 * HOUR, "", False, TaskCounts(), error="no rows")
    windows: list[Message] = [result(0, 50.0), ResultRecorded(failed, 0), result(2, 90.0), ResultsEnded(0)]
    meter: list[Message] = [power((1.2, 100), (1.7, 100), (2.7, 100), (2.9, 100)), End()]
    found = summary_of({topics.RESULTS: windows, topics.POWER: meter})
    assert found.windows == 3
    # 1.2 pairs with the row of 1.0; 1.7 has none, since the failed window has no rows; 2.7 and 2.9 pair with that of 2.5.
    assert found.mape_percent == pytest.approx((50 + 10 + 10) / 3)


def test_meters_of_clusters_are_summed_by_the_topology_in_force() -> None:
    document = said.topology(2)
    document["clusters"].append({**document["clusters"][0], "name": "D"})
    event = make_event(parent=None, kind="baselined", actor="simulator", reason="", cause="", topology=read_topology(document))
    on_event = replace(result(1, 100.0).result, topology_event=event.id)
    samples = [PowerSample(T + HOUR * 3 // 2, w, Meter(cluster)) for cluster, w in (("C", 30.0), ("D", 50.0), ("elsewhere", 900.0))]
    found = summary_of(
        {
            topics.LEDGER: [event],
            topics.RESULTS: [result(0, 1.0), ResultRecorded(on_event, 1)],
            topics.POWER: [PowerBatch(tuple(samples)), End()],
        }
    )
    assert found.mape_percent == pytest.approx(25)
    assert found.topology_events == 1


def test_a_run_without_anything_has_no_score_and_no_energy() -> None:
    found = asdict(summary_of({}))
    assert {name for name, value in found.items() if value is None} == {
        *("mape_percent", "share_under_10_percent", "bias_percent", "cvrmse_percent", "persistence_mape_percent", "skill"),
        *("corrected_mape_percent", "corrected_skill", "p95_percent", "energy_error_percent", "energy_weighted_mape_percent"),
        *("interval_coverage_percent", "b_mape_percent", "b_good_hours_percent"),
        *("energy_kwh", "carbon_kg", "energy_kwh_simulated", "energy_kwh_measured"),
    }
    assert found.pop("span") == {"from": None, "until": None}
    assert found.pop("drain") == {"seconds": 0, "energy_kwh": 0, "carbon_kg": 0}
    assert not any(value for value in found.values() if value is not None)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_figures_do_not_depend_on_interleaving_nor_on_repetition(seed: int, schedule: int) -> None:
    logs = logs_of(seed)
    one, other = RunFacts(SHORT), RunFacts(SHORT)
    for message in by_topic(logs):
        one.take(*message)
    for message in reading(logs, Random(schedule)):
        other.take(*message)
    assert one.summary() == other.summary()
    assert one.summary().topology_events == len(folded(logs[topics.LEDGER]).main)
    decided = {r.message.decision.id: r.message.decision for r in logs[topics.CALIBRATION] if isinstance(r.message, DecisionRecorded)}
    assert one.summary().calibrations == sum(d.outcome == "calibrated" for d in decided.values())


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 10_000))
def test_figures_of_equal_runs_are_equal(seed: int) -> None:
    summaries = []
    for faults in (Faults(), Faults(redeliver=True, crash=True, double=True)):
        facts = RunFacts(SHORT)
        for message in by_topic(logs_of(seed, faults)):
            facts.take(*message)
        summaries.append(facts.summary())
    assert summaries[0] == summaries[1]
    assert any(isinstance(r.message, TopologyEvent) for r in logs_of(seed, Faults())[topics.LEDGER]) or summaries[0].windows == 0
