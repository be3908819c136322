"""dc.power: what a decision may use of it, rule by rule of PROTOCOL 6 (instants every 6 s, max_jump 30 s)."""

from __future__ import annotations

from opendt_streams.model import times
from opendt_streams.twin.telemetry import Prefix, Telemetry
from opendt_streams.wire import topics
from opendt_streams.wire.decode import decode
from opendt_streams.wire.messages import ResumePoint
from tests.unit.twin import said
from tests.unit.twin.said import END, T0, S
from tests.unit.twin.scenario import GRID

P1, P2 = T0 + 6 * S, T0 + 12 * S


def power(*samples: tuple[float, float], cluster: str | None = None) -> bytes:
    return said.power([(T0 + int(s * S), w) for s, w in samples], cluster)


def beat(second: float) -> bytes:
    return said.heartbeat(T0 + int(second * S))


def silence(instant_ms: int) -> bytes:
    return said.encode(message_type="silence", instant=times.iso(instant_ms))


def feed(telemetry: Telemetry, *values: bytes, first_offset: int = 0) -> dict[int, str]:
    """Reads messages; what was refused."""
    dead = {}
    for offset, value in enumerate(values, start=first_offset):
        if (reason := telemetry.put(offset, decode(topics.POWER, value, {}))) is not None:
            dead[offset] = reason
    return dead


def after(*values: bytes) -> Telemetry:
    telemetry = Telemetry(GRID.max_jump_ms)
    feed(telemetry, *values)
    return telemetry


def seconds(prefix: Prefix | None) -> list[float] | None:
    assert prefix is not None
    return None if prefix.samples is None else [(s.time_ms - T0) / S for s in prefix.samples]


def test_an_instant_is_not_reached_before_a_message_reaches_it() -> None:
    assert after(power((5, 1.0)), beat(5.999)).until(P1, None) is None


def test_a_sample_at_the_instant_reaches_it_and_belongs_to_it() -> None:
    prefix = after(power((1, 1.0)), power((6, 2.0), (7, 3.0))).until(P1, None)
    assert seconds(prefix) == [1, 6]
    assert prefix is not None
    assert (prefix.power, prefix.fresh) == (1, 2)


def test_what_comes_after_the_reaching_message_is_not_used_even_if_it_is_older() -> None:
    assert seconds(after(power((1, 1.0)), beat(6), power((2, 2.0))).until(P1, None)) == [1]


def test_the_first_instant_uses_all_samples_until_it_the_others_those_since_the_previous() -> None:
    telemetry = after(power((-100, 1.0), (6, 2.0)), power((7, 3.0)), power((3, 9.0), (12, 4.0)))
    assert seconds(telemetry.until(P1, None)) == [-100, 6]
    assert seconds(telemetry.until(P2, P1)) == [7, 12]


def test_of_a_time_and_meter_the_first_sample_counts_and_the_others_as_late() -> None:
    telemetry = after(power((1, 1.0), (1, 2.0)), power((1, 3.0), cluster="C"), beat(6))
    prefix = telemetry.until(P1, None)
    assert prefix is not None
    assert prefix.samples is not None
    assert [(s.power_w, s.meter.cluster) for s in prefix.samples] == [(1.0, None), (3.0, "C")]
    assert prefix.late == 1


def test_late_samples_are_counted_once_although_the_reaching_message_is_read_again() -> None:
    telemetry = after(power((5, 1.0), (6, 2.0), (6, 2.0), (7, 3.0)), power((4, 9.0), (12, 5.0)))
    first = telemetry.until(P1, None)
    assert first is not None
    assert first.late == 1
    telemetry.adopt(first.resume(results=3))
    second = telemetry.until(P2, P1)
    assert seconds(second) == [7, 12]
    assert second is not None
    assert second.late == 1  # the sample of second 4; those of offset 0 were counted with the first instant


def test_the_end_reaches_every_instant() -> None:
    telemetry = after(power((1, 1.0)), END)
    assert seconds(telemetry.until(P1, None)) == [1]
    assert seconds(telemetry.until(P2, P1)) == []


def test_silence_that_precedes_the_reaching_message_says_no_telemetry() -> None:
    prefix = after(power((1, 1.0)), silence(P1), beat(6)).until(P1, None)
    assert prefix is not None
    assert prefix.samples is None
    assert (prefix.power, prefix.fresh) == (1, 2)


def test_silence_behind_the_reaching_message_or_for_another_instant_means_nothing() -> None:
    assert seconds(after(power((1, 1.0)), silence(P2), beat(6), silence(P1)).until(P1, None)) == [1]


def test_silence_moves_no_watermark_and_breaks_no_row_of_refused_messages() -> None:
    telemetry = Telemetry(GRID.max_jump_ms)
    assert list(feed(telemetry, beat(0), silence(P2), beat(31), silence(P2), beat(32))) == [2]
    assert telemetry.read.time_ms == T0 + 32 * S


def test_a_jump_is_judged_by_the_newest_sample() -> None:
    telemetry = Telemetry(GRID.max_jump_ms)
    dead = feed(telemetry, beat(0), power((1, 1.0), (31, 1.0)))
    assert "ahead of the watermark 2022-10-06T22:00:00Z" in dead[1]
    assert telemetry.until(P1, None) is None


def test_after_the_end_everything_is_dead_but_a_second_end_and_silence() -> None:
    assert list(feed(Telemetry(GRID.max_jump_ms), END, power((1, 1.0)), beat(1), END, silence(P1))) == [1, 2]


def test_a_decision_forgets_what_it_used_but_not_the_message_that_reached_it() -> None:
    telemetry = after(power((1, 1.0)), power((6, 1.0), (7, 2.0)), power((8, 1.0)))
    prefix = telemetry.until(P1, None)
    assert prefix is not None
    telemetry.adopt(prefix.resume(results=3))
    assert [e.offset for e in telemetry.entries] == [1, 2]


def test_a_restart_from_the_resume_point_goes_on_as_if_nothing_had_happened() -> None:
    values = [power((1, 1.0)), beat(40), power((6, 2.0), (7, 3.0)), power((3, 9.0)), beat(50), beat(51), power((4, 4.0)), END, beat(52)]
    calm = Telemetry(GRID.max_jump_ms)
    dead = feed(calm, *values)
    prefix = calm.until(P1, None)
    assert prefix is not None
    resume = prefix.resume(results=3)
    restarted = Telemetry(GRID.max_jump_ms)
    restarted.restart(resume)
    dead_again = feed(restarted, *values[resume.power :], first_offset=resume.power)
    assert dead_again == {o: r for o, r in dead.items() if o >= resume.power}
    calm.adopt(resume)
    assert restarted.until(P2, P1) == calm.until(P2, P1)
    assert restarted.read == calm.read


def test_a_restart_behind_the_end_still_knows_that_it_ended() -> None:
    """Decisions of the drain and of method `off` resume from wherever reading stands."""
    telemetry = after(power((1, 1.0)), END)
    resume = telemetry.here(next_offset=2).resume(results=3)
    restarted = Telemetry(GRID.max_jump_ms)
    restarted.restart(resume)
    assert list(feed(restarted, beat(9), first_offset=2)) == [2]


def test_a_restart_remembers_that_the_message_before_was_refused() -> None:
    telemetry = Telemetry(GRID.max_jump_ms)
    assert list(feed(telemetry, beat(0), beat(31))) == [1]
    restarted = Telemetry(GRID.max_jump_ms)
    restarted.restart(telemetry.here(next_offset=2).resume(results=0))
    assert feed(restarted, beat(32), first_offset=2) == {}


def test_entries_below_the_resume_point_are_read_but_not_kept() -> None:
    """Replay adopts the decision first and reads dc.power from its start."""
    telemetry = Telemetry(GRID.max_jump_ms)
    telemetry.adopt(ResumePoint(power=1, fresh=2, watermark_ms=T0 + S, refused_ms=None, results=3))
    feed(telemetry, power((1, 1.0)), power((6, 1.0)))
    assert [e.offset for e in telemetry.entries] == [1]
    assert telemetry.read.time_ms == P1
