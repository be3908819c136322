"""The twinning log on disk.

    twinlog/parts/<table>/<interval start>.parquet          one per table and publication interval, never rewritten
    twinlog/parts/<table>/<interval start>.partial.parquet  what there was of an interval when the run was interrupted
    twinlog/recorder.json                                   from where the recorder goes on, written after the parts it counts
    twinlog/<table>.parquet                                 all parts of a table in one file, made by `merge`
    twinlog/complete                                        everything up to the ends of the topics is written

Killed between any two file operations it leaves a readable log: at worst parts are written again, with the same bytes.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from opendt_streams.errors import HistoryGone
from opendt_streams.model import times
from opendt_streams.model.canonical import JSON
from opendt_streams.twinlog.files import Files
from opendt_streams.twinlog.part import Part
from opendt_streams.twinlog.schemas import TABLES

CHECKPOINT: Final = "recorder.json"
TWINLOG: Final = "twinlog"
_COMPLETE: Final = "complete"
_PARTS: Final = "parts"
_PARTIAL: Final = ".partial.parquet"
_ROW_GROUP: Final = 65_536  # rows


class TwinLog:
    """The folder `twinlog/` of one run and datacenter."""

    def __init__(self, folder: Path, files: Files | None = None) -> None:
        self.folder, self._files = folder, files or Files()

    def checkpoint(self) -> dict[str, Any] | None:
        """What was stored last; None in a new folder."""
        try:
            stored: dict[str, Any] = orjson.loads((self.folder / CHECKPOINT).read_bytes())
        except FileNotFoundError:
            return None
        return stored

    @property
    def complete(self) -> bool:
        return (self.folder / _COMPLETE).exists()

    def mark_complete(self) -> None:
        """Say that nothing is still to come. Of a run without a single window there is no folder yet."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / _COMPLETE).touch()

    def store(self, parts: Iterable[Part], checkpoint: Mapping[str, JSON] | None = None) -> None:
        """Write parts, then the checkpoint that counts them. Unfinished parts of an earlier call are superseded by this one.

        Raises:
            HistoryGone: a finished part is there already, with other rows.
        """
        written = self.write_parts(parts)
        if checkpoint is not None:
            self._files.write(self.folder / CHECKPOINT, orjson.dumps(checkpoint, option=orjson.OPT_INDENT_2))
        for old in sorted((self.folder / _PARTS).glob(f"*/*{_PARTIAL}")):
            if old not in written:
                self._files.remove(old)

    def write_parts(self, parts: Iterable[Part]) -> set[Path]:
        """Write parts only: for whoever would read the topics from their start again anyway."""
        return {self._store_part(part) for part in parts}

    def parts(self, table: str) -> list[Path]:
        """The files of a table in order of time."""
        return sorted(p for p in (self.folder / _PARTS / table).glob("*.parquet") if not p.name.startswith("."))

    @staticmethod
    def read(path: Path) -> pa.Table:
        return pq.ParquetFile(path).read()

    def rows(self, table: str) -> pa.Table:
        """All rows of a table, in order."""
        return pa.concat_tables([TABLES[table].empty_table(), *(self.read(path) for path in self.parts(table))])

    def merge(self) -> None:
        """Every table in one file, empty ones too. The parts stay: they are what the run wrote."""
        for table in TABLES:
            self._files.write(self.folder / f"{table}.parquet", parquet_bytes(self.rows(table)))

    def _store_part(self, part: Part) -> Path:
        name = _stamp(part.interval_ms) + (".parquet" if part.finished else _PARTIAL)
        path = self.folder / _PARTS / part.table / name
        content = parquet_bytes(part.rows)
        if part.finished and path.exists():
            if path.read_bytes() != content and not self.read(path).equals(part.rows):  # another pyarrow may write the same rows otherwise
                raise HistoryGone(
                    "this part of the twinning log holds other rows than the topics give now",
                    where=str(path),
                    hint="Parts are never rewritten; move the folder twinlog away to have it made anew from the topics.",
                )
        else:
            self._files.write(path, content)
        return path


def twinlog_folder(run_dir: Path) -> Path:
    return run_dir / TWINLOG


def parquet_bytes(rows: pa.Table) -> bytes:
    """The file of a table: every setting that has a say in the bytes is fixed here, so that equal rows are equal files."""
    sink = io.BytesIO()
    pq.write_table(
        rows.replace_schema_metadata(None).combine_chunks(),
        sink,
        version="2.6",
        data_page_version="1.0",
        compression="zstd",
        compression_level=3,
        row_group_size=_ROW_GROUP,
        use_dictionary=True,
        write_statistics=True,
    )
    return sink.getvalue()


def _stamp(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / times.SECOND, tz=UTC).strftime("%Y%m%dT%H%M%SZ")
