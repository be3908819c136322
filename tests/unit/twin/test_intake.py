"""dc.workload in its order, rule by rule of PROTOCOL 4 (windows of 2 s, max_jump 30 s, dedup horizon 12 s)."""

from __future__ import annotations

from opendt_streams.model.canonical import sha256_hex
from opendt_streams.twin.intake import Counts, Intake
from opendt_streams.wire import topics
from opendt_streams.wire.decode import decode
from tests.unit.twin import said
from tests.unit.twin.said import END, T0, S, heartbeat, task
from tests.unit.twin.scenario import GRID


class Reader:
    """An intake and what it said about each message."""

    def __init__(self) -> None:
        self.intake = Intake(GRID)
        self.known: set[str] = set()
        self.dead: dict[int, str] = {}
        self.offset = 0

    def read(self, *values: bytes) -> Reader:
        for value in values:
            self.intake.put(self.offset, decode(topics.WORKLOAD, value, {}))
            self.offset += 1
            self.take()
        return self

    def take(self) -> None:
        self.dead |= dict(self.intake.take(self.known.__contains__))

    def submitted(self, second: int) -> list[tuple[int, int]]:
        """(task, second) of what enters in the window that starts at a second."""
        return [(s.task.id, (s.at_ms - T0) // S) for s in self.intake.submissions(T0 + second * S)]

    def counts(self, second: int) -> tuple[int, int, int]:
        c = self.intake.counts.get(T0 + second * S, Counts())
        return c.late, c.duplicate, c.empty


def beat(second: float, snapshot: bytes | None = None) -> bytes:
    return heartbeat(T0 + int(second * S), snapshot)


def job(identity: int, second: float, lasts_s: int = 1, *, empty: bool = False) -> bytes:
    return task(identity, T0 + int(second * S), lasts_s * S, empty=empty)


def first_s(reader: Reader) -> int | None:
    first = reader.intake.first_ms
    return None if first is None else (first - T0) // S


# -- where time begins (4.1) -------------------------------------------------------------------------------------------------


def test_time_begins_at_the_first_heartbeat_not_at_a_task() -> None:
    reader = Reader().read(job(1, 9))
    assert first_s(reader) is None
    assert first_s(reader.read(beat(5))) == 4
    assert reader.submitted(8) == [(1, 9)]


def test_an_earlier_task_read_before_the_first_heartbeat_moves_the_first_window() -> None:
    reader = Reader().read(job(1, 1), beat(9))
    assert first_s(reader) == 0
    assert reader.submitted(0) == [(1, 1)]
    assert reader.counts(0) == (0, 0, 0)


def test_a_task_too_far_before_the_first_heartbeat_is_late_in_the_first_window() -> None:
    reader = Reader().read(job(1, 0), beat(31))
    assert first_s(reader) == 30
    assert reader.counts(30) == (1, 0, 0)
    assert reader.submitted(30) == [(1, 30)]


def test_a_task_too_far_ahead_of_the_first_heartbeat_is_dead() -> None:
    reader = Reader().read(job(1, 36), job(2, 35), beat(5))
    assert list(reader.dead) == [0]
    assert "2022-10-06T22:00:36Z" in reader.dead[0]


def test_without_any_heartbeat_the_end_begins_time_at_the_first_task() -> None:
    reader = Reader().read(job(1, 5), job(2, 3), END)
    assert first_s(reader) == 2
    assert reader.intake.ended


def test_an_end_without_anything_begins_no_time() -> None:
    reader = Reader().read(END)
    assert first_s(reader) is None
    assert reader.dead == {}


# -- the watermark (4.2) -----------------------------------------------------------------------------------------------------


def test_a_heartbeat_precedes_tasks_submitted_at_its_time() -> None:
    reader = Reader().read(beat(0), beat(4), job(1, 4))
    assert reader.counts(4) == (0, 0, 0)
    assert reader.submitted(4) == [(1, 4)]


def test_tasks_do_not_move_the_watermark() -> None:
    reader = Reader().read(beat(0), job(1, 20))
    assert reader.intake.watermark.time_ms == T0


def test_an_old_heartbeat_moves_nothing_and_names_nothing() -> None:
    reader = Reader()
    new, old = said.snapshot(T0, said.topology(1)), said.snapshot(T0, said.topology(2))
    reader.known = {naming for m in (new, old) if (naming := sha256_hex(m))}
    reader.read(beat(5, new), beat(4, old), beat(5, old))
    assert [n.snapshot for n in reader.intake.named] == [sha256_hex(new)]


def test_a_heartbeat_far_ahead_is_dead_and_the_next_one_near_it_believed() -> None:
    reader = Reader().read(beat(0), beat(31))
    assert list(reader.dead) == [1]
    assert reader.intake.watermark.time_ms == T0
    reader.read(beat(32))
    assert list(reader.dead) == [1]
    assert reader.intake.watermark.time_ms == T0 + 32 * S


def test_a_broken_message_in_between_is_not_the_message_before() -> None:
    reader = Reader().read(beat(0), beat(31), b"{", beat(32))
    assert list(reader.dead) == [1, 2, 3]


def test_a_task_far_ahead_is_dead() -> None:
    assert list(Reader().read(beat(0), job(1, 31)).dead) == [1]


# -- late, duplicate, empty (4.4) --------------------------------------------------------------------------------------------


def test_a_task_of_a_window_that_was_due_is_late_and_submitted_in_the_open_one() -> None:
    reader = Reader().read(beat(0), beat(5), job(1, 3))
    assert reader.counts(4) == (1, 0, 0)
    assert reader.submitted(4) == [(1, 4)]


def test_a_task_of_the_open_window_before_the_watermark_is_not_late() -> None:
    reader = Reader().read(beat(0), beat(5), job(1, 4))
    assert reader.counts(4) == (0, 0, 0)
    assert reader.submitted(4) == [(1, 4)]


def test_a_task_before_all_time_is_late_in_the_first_window() -> None:
    reader = Reader().read(beat(10), job(1, 3))
    assert reader.counts(10) == (1, 0, 0)
    assert reader.submitted(10) == [(1, 10)]


def test_the_same_task_again_is_skipped_and_counted_where_it_was_read() -> None:
    reader = Reader().read(beat(0), job(1, 1), beat(4), job(1, 1))
    assert reader.counts(4) == (0, 1, 0)
    assert reader.submitted(0) == [(1, 1)]
    assert reader.submitted(4) == []


def test_the_same_id_with_other_content_is_dead() -> None:
    reader = Reader().read(beat(0), job(1, 1), job(1, 1, lasts_s=2))
    assert list(reader.dead) == [2]
    assert "other content" in reader.dead[2]
    assert reader.submitted(0) == [(1, 1)]


def test_beyond_the_horizon_a_task_is_forgotten() -> None:
    reader = Reader().read(beat(0), job(1, 0), beat(12), job(1, 0), beat(13), job(1, 0))
    assert reader.counts(12) == (1, 1, 0)  # at 12 s still a duplicate, at 13 s late and new


def test_a_duplicate_does_not_prolong_the_horizon() -> None:
    reader = Reader().read(beat(0), job(1, 0), beat(10), job(1, 0), beat(13), job(1, 0))
    assert reader.counts(10) == (0, 1, 0)
    assert reader.counts(12) == (1, 0, 0)


def test_a_task_without_fragments_is_counted_and_not_submitted() -> None:
    reader = Reader().read(beat(0), job(1, 1, empty=True), job(1, 1, empty=True))
    assert reader.counts(0) == (0, 1, 1)
    assert reader.submitted(0) == []


def test_tasks_enter_in_order_of_time_and_equal_times_in_order_of_the_log() -> None:
    reader = Reader().read(beat(4), job(3, 5), job(2, 4.5), job(1, 5), job(4, 1))
    assert [i for i, _ in reader.submitted(4)] == [4, 2, 3, 1]


# -- the end (4.6) and snapshots (5.3) ---------------------------------------------------------------------------------------


def test_after_the_end_everything_is_dead_but_a_second_end() -> None:
    reader = Reader().read(beat(0), END, beat(1), job(1, 1), END)
    assert list(reader.dead) == [2, 3]


def test_a_heartbeat_waits_for_its_snapshot_and_everything_behind_it_too() -> None:
    reader, snapshot = Reader(), said.snapshot(T0, said.topology(1))
    reader.read(beat(0), beat(4, snapshot), job(1, 1), END)
    assert reader.intake.watermark.time_ms == T0
    assert len(reader.intake.parked) == 3
    reader.known.add(sha256_hex(snapshot))
    reader.take()
    assert reader.counts(4) == (1, 0, 0)
    assert reader.intake.ended


def test_a_heartbeat_that_is_refused_anyway_waits_for_nothing() -> None:
    snapshot = said.snapshot(T0, said.topology(1))
    assert list(Reader().read(beat(0), beat(31, snapshot)).dead) == [1]
    assert list(Reader().read(beat(0), END, beat(1, snapshot)).dead) == [2]


def test_what_belongs_on_another_topic_is_dead() -> None:
    reader = Reader().read(beat(0), said.power([(T0, 1.0)]))
    assert "unknown message type 'power'" in reader.dead[1]
