"""A folded ledger as one file, so that a long one need not be verified again: bound by digests to the log that it was folded from.

A Parquet file with a row per record. Its metadata hold `log`, the digest of what was folded (offsets, timestamps, values), and `content`,
which covers that and everything worked out from it. Loading checks both; whoever has the log at hand checks it against that too.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from opendt_streams.errors import BadInput
from opendt_streams.model.canonical import canonical
from opendt_streams.topology.compact import ACCEPTED, REPEATED, CompactLedger

FORMAT: Final = 1
_SCHEMA: Final = pa.schema(
    [
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("timestamp_ms", pa.int64(), nullable=False),
        pa.field("value", pa.binary(), nullable=False),
        pa.field("id", pa.string(), nullable=False),
        pa.field("type", pa.string()),
        pa.field("recorded", pa.string()),
        pa.field("verdict", pa.uint8(), nullable=False),
        pa.field("detail", pa.string()),
        pa.field("branch", pa.string()),  # of accepted events
    ]
)
_ROW_GROUP: Final = 20_000
_UNREADABLE: Final = (pa.ArrowException, OSError, ValueError, KeyError, TypeError)


def save(ledger: CompactLedger, path: Path) -> None:
    """Write what was folded so far. Equal ledgers give equal bytes."""
    rows = range(len(ledger))
    branch_of = {row: branch for branch, accepted in ledger.branches.items() for row in accepted}
    columns: dict[str, Any] = {
        "offset": ledger.log.offsets.tolist(),
        "timestamp_ms": ledger.log.timestamp_ms.tolist(),
        "value": ledger.values,
        "id": ledger.log.ids,
        "type": [ledger.types.get(row) for row in rows],
        "recorded": ledger.recorded,
        "verdict": list(ledger.verdicts),
        "detail": [ledger.details.get(row) for row in rows],
        "branch": [branch_of.get(row) for row in rows],
    }
    log, content = _digests(columns)
    table = pa.table([pa.array(columns[f.name], f.type) for f in _SCHEMA], schema=_SCHEMA)
    table = table.replace_schema_metadata({"format": str(FORMAT), "log": log, "content": content})
    pq.write_table(
        table,
        path,
        version="2.6",
        compression="zstd",
        use_dictionary=["type", "verdict", "branch"],
        row_group_size=_ROW_GROUP,
        write_statistics=False,
    )


def load(path: Path) -> CompactLedger:
    """The ledger as it was folded, to go on with.

    Raises:
        BadInput: the file is none of ours, of another format, or not what was written.
    """
    try:
        with pq.ParquetFile(path) as file:
            said = {k.decode(): v.decode() for k, v in (file.schema_arrow.metadata or {}).items()}
            columns: dict[str, Any] = {name: [] for name in _SCHEMA.names}
            for group in range(file.num_row_groups):
                rows = file.read_row_group(group)
                for name, column in columns.items():
                    column += rows[name].to_pylist()
    except _UNREADABLE as error:
        raise BadInput(f"no snapshot of a ledger: {str(error).splitlines()[0]}", where=str(path)) from None
    if said.get("format") != str(FORMAT):
        raise BadInput(f"a snapshot of format {said.get('format')}", expected=f"format {FORMAT}", where=str(path))
    if (said.get("log"), said.get("content")) != _digests(columns):
        raise BadInput("the snapshot is not what was written", expected="the digests that it names", where=str(path), hint="Delete it.")
    return _ledger(columns)


def require_of_log(ledger: CompactLedger, log: Iterable[tuple[int, int, bytes]]) -> None:
    """Compare with the log, as (offset, timestamp in ms, value) of at least as many records.

    Raises:
        BadInput: names the first offset at which the ledger is not of this log.
    """
    own = zip(ledger.log.offsets, ledger.log.timestamp_ms, ledger.values, strict=True)
    there = iter(log)
    for mine in own:
        if next(there, None) != mine:
            raise BadInput(f"the snapshot is of another log: offset {mine[0]} is not the same", hint="Delete it.")


def _ledger(columns: dict[str, Any]) -> CompactLedger:
    ledger = CompactLedger()
    for offset, timestamp_ms, event_id in zip(columns["offset"], columns["timestamp_ms"], columns["id"], strict=True):
        ledger.log.append(offset, timestamp_ms, event_id)
    ledger.values, ledger.recorded, ledger.verdicts = columns["value"], columns["recorded"], bytearray(columns["verdict"])
    ledger.types = {row: text for row, text in enumerate(columns["type"]) if text is not None}
    ledger.details = {row: text for row, text in enumerate(columns["detail"]) if text is not None}
    ledger.first = {columns["id"][row]: row for row, verdict in enumerate(ledger.verdicts) if verdict < REPEATED}
    for row, branch in enumerate(columns["branch"]):
        if branch is not None and ledger.verdicts[row] == ACCEPTED:
            ledger.branches.setdefault(branch, array("q")).append(row)
    for branch, accepted in ledger.branches.items():
        if accepted:
            event = ledger.event(accepted[-1])
            number = ledger.reader.numbers.number(canonical(event.topology), event.topology)
            ledger.set_head(branch, event.id, number)
    return ledger


def _digests(columns: dict[str, Any]) -> tuple[str, str]:
    """(log, content) in hexadecimal."""
    log = hashlib.sha256()
    for name in ("offset", "timestamp_ms"):
        log.update(array("q", columns[name]).tobytes())
    _texts(log, columns["value"])
    content = log.copy()
    content.update(bytes(columns["verdict"]))
    for name in ("id", "type", "recorded", "detail", "branch"):
        _texts(content, [b"\0" if text is None else text.encode() for text in columns[name]])
    return log.hexdigest(), content.hexdigest()


def _texts(total: Any, texts: list[bytes]) -> None:
    """Lengths first, so that no two lists give the same bytes."""
    total.update(array("q", map(len, texts)).tobytes())
    for text in texts:
        total.update(text)
