"""A datacenter's half day through dc-mock, simulator and calibrator on a real Kafka."""

from __future__ import annotations

from itertools import pairwise

from opendt_streams.model import times
from opendt_streams.wire import topics
from opendt_streams.wire.messages import CalibrationEnded, DecisionRecorded, End, ResultRecorded, ResultsEnded
from tests.integration.streams import pure
from tests.integration.streams.harness import START_MS, documents, instants, values, window_ends
from tests.integration.streams.undisturbed import END_MS, Undisturbed


def test_every_window_is_simulated_once_and_both_streams_end(undisturbed: Undisturbed) -> None:
    logs = undisturbed.logs
    ends = window_ends(logs)
    assert len(ends) == len(logs[topics.RESULTS]) - 1  # nothing twice where nothing went wrong
    assert ends[0] == START_MS + 5 * times.MINUTE
    assert all(later - earlier == 5 * times.MINUTE for earlier, later in pairwise(ends))
    assert ends[-1] > END_MS  # tasks that run at the end are simulated to theirs
    assert isinstance(logs[topics.RESULTS][-1].message(), ResultsEnded)
    assert isinstance(logs[topics.CALIBRATION][-1].message(), CalibrationEnded)
    assert all(isinstance(logs[topic][-1].message(), End) for topic in (topics.WORKLOAD, topics.POWER))


def test_every_hour_is_decided(undisturbed: Undisturbed) -> None:
    decided = instants(undisturbed.logs)
    assert decided[0] == START_MS + times.HOUR
    assert all(later - earlier == times.HOUR for earlier, later in pairwise(decided))
    assert decided[-1] == times.floor(window_ends(undisturbed.logs)[-1], times.HOUR)


def test_calibration_reaches_the_results(undisturbed: Undisturbed) -> None:
    logs = undisturbed.logs
    made = {d.decision.topology_event for r in logs[topics.CALIBRATION] if isinstance(d := r.message(), DecisionRecorded)}
    used = {m.result.topology_event for r in logs[topics.RESULTS] if isinstance(m := r.message(), ResultRecorded)}
    assert len(used & made) >= 5


def test_live_workers_say_what_the_pure_machines_say(undisturbed: Undisturbed) -> None:
    settings = undisturbed.twin.deployment.settings
    assert pure.simulated(undisturbed.logs, settings) == values(undisturbed.logs, topics.RESULTS)
    assert pure.decided(undisturbed.logs, settings) == values(undisturbed.logs, topics.CALIBRATION)


def test_nothing_was_refused_and_every_deciding_service_said_how_it_runs(undisturbed: Undisturbed) -> None:
    assert undisturbed.logs[topics.DEAD_LETTER] == []
    said = {d["service"]: d["id"] for d in documents(undisturbed.logs, topics.CONFIG)}
    assert set(said) == {"simulator", "calibrator"}
    for topic, service in ((topics.RESULTS, "simulator"), (topics.CALIBRATION, "calibrator")):
        assert {r.headers["opendt_config"] for r in undisturbed.logs[topic]} == {said[service]}
