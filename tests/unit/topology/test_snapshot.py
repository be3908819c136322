"""A ledger from its snapshot is the ledger, and a snapshot that is anything else is refused."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from opendt_streams.errors import BadInput
from opendt_streams.topology.compact import CompactLedger
from opendt_streams.topology.snapshot import load, require_of_log, save
from opendt_streams.wire.record import Record
from tests.unit.topology.records import some_log

LENGTH = 60


def folded(log: list[Record]) -> CompactLedger:
    ledger = CompactLedger()
    for record in log:
        ledger.add(record)
    return ledger


def said(ledger: CompactLedger) -> object:
    rows = range(len(ledger))
    heads = [[ledger.head(row, branch) for row in rows] for branch in sorted(ledger.branches)]
    return ledger.heads(), [ledger.verdict(row) for row in rows], ledger.values, ledger.recorded, ledger.first, heads, ledger.log.offsets


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("cut", [0, 1, 25, LENGTH])
def test_folding_on_from_a_snapshot_is_folding(tmp_path: Path, seed: int, cut: int) -> None:
    log = some_log(Random(seed), LENGTH)
    save(folded(log[:cut]), tmp_path / "snapshot")
    ledger = load(tmp_path / "snapshot")
    for record in log[cut:]:
        ledger.add(record)
    assert said(ledger) == said(folded(log))


def test_equal_ledgers_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save(folded(some_log(Random(3), LENGTH)), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("column", ["offset", "timestamp_ms", "value", "id", "recorded", "verdict", "detail", "branch"])
def test_one_altered_value_is_found(tmp_path: Path, column: str) -> None:
    path = tmp_path / "snapshot"
    save(folded(some_log(Random(3), LENGTH)), path)
    table = pq.read_table(path)
    values = table[column].to_pylist()
    at = next(i for i, v in enumerate(values) if v not in (None, b"", ""))
    values[at] = values[at] + 1 if isinstance(values[at], int) else values[at] + values[at][:1]
    field = table.schema.field(column)
    pq.write_table(table.set_column(table.schema.names.index(column), field, pa.array(values, field.type)), path)
    with pytest.raises(BadInput, match="not what was written"):
        load(path)


def test_what_is_no_snapshot_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    pq.write_table(pa.table({"offset": [1]}), tmp_path / "table")
    with pytest.raises(BadInput, match="no snapshot"):
        load(tmp_path / "missing")
    for name in ("text", "table"):
        with pytest.raises(BadInput):
            load(tmp_path / name)


def test_a_snapshot_of_another_log_is_refused_with_the_offset() -> None:
    log = some_log(Random(3), LENGTH)
    rows = [(r.offset, r.timestamp_ms, r.value or b"") for r in log]
    ledger = folded(log[:40])
    require_of_log(ledger, rows)
    with pytest.raises(BadInput, match="offset 39 "):
        require_of_log(ledger, rows[:39])
    with pytest.raises(BadInput, match="offset 7 "):
        require_of_log(ledger, [*rows[:7], (7, rows[7][1] + 1, rows[7][2]), *rows[8:]])
