"""Which snapshot is the physical topology (PROTOCOL 5.3)."""

from __future__ import annotations

from opendt_streams.model.canonical import sha256_hex
from opendt_streams.twin.intake import Naming
from opendt_streams.twin.physical import Physical
from opendt_streams.wire import topics
from opendt_streams.wire.decode import decode
from opendt_streams.wire.messages import Invalid, Snapshot
from tests.unit.twin import said
from tests.unit.twin.said import T0

ONE, TWO = (said.snapshot(T0, said.topology(hosts)) for hosts in (1, 2))
BROKEN = said.snapshot(T0, said.topology(0))


def after(*values: bytes) -> Physical:
    physical = Physical()
    for offset, value in enumerate(values):
        message = decode(topics.PHYSICAL, value, {})
        assert isinstance(message, Snapshot | Invalid)
        physical.read(offset, message)
    return physical


def named(time_ms: int, value: bytes | None) -> Naming:
    return Naming(time_ms, None if value is None else sha256_hex(value))


def hosts(snapshot: Snapshot | None) -> int | None:
    return None if snapshot is None else snapshot.topology.host_count


def test_the_newest_heartbeat_at_or_before_the_instant_names_it() -> None:
    physical, names = after(ONE, TWO), [named(1, ONE), named(5, TWO)]
    assert [hosts(physical.at(t, names)) for t in (0, 1, 4, 5, 9)] == [None, 1, 1, 2, 2]


def test_an_invalid_snapshot_counts_as_read_and_changes_nothing() -> None:
    physical, names = after(ONE, BROKEN), [named(1, ONE), named(5, BROKEN)]
    assert physical.knows(sha256_hex(BROKEN))
    assert hosts(physical.at(9, names)) == 1


def test_the_first_baseline_is_the_first_valid_named_snapshot() -> None:
    physical = after(TWO, BROKEN, ONE)
    assert hosts(physical.initial([named(1, BROKEN), named(5, ONE), named(6, TWO)])) == 1


def test_without_names_the_first_baseline_is_the_first_valid_of_the_topic_and_later_the_newest() -> None:
    physical = after(BROKEN, ONE, TWO)
    assert hosts(physical.initial([])) == 1
    assert hosts(physical.initial([named(1, None)])) == 1
    assert hosts(physical.at(1, [named(1, None)])) == 2


def test_without_names_carbon_is_that_of_the_first_snapshot() -> None:
    physical = after(ONE, TWO)
    assert hosts(physical.carbon_source(1, [named(1, None)])) == 1
    assert hosts(physical.carbon_source(1, [named(1, TWO)])) == 2
    assert hosts(physical.carbon_source(0, [named(1, TWO)])) == 2


def test_only_named_and_invalid_snapshots_mean_that_there_is_never_a_topology() -> None:
    physical = after(BROKEN)
    assert physical.all_invalid([named(1, BROKEN)])
    assert not physical.all_invalid([])
    assert not physical.all_invalid([named(1, BROKEN), named(2, None)])
    assert not after(BROKEN, ONE).all_invalid([named(1, BROKEN), named(2, ONE)])


def test_equal_content_in_other_bytes_is_kept_once_at_its_first_offset() -> None:
    again = said.snapshot(T0 + 1000, said.topology(1))
    physical = after(ONE, again)
    assert [read.offset for read in physical.contents.values()] == [0]
    assert hosts(physical.at(2, [named(2, again)])) == 1


def test_names_that_no_later_instant_can_ask_for_are_forgotten() -> None:
    physical = after(ONE, TWO, BROKEN)
    names = [named(1, ONE), named(2, TWO), named(3, BROKEN), named(9, ONE)]
    assert physical.still_needed(names, 5) == [named(2, TWO), named(9, ONE)]
