"""Digests: no two records share one, and every part has its own."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st

from opendt_streams.audit.sealing.digests import PARTS, SEGMENT, Log, RecordSeal, seal_of
from opendt_streams.audit.sealing.manifest import partition_of
from opendt_streams.wire.record import Record

BLOB = st.one_of(st.none(), st.binary(max_size=12))
RECORDS = st.builds(
    Record,
    topic=st.sampled_from(["a", "ab", "dc.workload"]),
    partition=st.integers(0, 3),
    offset=st.integers(0, 2**40),
    key=BLOB,
    value=BLOB,
    raw_headers=st.lists(st.tuples(st.text(max_size=4), BLOB), max_size=3).map(tuple),
    timestamp_ms=st.integers(-1, 2**45),
)
RECORD = Record("dc.power", 0, 5, b"dc", b"value", (("a", b"1"), ("b", None)), 1_700_000_000_000)


def test_the_form_is_the_one_that_the_documentation_tells() -> None:
    def number(n: int) -> bytes:
        return n.to_bytes(8, "big", signed=True)

    form = number(8) + b"dc.power" + number(0) + number(5) + number(1_700_000_000_000)
    form += number(2) + b"dc" + number(2) + number(1) + b"a" + number(1) + b"1" + number(1) + b"b" + number(-1) + number(5) + b"value"
    assert seal_of(RECORD).digest == hashlib.sha256(form).digest()


@given(RECORDS, RECORDS)
def test_different_records_have_different_digests(a: Record, b: Record) -> None:
    assert (seal_of(a).digest == seal_of(b).digest) == (a == b)


@given(RECORDS, RECORDS, st.sampled_from(PARTS))
def test_a_change_of_one_part_changes_its_digest_and_no_other(a: Record, b: Record, part: str) -> None:
    field = {"timestamp": "timestamp_ms", "headers": "raw_headers"}.get(part, part)
    assume(getattr(a, field) != getattr(b, field))
    before, after = seal_of(a).parts, seal_of(replace(a, **{field: getattr(b, field)})).parts
    assert before is not None
    assert after is not None
    assert [name for name, x, y in zip(PARTS, before, after, strict=True) if x != y] == [part]


def test_nothing_is_not_empty_and_order_of_headers_counts() -> None:
    variants = [
        RECORD,
        replace(RECORD, key=b""),
        replace(RECORD, key=None),
        replace(RECORD, value=b""),
        replace(RECORD, value=None),
        replace(RECORD, raw_headers=(("b", None), ("a", b"1"))),
        replace(RECORD, raw_headers=(("a", b"1"), ("b", b""))),
        replace(RECORD, raw_headers=(("a", b"1"), ("a", b"1"), ("b", None))),
    ]
    assert len({seal_of(r).digest for r in variants}) == len(variants)


def rows(offsets: list[int]) -> list[RecordSeal]:
    return [seal_of(replace(RECORD, offset=offset, timestamp_ms=offset % 7)) for offset in offsets]


def test_a_partition_says_what_is_there_and_what_is_missing() -> None:
    entry = partition_of(Log("dc.power", 0, 3, 20, rows([4, 5, 6, 9, 12, 13])))
    assert (entry.count, entry.first_offset, entry.last_offset) == (6, 4, 13)
    assert entry.gaps == [(3, 3), (7, 8), (10, 11), (14, 19)]
    assert list(entry.offsets()) == [4, 5, 6, 9, 12, 13]
    assert (entry.first_timestamp_ms, entry.last_timestamp_ms) == (2, 6)


def test_an_empty_partition() -> None:
    entry = partition_of(Log("dc.power", 0, 0, 0, []))
    assert (entry.count, entry.first_offset, entry.gaps, entry.segments, entry.root) == (0, None, [], [], "0" * 64)


def test_segments_chain_through_the_partition() -> None:
    log = Log("dc.power", 0, 0, 2 * SEGMENT + 1, rows(list(range(2 * SEGMENT + 1))))
    entry = partition_of(log)
    assert [(s.first_offset, s.last_offset, s.count) for s in entry.segments] == [(0, 999, 1000), (1000, 1999, 1000), (2000, 2000, 1)]
    link = bytes(32)
    for row in log.rows:
        link = hashlib.sha256(link + row.digest).digest()
    assert entry.root == entry.segments[-1].root == link.hex()
    assert partition_of(Log("dc.power", 0, 0, SEGMENT, log.rows[:SEGMENT])).root == entry.segments[0].root
