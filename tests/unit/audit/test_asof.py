"""As-of answers: what was known then is never more than what had been recorded, and at the end it is what is true."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from random import Random

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opendt_streams.audit.asof.answers import AsOf
from opendt_streams.audit.asof.beliefs import Belief
from opendt_streams.audit.asof.beliefs_topics import Decisions, Meters, Results, Workload
from opendt_streams.errors import BadInput
from opendt_streams.model import times
from opendt_streams.model.event import TopologyEvent
from opendt_streams.topology.compact import CompactLedger
from opendt_streams.topology.history import History, Pins, Written
from opendt_streams.topology.snapshot import load, save
from opendt_streams.wire import headers as h
from opendt_streams.wire import topics
from opendt_streams.wire.messages import DecisionRecorded, ResultRecorded
from opendt_streams.wire.record import Record
from tests.unit.audit.folders import CLOCK_MS, records_of, write_evidence
from tests.unit.twin.scenario import GRID
from tests.unit.twinlog.worlds import logs_of

SEEDS = (3, 13, 24, 49)
Log = dict[str, list[Record]]
GRID_MS = GRID.window_ms


@lru_cache(maxsize=8)
def log_of(seed: int) -> Log:
    """A random run's topics with times of recording that are possible: nothing is recorded before what it was made from."""
    made = records_of(logs_of(seed))
    at: dict[tuple[str, int], int] = {}

    def recorded(topic: str, offset: int) -> int:
        if (topic, offset) not in at:
            inputs = _inputs(made[topic][offset])
            before = [recorded(topic, offset - 1)] if offset else [CLOCK_MS]
            at[topic, offset] = 1 + max(before + [recorded(t, o - 1) for t, o in inputs.items() if o])
        return at[topic, offset]

    for topic, records in made.items():
        for record in records:
            recorded(topic, record.offset)
    return {topic: [replace(r, timestamp_ms=at[topic, r.offset]) for r in records] for topic, records in made.items()}


def _inputs(record: Record) -> dict[str, int]:
    return dict(orjson.loads(record.headers.get(h.INPUTS, "{}")))


def asof_of(log: Log) -> AsOf:
    ledger, decisions, results = CompactLedger(), Decisions(), Results()
    meters, workload = Meters(GRID.max_jump_ms), Workload(GRID.max_jump_ms)
    for record in log[topics.LEDGER]:
        ledger.add(record)
    for record in log[topics.CALIBRATION]:
        decisions.take(record.timestamp_ms, record.message())
    for record in log[topics.RESULTS]:
        results.take(record.timestamp_ms, record.message())
    for record in log[topics.POWER]:
        meters.take(record.timestamp_ms, record.offset, record.message())
    for record in log[topics.WORKLOAD]:
        workload.take(record.timestamp_ms, record.message())
    meters.sort()
    return AsOf(GRID, ledger, decisions, results, meters, workload)


@lru_cache(maxsize=8)
def asof(seed: int) -> AsOf:
    return asof_of(log_of(seed))


def moments(log: Log) -> list[int]:
    return sorted({r.timestamp_ms for records in log.values() for r in records})


def some_question(seed: int, rng: Random) -> tuple[str, int]:
    known, windows = moments(log_of(seed)), asof(seed).results.windows
    effective_ms = rng.randrange(windows[0].start_ms - GRID_MS, windows[-1].end_ms + GRID.publish_every_ms)
    return times.iso(rng.choice(known)), effective_ms


QUESTIONS = given(st.sampled_from(SEEDS), st.randoms(use_true_random=False))
FEW = settings(max_examples=60, deadline=None)


@FEW
@QUESTIONS
def test_what_was_shown_is_what_is_true_of_a_log_that_ended_then(seed: int, rng: Random) -> None:
    """The law of as-of: later records change nothing of what was known."""
    believed, effective_ms = some_question(seed, rng)
    then_ms = times.parse(believed)
    cut = {topic: [r for r in records if r.timestamp_ms <= then_ms] for topic, records in log_of(seed).items()}
    shown = asof(seed).ask(believed, effective_ms).shown
    alone = asof_of(cut).ask(believed, effective_ms)
    assert alone.shown == alone.true
    assert shown == alone.true


@FEW
@QUESTIONS
def test_at_the_end_what_is_shown_is_true(seed: int, rng: Random) -> None:
    _, effective_ms = some_question(seed, rng)
    answer = asof(seed).ask(times.iso(moments(log_of(seed))[-1]), effective_ms)
    assert answer.shown == answer.true
    assert answer.changed == []


@FEW
@QUESTIONS
def test_whoever_knows_later_knows_no_less(seed: int, rng: Random) -> None:
    believed, effective_ms = some_question(seed, rng)
    first = asof(seed).ask(believed, effective_ms)
    later = asof(seed).ask(times.iso(times.parse(believed) + rng.randrange(50)), effective_ms)
    assert first.true == later.true
    for a, b in ((first.shown, later.shown), (later.shown, later.true)):
        assert a.event is None or a.event == b.event
        assert a.window is None or a.window == b.window
        assert a.accuracy.decisions <= b.accuracy.decisions
        assert a.progress.ledger_offset <= b.progress.ledger_offset
        assert (a.progress.power_watermark_ms or 0) <= (b.progress.power_watermark_ms or 0)


@FEW
@QUESTIONS
def test_the_event_in_force_is_the_one_that_topology_show_names(seed: int, rng: Random) -> None:
    believed, effective_ms = some_question(seed, rng)
    event = asof(seed).ask(believed, effective_ms).shown.event
    try:
        found = history_at(log_of(seed), times.parse(believed)).at(effective_ms).entry.event
    except BadInput:
        assert event is None
    else:
        assert event is not None
        assert event.event == found


def history_at(log: Log, then_ms: int) -> History:
    known = {topic: [r for r in records if r.timestamp_ms <= then_ms] for topic, records in log.items()}
    pins: dict[int, int] = {}
    for record in known[topics.CALIBRATION]:
        if isinstance(message := record.message(), DecisionRecorded):
            pins.setdefault(message.decision.instant_ms, message.pin)
    said = (record.message() for record in known[topics.RESULTS])
    first_ms = next((m.result.window_start_ms for m in said if isinstance(m, ResultRecorded)), None)
    written = [
        Written(r.offset, None, m if isinstance(m := r.message(), TopologyEvent) else None, r.timestamp_ms) for r in known[topics.LEDGER]
    ]
    return History(written, Pins(pins, GRID.publish_every_ms, first_ms))


@pytest.mark.parametrize("seed", SEEDS)
def test_every_simulated_window_used_the_event_in_force(seed: int) -> None:
    now = times.iso(moments(log_of(seed))[-1])
    for window in asof(seed).results.windows:
        true = asof(seed).ask(now, window.start_ms).true
        assert true.event is not None
        assert true.window == window
        assert true.event.event.id == window.topology_event


@pytest.mark.parametrize("seed", SEEDS)
def test_without_a_time_it_is_about_the_newest_window_then_at_its_end(seed: int) -> None:
    results = asof(seed).results
    for row in (0, len(results.windows) // 2, len(results.windows) - 1):
        believed_ms = recorded_ms(seed, results.windows[row].start_ms)
        newest = results.windows[results.count(results.timeline.rows_by(believed_ms)) - 1]
        answer = asof(seed).ask(times.iso(believed_ms))
        assert answer.effective_ms == newest.end_ms
        assert answer.shown.window == newest
        if newest.error is None:
            assert answer.shown.simulated is not None
            assert answer.shown.simulated.time_ms == newest.end_ms


def recorded_ms(seed: int, window_ms: int) -> int:
    """When the first result of a window was recorded."""
    said = ((r.timestamp_ms, r.message()) for r in log_of(seed)[topics.RESULTS])
    return next(at for at, m in said if isinstance(m, ResultRecorded) and m.result.window_start_ms == window_ms)


@pytest.mark.parametrize("seed", SEEDS)
def test_an_offset_or_an_id_is_the_moment_right_after_that_record(seed: int) -> None:
    ledger = asof(seed).ledger.log
    for row, event_id in enumerate(ledger.ids):
        answer = asof(seed).ask(str(ledger.offsets[row]), asof(seed).results.windows[0].start_ms)
        assert answer.believed_ms == ledger.timestamp_ms[row]
        assert answer.shown.progress.ledger_offset == ledger.offsets[row] + 1
        if event_id and ledger.ids.index(event_id) == row:
            assert asof(seed).ask(event_id[:16], asof(seed).results.windows[0].start_ms) == answer


def test_measured_power_is_the_newest_sample_that_was_known() -> None:
    seed = SEEDS[0]
    meters, log = asof(seed).meters, log_of(seed)[topics.POWER]
    known = sorted({s.time_ms for _, _, s in meters._samples})
    assert known
    for then_ms in (log[len(log) // 3].timestamp_ms, log[-1].timestamp_ms):
        rows = bisect_right([r.timestamp_ms for r in log], then_ms)
        there = {s.time_ms for _, row, s in meters._samples if row < rows}
        for time_ms in known:
            found = meters.power(time_ms, rows, None)
            newest = max((t for t in there if t <= time_ms), default=None)
            assert (found[0] if found else None) == newest or newest is None


def test_nothing_is_known_before_the_first_record() -> None:
    with pytest.raises(BadInput, match=f"nothing was recorded .* expected a time from {times.iso(CLOCK_MS + 1)} on"):
        asof(SEEDS[0]).ask(times.iso(CLOCK_MS))


def test_before_the_first_window_a_time_is_needed() -> None:
    first = recorded_ms(SEEDS[0], asof(SEEDS[0]).results.windows[0].start_ms)
    with pytest.raises(BadInput, match="nothing was simulated"):
        asof(SEEDS[0]).ask(times.iso(first - 1))
    shown = asof(SEEDS[0]).ask(times.iso(first - 1), asof(SEEDS[0]).results.windows[0].start_ms).shown
    assert isinstance(shown, Belief)
    assert (shown.event, shown.window, shown.undecided) == (None, None, "nothing is simulated yet")


def test_evidence_on_disk_and_a_snapshot_of_its_ledger_give_the_same_answers(tmp_path: Path) -> None:
    seed = SEEDS[0]
    evidence = write_evidence(tmp_path / "evidence", log_of(seed))
    part = CompactLedger()
    for record in log_of(seed)[topics.LEDGER][:4]:
        part.add(record)
    save(part, tmp_path / "snapshot")
    rng = Random(1)
    for ledger in (None, load(tmp_path / "snapshot")):
        read = AsOf.of(evidence, ledger)
        for _ in range(20):
            question = some_question(seed, rng)
            assert read.ask(*question).document() == asof(seed).ask(*question).document()
