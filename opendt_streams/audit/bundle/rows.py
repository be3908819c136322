"""Reading a topic's Parquet file that may have been damaged or altered, as far as it can be read."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from opendt_streams.audit.evidence import RECORDS, UNREADABLE, DamagedEvidence, first_line, records_of
from opendt_streams.wire.record import Record

_PATIENCE_S: Final = 120.0
_MOST_ROW_GROUP_BYTES: Final = 2**34  # 1,000 records of the largest size that Kafka takes here are 10 GiB


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Rows `first` to `first + count - 1` of the file cannot be read; `field` names the column where only one is at fault."""

    first: int
    count: int
    field: str | None
    reason: str


def rows(path: Path, topic: str, partition: int, most: int) -> Iterator[Record | Unreadable]:
    """The records of a file in its order, at most so many, and what cannot be read in their place.

    Raises:
        DamagedEvidence: nothing of the file can be read.
    """
    try:
        with pq.ParquetFile(path) as file:
            _require_columns(file)
            first = 0
            for group in range(file.metadata.num_row_groups):
                if first >= most:
                    return
                count = file.metadata.row_group(group).num_rows
                yield from _group(file, group, topic, partition, first)
                first += count
    except UNREADABLE as error:
        raise DamagedEvidence(f"not readable: {first_line(error)}", where=path.name) from None


def _require_columns(file: pq.ParquetFile) -> None:
    names = file.schema_arrow.names
    if sorted(names) != sorted(RECORDS.names):
        raise DamagedEvidence(f"the columns are {', '.join(map(repr, names))}", expected=", ".join(RECORDS.names))


def _group(file: pq.ParquetFile, group: int, topic: str, partition: int, first: int) -> Iterator[Record | Unreadable]:
    about = file.metadata.row_group(group)
    if about.total_byte_size > _MOST_ROW_GROUP_BYTES:
        yield Unreadable(first, about.num_rows, None, f"it claims to hold {about.total_byte_size} bytes")
        return
    try:
        records = list(records_of(_columns(file, group, RECORDS), topic, partition))
    except UNREADABLE as error:
        yield Unreadable(first, about.num_rows, _at_fault(file, group), first_line(error))
    else:
        yield from records


def _columns(file: pq.ParquetFile, group: int, schema: pa.Schema) -> dict[str, list[Any]]:
    """The columns of a row group as Python values; another program may have written them as other types of the same meaning."""
    table = file.read_row_group(group, columns=schema.names).select(schema.names).cast(schema)
    table.validate(full=True)
    columns: dict[str, list[Any]] = table.to_pydict()
    for field in schema:
        if not field.nullable and None in columns[field.name]:
            raise DamagedEvidence("there are rows without it", where=field.name)
    return columns


def _at_fault(file: pq.ParquetFile, group: int) -> str | None:
    bad = []
    for field in RECORDS:
        try:
            _columns(file, group, pa.schema([field]))
        except UNREADABLE:
            bad.append(field.name)
    return bad[0].removesuffix("_ms") if len(bad) == 1 else None


def probed(path: Path) -> str | None:
    """What happens to a process that reads the file: None if it can, else in words.

    A library that parses a damaged file may end its process, or never come back. That shall not happen to whoever audits.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", __name__, str(path)], capture_output=True, text=True, timeout=_PATIENCE_S, check=False
        )
    except subprocess.TimeoutExpired:
        return f"reading it did not end within {_PATIENCE_S:g} s"
    if done.returncode == 0:
        return None
    return f"reading it ended the process that did so (exit code {done.returncode})"


def _probe(path: Path) -> None:
    """Read all of a Parquet file, whatever it is of. An error is an answer, the end of the process is none."""
    try:
        with pq.ParquetFile(path) as file:
            for group in range(file.metadata.num_row_groups):
                _try_group(file, group)
    except UNREADABLE:
        return


def _try_group(file: pq.ParquetFile, group: int) -> None:
    for name in file.schema_arrow.names:
        try:
            file.read_row_group(group, columns=[name]).to_pydict()
        except UNREADABLE:
            continue


if __name__ == "__main__":
    _probe(Path(sys.argv[1]))
