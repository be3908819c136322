"""Digests that equal runs share, whatever a kill repeated (PROTOCOL 2.3): of the twin's topics, and of the twinning log.

A topic: for each datacenter, in order of their names, sha256 over its canonical values, one a line, in log order, of each id the
first; then sha256 over "name hexadecimal" lines. That takes no more memory than the ids, however long the topic is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from opendt_streams.model.canonical import canonical
from opendt_streams.model.event import MAIN, TopologyEvent
from opendt_streams.topology.ledger import Ledger, Verdict
from opendt_streams.twinlog import schemas
from opendt_streams.twinlog.writer import TwinLog
from opendt_streams.wire.messages import AlarmRecorded, CalibrationEnded, DecisionRecorded, Message, ResultRecorded, ResultsEnded
from opendt_streams.wire.twin import read_value


class TopicDigest:
    """The digest of sim.results, sim.calibration or sim.topology."""

    def __init__(self) -> None:
        self._datacenters: dict[str, _OfDatacenter] = {}

    def feed(self, datacenter: str, offset: int, value: bytes | None, message: Message) -> None:
        """The next record of the datacenter's partition; `message` is what `decode` made of it. Dead letters do not count."""
        self._datacenters.setdefault(datacenter, _OfDatacenter()).feed(offset, value or b"", message)

    def hexdigest(self) -> str:
        total = hashlib.sha256()
        for name, one in sorted(self._datacenters.items()):
            if one.seen:
                total.update(f"{name} {one.values.hexdigest()}\n".encode())
        return total.hexdigest()


class _OfDatacenter:
    def __init__(self) -> None:
        self.values = hashlib.sha256()
        self.seen: set[str] = set()
        self._ledger = Ledger()

    def feed(self, offset: int, value: bytes, message: Message) -> None:
        if not self._counts(offset, message):
            return
        document = read_value(value)
        identity = str(document.get("id", document.get("message_type")))
        if identity not in self.seen:
            self.seen.add(identity)
            self.values.update(canonical(document) + b"\n")

    def _counts(self, offset: int, message: Message) -> bool:
        match message:
            case TopologyEvent():
                judged = self._ledger.add(offset, message)
                return judged is not None and judged.verdict is Verdict.ACCEPTED and message.branch == MAIN
            case ResultRecorded(result):
                return result.branch == MAIN
            case DecisionRecorded() | AlarmRecorded() | ResultsEnded() | CalibrationEnded():
                return True
            case _:
                return False


# What may differ between runs that are equal: where an event lies among repetitions, and what was rejected.
_NOT_COVERED: Final = {schemas.TOPOLOGY: {"offset", "verdict", "detail"}}


def twinlog_digest(folder: Path) -> str:
    """sha256 over the rows of all parts, table by table in order of time: not over file bytes, nor over how rows are cut into parts."""
    log, total = TwinLog(folder), hashlib.sha256()
    for table in schemas.TABLES:
        names = [name for name in schemas.TABLES[table].names if name not in _NOT_COVERED.get(table, ())]
        total.update(orjson.dumps([table, names]) + b"\n")
        for path in log.parts(table):
            for row in _rows(log.read(path), table, names):
                total.update(orjson.dumps(row) + b"\n")
    return total.hexdigest()


def _rows(rows: pa.Table, table: str, names: list[str]) -> Iterator[tuple[Any, ...]]:
    if table == schemas.TOPOLOGY:
        rows = rows.filter((pc.field("verdict") == Verdict.ACCEPTED.value) & (pc.field("branch") == MAIN))
    columns = [rows[name].cast(pa.int64()) if pa.types.is_timestamp(rows[name].type) else rows[name] for name in names]
    yield from zip(*(column.to_pylist() for column in columns), strict=True)
