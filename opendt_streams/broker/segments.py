"""Whether the files of an embedded log are as Kafka wrote them, without starting it: a Kafka that was killed cuts off, at its next start,
everything from the first damaged batch on, and with it what an audit is to look at.

Every byte of a segment file is covered: most by the batch's own checksum (CRC-32C), the rest of its header by what it must be: offsets
and lengths go on without a gap, the format is 2, the leader's epoch is the one that Kafka's checkpoint names for the offset.
(Kafka documentation, "Message Format: Record Batch".)
"""

from __future__ import annotations

import mmap
import struct
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiokafka.record.util import calc_crc32c

from opendt_streams.broker.properties import LOG_FOLDER

# Base offset, length after this field, leader's epoch, format, checksum, attributes, last offset relative to the base.
_HEADER: Final = struct.Struct(">qiibIhi")
_AFTER_LENGTH: Final = 12
_CHECKED_FROM: Final = 21
_SMALLEST: Final = 61  # bytes of a batch without records
_FORMAT: Final = 2
_EPOCHS: Final = "leader-epoch-checkpoint"
_CLEAN: Final = ".kafka_cleanshutdown"


@dataclass(frozen=True, slots=True)
class DamagedBatch:
    """A batch at byte `at` of `file`. Its records begin at `offset`; `last` is None where it cannot be told how many they are."""

    file: Path
    at: int
    offset: int
    last: int | None
    what: str


@dataclass(frozen=True, slots=True)
class _Batch:
    size: int
    last: int


@dataclass(frozen=True, slots=True)
class _Fault:
    """`begun`: as far as the bytes go they may be the beginning of a sound batch."""

    what: str
    begun: bool = False


def damaged_batches(kafka_folder: Path, topic: str, partition: int, *, live: bool) -> Iterator[DamagedBatch]:
    """The first damage of each segment file of a partition.

    A batch of which only the beginning is there is no damage at the end of a file that is being written, or was when Kafka was killed.
    """
    folder = kafka_folder / LOG_FOLDER / f"{topic}-{partition}"
    torn = live or not (kafka_folder / LOG_FOLDER / _CLEAN).exists()
    files = sorted(folder.glob("*.log"))
    epochs, expected = _epochs(folder / _EPOCHS), None
    for path in files:
        base = int(path.stem)
        if expected is not None and base != expected:
            yield DamagedBatch(path, 0, expected, None, f"the segment begins at offset {base}; the one before it ends before {expected}")
        expected = base
        for found in _batches(path, base, epochs, may_be_torn=torn and path == files[-1]):
            if isinstance(found, DamagedBatch):
                yield found
            else:
                expected = found.last + 1


def _batches(path: Path, base: int, epochs: list[tuple[int, int]], *, may_be_torn: bool) -> Iterator[_Batch | DamagedBatch]:
    size = path.stat().st_size
    if size == 0:
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as raw:
        at, offset = 0, base
        while at < size:
            found = _batch(raw, at, offset, epochs)
            if isinstance(found, _Fault):
                if not (may_be_torn and found.begun and not _goes_on(raw, at + 1, offset)):
                    yield DamagedBatch(path, at, offset, _last(raw, at, offset), found.what)
                return
            yield found
            at, offset = at + found.size, found.last + 1


def _batch(raw: mmap.mmap, at: int, offset: int, epochs: list[tuple[int, int]]) -> _Batch | _Fault:
    """The batch at a byte, or what is wrong with it."""
    left = len(raw) - at
    if left < _SMALLEST:
        return _Fault(f"{left} bytes are no batch", begun=True)
    base, length, epoch, magic, crc, _, last = _HEADER.unpack_from(raw, at)
    size = length + _AFTER_LENGTH
    if magic != _FORMAT:
        return _Fault(f"its format is {magic}; expected {_FORMAT}")
    if not _SMALLEST <= size <= left:
        whole = calc_crc32c(raw[at + _CHECKED_FROM :]) == crc
        return _Fault(f"it claims to be {size} bytes long, of which {left} are there", begun=size > left and not whole)
    if calc_crc32c(raw[at + _CHECKED_FROM : at + size]) != crc:
        return _Fault("its checksum does not fit its bytes")
    if base != offset or last < 0:
        return _Fault(f"it claims to begin at offset {base}")
    if epochs and epoch != (known := epochs[bisect_right(epochs, (base, 2**31)) - 1][1]):
        return _Fault(f"it claims to be of the leader's epoch {epoch}; the checkpoint says {known}")
    return _Batch(size, base + last)


def _goes_on(raw: mmap.mmap, begin: int, offset: int) -> bool:
    """Whether a sound batch of later records follows somewhere: then what comes before it was written in full, and is damaged."""
    high = offset.to_bytes(8, "big")[:4]
    at = raw.find(high, begin)
    while at >= 0:
        if len(raw) - at >= _SMALLEST:
            base, length, _, magic, crc, _, _ = _HEADER.unpack_from(raw, at)
            size = length + _AFTER_LENGTH
            plausible = magic == _FORMAT and base > offset and _SMALLEST <= size <= len(raw) - at
            if plausible and calc_crc32c(raw[at + _CHECKED_FROM : at + size]) == crc:
                return True
        at = raw.find(high, at + 1)
    return False


def _last(raw: mmap.mmap, at: int, offset: int) -> int | None:
    """The last offset of a damaged batch, if a batch that fits follows it at once."""
    if len(raw) - at < _SMALLEST:
        return None
    _, length, _, _, _, _, last = _HEADER.unpack_from(raw, at)
    after = at + length + _AFTER_LENGTH
    if after == len(raw):
        return offset + last if 0 <= last < len(raw) else None
    if not at < after <= len(raw) - _SMALLEST:
        return None
    following = int(_HEADER.unpack_from(raw, after)[0])
    return following - 1 if following > offset else None


def _epochs(path: Path) -> list[tuple[int, int]]:
    """(first offset, leader's epoch) in ascending order; nothing where the checkpoint is missing or cannot be understood."""
    try:
        lines = path.read_text(encoding="ascii").splitlines()[2:]
        pairs = sorted((int(offset), int(epoch)) for epoch, offset in (line.split() for line in lines))
    except (OSError, ValueError):
        return []
    return pairs if pairs and pairs[0][0] == 0 else []
