"""seals.parquet: the digest of every record and of its parts, so that a changed record can be named, and which part of it was changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from opendt_streams.audit.evidence import UNREADABLE, DamagedEvidence, first_line
from opendt_streams.audit.sealing.digests import PART_BYTES, PARTS, SEGMENT, RecordSeal

SCHEMA: Final = pa.schema(
    [
        pa.field("topic", pa.string(), nullable=False),
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("timestamp_ms", pa.int64(), nullable=False),
        pa.field("digest", pa.binary(32), nullable=False),
        *(pa.field(part, pa.binary(PART_BYTES), nullable=False) for part in (f"{name}_digest" for name in PARTS)),
    ]
)
_BATCH: Final = 50 * SEGMENT

Seals = dict[str, list[RecordSeal]]
"""By topic, in the order of the log."""


def write_seals(path: Path, logs: Mapping[str, Sequence[RecordSeal]]) -> None:
    """Equal seals give equal bytes."""
    with pq.ParquetWriter(
        path, SCHEMA, version="2.6", data_page_version="1.0", compression="zstd", compression_level=3, use_dictionary=["topic"]
    ) as file:
        for topic, rows in logs.items():
            for first in range(0, len(rows), _BATCH):
                file.write_table(_table(topic, rows[first : first + _BATCH]))


def _table(topic: str, rows: Sequence[RecordSeal]) -> pa.Table:
    parts: Iterable[Sequence[bytes]] = zip(*(row.parts or () for row in rows), strict=True)
    columns = [
        [topic] * len(rows),
        [row.offset for row in rows],
        [row.timestamp_ms for row in rows],
        [row.digest for row in rows],
        *parts,
    ]
    return pa.table([pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)], schema=SCHEMA)


def read_seals(path: Path) -> Seals:
    """The seals of a file that may have been altered: whoever asks compares them with the manifest.

    Raises:
        DamagedEvidence: it is missing, or no file of seals any more.
    """
    seals: Seals = {}
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(_BATCH):
                columns = pa.Table.from_batches([batch]).cast(SCHEMA).to_pydict()
                for topic, offset, timestamp_ms, digest, *parts in zip(*columns.values(), strict=True):
                    seals.setdefault(topic, []).append(RecordSeal(offset, timestamp_ms, digest, tuple(parts)))
    except UNREADABLE as error:
        raise DamagedEvidence(f"not readable: {first_line(error)}", where=path.name) from None
    return seals
