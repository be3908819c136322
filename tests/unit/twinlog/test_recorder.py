"""The laws of the recorder, on runs in which everything goes wrong: order, redelivery and restarts leave no trace in the parts."""

from __future__ import annotations

from itertools import pairwise
from random import Random
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opendt_streams.errors import BadInput
from opendt_streams.model import times
from opendt_streams.model.event import MAIN
from opendt_streams.model.result import WindowResult
from opendt_streams.topology.ledger import Verdict
from opendt_streams.twinlog import schemas
from opendt_streams.twinlog.part import Part
from opendt_streams.twinlog.recorder import Recorder
from opendt_streams.wire import topics
from opendt_streams.wire.messages import AlarmRecorded, DecisionRecorded, ResultRecorded
from tests.unit.twin.logs import DATACENTER, Logs
from tests.unit.twin.people import folded
from tests.unit.twin.scenario import GRID, Faults
from tests.unit.twinlog.worlds import by_topic, ledger_of, logs_of, reading, recorded

SEEDS = st.integers(min_value=0, max_value=10_000)
QUIET = Faults(redeliver=True, crash=True, double=True)


def rows_of(parts: list[Part], table: str) -> list[dict[str, Any]]:
    return [row for part in parts if part.table == table for row in part.rows.to_pylist()]


def results_of(logs: Logs) -> list[WindowResult]:
    """Keep-first by id: one of each window."""
    kept: dict[str, WindowResult] = {}
    for record in logs[topics.RESULTS]:
        if isinstance(record.message, ResultRecorded):
            kept.setdefault(record.message.result.id, record.message.result)
    return list(kept.values())


@settings(max_examples=30, deadline=None)
@given(SEEDS, SEEDS)
def test_parts_do_not_depend_on_how_topics_interleave_nor_on_redelivery(seed: int, schedule: int) -> None:
    logs = logs_of(seed)
    parts, recorder = recorded(by_topic(logs))
    others, other = recorded(reading(logs, Random(schedule)))
    assert others == parts
    assert other.flush() == recorder.flush()
    assert other.complete == recorder.complete


@settings(max_examples=30, deadline=None)
@given(SEEDS, SEEDS)
def test_a_recorder_that_is_killed_again_and_again_hands_out_the_same_parts(seed: int, schedule: int) -> None:
    logs, rng = logs_of(seed), Random(schedule)
    whole, uninterrupted = recorded(by_topic(logs))
    stored: dict[tuple[str, int], Part] = {}
    recorder, state = Recorder(DATACENTER, GRID), None
    lives = rng.randrange(1, 6)
    while lives:
        lives -= 1
        if state is not None:
            ledger = ledger_of(logs)
            recorder = Recorder.restore(DATACENTER, GRID, orjson.loads(state), ledger[: rng.randrange(len(ledger) + 1)])
        dies_at = rng.randrange(300) if lives else None
        for count, message in enumerate(reading(logs, rng, recorder.next)):
            if count == dies_at:
                break  # whatever was not stored is lost with it
            recorder.step(*message)
            if rng.random() < 0.2:
                for part in recorder.take_parts():
                    assert stored.setdefault((part.table, part.interval_ms), part) == part
                if rng.random() < 0.8:  # or killed between the parts and the checkpoint
                    state = orjson.dumps(recorder.checkpoint())
    for part in recorder.take_parts():
        assert stored.setdefault((part.table, part.interval_ms), part) == part
    assert stored == {(part.table, part.interval_ms): part for part in whole}
    assert recorder.flush() == uninterrupted.flush()
    assert recorder.complete == uninterrupted.complete


@settings(max_examples=12, deadline=None)
@given(SEEDS)
def test_everything_said_is_in_the_log_once_and_in_order(seed: int) -> None:
    logs = logs_of(seed)
    parts, recorder = recorded(by_topic(logs))
    parts += recorder.flush()
    results = results_of(logs)
    assert [row["run_number"] for row in rows_of(parts, schemas.RESULTS)] == list(range(1, len(results) + 1))
    assert [row["error"] for row in rows_of(parts, schemas.RESULTS)] == [r.error for r in results]
    expected = [(t, w) for r in results if r.total for t, w in zip(r.row_ms, r.total.power_w, strict=True)]
    agg = rows_of(parts, schemas.AGG_RESULTS)
    assert [(times.from_datetime(row["timestamp"]), row["power_draw"]) for row in agg] == [(t, pytest.approx(w)) for t, w in expected]
    clusters = rows_of(parts, schemas.CLUSTERS)
    assert [(times.from_datetime(row["timestamp"]), row["power_w"]) for row in clusters] == expected
    decided = {r.message.decision.instant_ms for r in logs[topics.CALIBRATION] if isinstance(r.message, DecisionRecorded)}
    assert [times.from_datetime(row["instant"]) for row in rows_of(parts, schemas.CALIBRATION)] == sorted(decided)
    alarms = {r.message.alarm.id: r.message.alarm.text for r in logs[topics.CALIBRATION] if isinstance(r.message, AlarmRecorded)}
    assert sorted(row["text"] for row in rows_of(parts, schemas.ALARMS)) == sorted(alarms.values())


@settings(max_examples=12, deadline=None)
@given(SEEDS)
def test_the_topology_table_has_every_verdict_and_says_when_an_event_took_effect(seed: int) -> None:
    logs = logs_of(seed)
    parts, recorder = recorded(by_topic(logs))
    rows = rows_of([*parts, *recorder.flush()], schemas.TOPOLOGY)
    ledger = folded(logs[topics.LEDGER])
    # In a run that completes, what people write after the last pin has touched no window, and stays on the topic alone.
    written = {row["id"]: row["verdict"] for row in rows}
    assert len(written) == len(rows)
    known = {event_id: verdict.value for event_id, verdict in ledger.verdicts.items()}
    assert written.items() <= known.items()
    assert recorder.complete or written == known
    effective = {row["id"]: times.from_datetime(row["effective"]) for row in rows if row["effective"] is not None}
    assert all((row["verdict"], row["branch"]) == (Verdict.ACCEPTED.value, MAIN) for row in rows if row["id"] in effective)
    for event, first_window_ms in {r.topology_event: r.window_start_ms for r in reversed(results_of(logs))}.items():
        assert effective[event] == first_window_ms


@settings(max_examples=12, deadline=None)
@given(SEEDS)
def test_what_has_ended_is_complete(seed: int) -> None:
    logs = logs_of(seed, QUIET)  # here dc.power always has its end
    parts, recorder = recorded(by_topic(logs))
    assert recorder.complete
    assert not recorder.waits_for_power
    assert recorder.flush() == []
    assert all(part.finished for part in parts)
    assert all(a < b for a, b in pairwise(p.interval_ms for p in parts if p.table == schemas.RESULTS))


@settings(max_examples=12, deadline=None)
@given(SEEDS)
def test_without_the_end_of_the_meters_only_a_flush_writes_the_rest(seed: int) -> None:
    logs = logs_of(seed, QUIET)
    messages = [m for m in by_topic(logs) if m[0] != topics.POWER]
    parts, recorder = recorded(iter(messages))
    assert parts == []
    assert recorder.waits_for_power
    assert not recorder.complete
    rest = recorder.flush()
    assert rest == recorder.flush()
    assert len(rows_of(rest, schemas.RESULTS)) == len(results_of(logs))
    assert not any(part.finished for part in rest)


def test_a_checkpoint_of_another_datacenter_is_refused() -> None:
    state = Recorder("A", GRID).checkpoint()
    with pytest.raises(BadInput, match="datacenter A; expected format 1 of datacenter B"):
        Recorder.restore("B", GRID, state, [])


@settings(max_examples=10, deadline=None)
@given(SEEDS)
def test_a_restart_reads_no_window_again_that_is_written(seed: int) -> None:
    logs = logs_of(seed, Faults())  # no repetitions: as many messages as windows
    recorder = Recorder(DATACENTER, GRID)
    for message in reading(logs, Random(seed)):
        recorder.step(*message)
        if recorder.take_parts():
            windows = min(recorder.next[topics.RESULTS], len(logs[topics.RESULTS]) - 1)  # without `end`
            assert recorder.checkpoint()["results"] == recorder.windows <= windows
    assert recorder.complete
