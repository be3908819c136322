"""What became of a topic's records since they were sealed: changed and in which part, removed, repeated, inserted, swapped, renumbered.

Records are matched in three steps, each with those that the step before left: by their whole digest; by their content under another
offset; by their offset. What is left of the sealed ones was removed, what is left of the found ones was inserted.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, TypeAlias

from opendt_streams.audit.finding import Finding, place
from opendt_streams.audit.sealing.digests import PARTS, RecordSeal

Pair: TypeAlias = tuple[RecordSeal, RecordSeal]
"""A record as it was sealed, and the one that was found in its place."""

_NOT_SEALED: Final = "the record is not the one that was sealed"
_A_RUN: Final = 3  # so many neighbours with offsets moved alike were renumbered; fewer were moved or swapped


@dataclass(frozen=True, slots=True)
class Matched:
    moved: list[Pair]
    changed: list[Pair]
    removed: list[RecordSeal]
    added: list[RecordSeal]


def differences(topic: str, partition: int, sealed: Sequence[RecordSeal], found: Sequence[RecordSeal]) -> list[Finding]:
    """In the order of offsets."""
    of = _Words(topic, partition, sealed)
    matched = _match(sealed, found)
    findings = [*of.changed(matched.changed), *of.removed(matched.removed), *of.added(matched.added), *of.moved(matched.moved)]
    if not matched.moved:
        findings += of.disordered(found)
    return sorted(findings, key=lambda f: int(f.where.rpartition("|")[2]))


def _match(sealed: Sequence[RecordSeal], found: Sequence[RecordSeal]) -> Matched:
    _, sealed, found = _pairs(sealed, found, lambda row: row.digest)
    moved, sealed, found = _pairs(sealed, found, lambda row: row.parts)
    changed, sealed, found = _pairs(sealed, found, lambda row: row.offset)
    unmoved = [pair for pair in moved if not _shift(pair)]  # only their sealed digest is another
    return Matched([pair for pair in moved if _shift(pair)], unmoved + changed, list(sealed), list(found))


def _pairs(
    sealed: Sequence[RecordSeal], found: Sequence[RecordSeal], key: Callable[[RecordSeal], Hashable]
) -> tuple[list[Pair], list[RecordSeal], list[RecordSeal]]:
    """Those of equal key, in order, and what is left of either side. A key of None equals no other."""
    waiting: dict[Hashable, deque[RecordSeal]] = defaultdict(deque)
    for row in sealed:
        if key(row) is not None:
            waiting[key(row)].append(row)
    pairs: list[Pair] = []
    left: list[RecordSeal] = []
    taken: set[int] = set()
    for row in found:
        if queue := waiting.get(key(row)):
            partner = queue.popleft()
            taken.add(id(partner))
            pairs.append((partner, row))
        else:
            left.append(row)
    return pairs, [row for row in sealed if id(row) not in taken], left


class _Words:
    def __init__(self, topic: str, partition: int, sealed: Sequence[RecordSeal]) -> None:
        self._topic, self._partition = topic, partition
        self._by_content = {row.parts: row.offset for row in sealed if row.parts is not None}
        self._by_value = {row.parts[-1]: row.offset for row in sealed if row.parts is not None}

    def _finding(self, offset: int, what: str, field: str | None = None, consequences: int = 0) -> Finding:
        return Finding(place(self._topic, self._partition, offset), what, "tampering", field, consequences)

    def changed(self, pairs: Iterable[Pair]) -> Iterator[Finding]:
        unknown = [was.offset for was, now in pairs if was.parts is None or now.parts is None]
        for first, last in _ranges(unknown):
            what = f"the records from offset {first} to {last} are not those that were sealed" if last > first else _NOT_SEALED
            yield self._finding(first, what, consequences=last - first)
        for was, now in sorted(pairs, key=lambda p: p[0].offset):
            if was.parts is not None and now.parts is not None:
                yield self._changed(was, now, [name for name, a, b in zip(PARTS, was.parts, now.parts, strict=True) if a != b])

    def _changed(self, was: RecordSeal, now: RecordSeal, fields: Sequence[str]) -> Finding:
        if not fields:
            return self._finding(was.offset, "the digest that was sealed for this record is not its digest")
        what = f"the {_and(fields)} of this record {'are' if len(fields) > 1 or fields == ['headers'] else 'is'} not what was sealed"
        if fields == ["timestamp"]:
            what += f": it is {now.timestamp_ms}, sealed was {was.timestamp_ms}"
        elif "value" in fields and now.parts is not None and (other := self._by_value.get(now.parts[-1])) is not None:
            what += f"; the value is the one that was sealed at offset {other}"
        return self._finding(was.offset, what, ", ".join(fields))

    def removed(self, rows: Iterable[RecordSeal]) -> Iterator[Finding]:
        for first, last in _ranges(row.offset for row in rows):
            many = f"records from offset {first} to {last}, which were sealed, are missing" if last > first else ""
            yield self._finding(first, many or "the record that was sealed at this offset is missing", "offset")

    def added(self, rows: Iterable[RecordSeal]) -> Iterator[Finding]:
        for row in rows:
            original = self._by_content.get(row.parts) if row.parts is not None else None
            if original is None:
                yield self._finding(row.offset, "this record was not there when the log was sealed: it was inserted", "offset")
            else:
                yield self._finding(row.offset, f"this record repeats the one that was sealed at offset {original}", "offset")

    def moved(self, pairs: Sequence[Pair]) -> Iterator[Finding]:
        """Runs of neighbours that were moved alike are one finding."""
        run: list[Pair] = []
        place_of = {was.offset: now.offset for was, now in pairs}
        for pair in [*sorted(pairs, key=lambda p: p[0].offset), None]:
            if run and (pair is None or _shift(pair) != _shift(run[-1])):
                yield from self._run(run, place_of)
                run = []
            if pair is not None:
                run.append(pair)

    def _run(self, run: Sequence[Pair], place_of: dict[int, int]) -> Iterator[Finding]:
        was, now = run[0]
        if len(run) >= _A_RUN:
            what = f"renumbered: {len(run)} records from the one sealed at offset {was.offset} on have offsets {_shift(run[0]):+d}"
            yield self._finding(was.offset, what, "offset", len(run) - 1)
            return
        for was, now in run:
            if place_of.get(now.offset) == was.offset:
                yield self._finding(was.offset, f"the records sealed at offsets {was.offset} and {now.offset} are swapped", "offset")
            else:
                yield self._finding(was.offset, f"the record that was sealed at this offset is at offset {now.offset} now", "offset")

    def disordered(self, found: Sequence[RecordSeal]) -> Iterator[Finding]:
        for before, after in pairwise(found):
            if after.offset < before.offset:
                yield self._finding(
                    after.offset, f"out of order: this record comes after offset {before.offset}; rows were swapped", "offset"
                )


def _shift(pair: Pair) -> int:
    return pair[1].offset - pair[0].offset


def _ranges(offsets: Iterable[int]) -> Iterator[tuple[int, int]]:
    """First and last of stretches of neighbours."""
    run: list[int] = []
    for offset in sorted(offsets):
        if run and offset != run[-1] + 1:
            yield run[0], run[-1]
            run = []
        run.append(offset)
    if run:
        yield run[0], run[-1]


def _and(words: Sequence[str]) -> str:
    return " and ".join((", ".join(words[:-1]), words[-1])) if len(words) > 1 else words[0]
