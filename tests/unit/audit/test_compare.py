"""Matching records with their seals: whatever was done to a log, equal logs are equal and others are not."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from opendt_streams.audit.finding import Finding
from opendt_streams.audit.sealing.compare import differences
from opendt_streams.audit.sealing.digests import RecordSeal, sealed
from opendt_streams.wire.record import Record


def record(offset: int, value: int) -> Record:
    return Record("t", 0, offset, b"dc", b"%d" % value, (), 1_000 + value)


def found(before: list[Record], after: list[Record]) -> list[Finding]:
    return differences("t", 0, sealed(before), sealed(after))


LOGS = st.lists(st.integers(0, 5), max_size=8).map(lambda values: [record(i, v) for i, v in enumerate(values)])


@given(LOGS, st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5)), max_size=8))
def test_there_is_a_difference_exactly_where_the_logs_differ(before: list[Record], after: list[tuple[int, int]]) -> None:
    now = [record(o, v) for o, v in after]
    assert bool(found(before, now)) == (before != now)
    assert found(before, before) == []


@given(LOGS, LOGS)
def test_without_the_seals_of_parts_too(before: list[Record], after: list[Record]) -> None:
    def bare(rows: list[RecordSeal]) -> list[RecordSeal]:
        return [replace(row, digest=row.digest[:4], parts=None) for row in rows]

    assert bool(differences("t", 0, bare(sealed(before)), bare(sealed(after)))) == (before != after)


LONG = [record(i, 100 + i) for i in range(20)]


def told(after: list[Record]) -> list[tuple[str, str | None, str]]:
    return [(f.where, f.field, f.what) for f in found(LONG, after)]


def test_what_was_removed_in_one_go_is_one_finding() -> None:
    assert told(LONG[:5] + LONG[9:]) == [("t|0|5", "offset", "records from offset 5 to 8, which were sealed, are missing")]


def test_a_gap_that_was_closed_is_told_from_what_was_removed() -> None:
    closed = [replace(r, offset=i) for i, r in enumerate(LONG[:5] + LONG[6:])]
    assert told(closed) == [
        ("t|0|5", "offset", "the record that was sealed at this offset is missing"),
        ("t|0|6", "offset", "renumbered: 14 records from the one sealed at offset 6 on have offsets -1"),
    ]


def test_swapped_records_are_named_both() -> None:
    swapped = [replace(LONG[9], offset=3) if r.offset == 3 else replace(LONG[3], offset=9) if r.offset == 9 else r for r in LONG]
    assert told(swapped) == [
        ("t|0|3", "offset", "the records sealed at offsets 3 and 9 are swapped"),
        ("t|0|9", "offset", "the records sealed at offsets 9 and 3 are swapped"),
    ]


def test_a_value_that_came_from_another_record_is_traced() -> None:
    after = [replace(r, value=LONG[7].value) if r.offset == 3 else r for r in LONG]
    assert told(after) == [
        ("t|0|3", "value", "the value of this record is not what was sealed; the value is the one that was sealed at offset 7")
    ]


def test_several_fields_are_named() -> None:
    after = [replace(r, key=None, raw_headers=(("a", b""),)) if r.offset == 3 else r for r in LONG]
    assert told(after) == [("t|0|3", "key, headers", "the key and headers of this record are not what was sealed")]
