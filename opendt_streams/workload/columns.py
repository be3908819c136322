"""Columns of a Parquet file as NumPy arrays, each checked for presence, type, nulls and range.

One column at a time and without pandas: SURF's 2.3 million fragments must fit beside a Kafka producer in a few hundred MB.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from opendt_streams.errors import BadInput
from opendt_streams.model import times
from opendt_streams.model.task import Float64, Int64
from opendt_streams.workload.findings import Findings

_ROWS_NAMED: Final = 5  # bad rows reported one by one per column and kind; the others are counted
_ID: Final = re.compile(r"(?:task-)?([0-9]{1,16})")
_LARGEST_ID: Final = 2**53 - 1  # what JSON keeps exact


@dataclass(frozen=True, slots=True)
class Table:
    """One open Parquet file. A method returns None where it reported an error."""

    file: str
    findings: Findings
    _parquet: Any  # pyarrow.parquet.ParquetFile; pyarrow has no type information

    @staticmethod
    def open(path: Path, findings: Findings) -> Table | None:
        try:
            parquet = pq.ParquetFile(path)
            if "id" in parquet.schema_arrow.names:  # ids repeat: as a dictionary, texts take 4 bytes a row
                parquet = pq.ParquetFile(path, read_dictionary=["id"])
        except FileNotFoundError:
            findings.error(path.name, "the file is missing", "a Parquet file")
            return None
        except (pa.ArrowException, OSError) as error:
            findings.error(path.name, f"this is not a readable Parquet file ({_first_line(error)})", "a Parquet file")
            return None
        return Table(path.name, findings, parquet)

    @property
    def row_count(self) -> int:
        return int(self._parquet.metadata.num_rows)

    def has(self, column: str) -> bool:
        return column in self._parquet.schema_arrow.names

    def is_timestamp(self, column: str) -> bool:
        return self.has(column) and bool(pa.types.is_timestamp(self._parquet.schema_arrow.field(column).type))

    def whole_numbers(self, column: str, minimum: int = 0) -> Int64 | None:
        """An integer column of any width, at least `minimum` everywhere."""
        values = self._read(column, pa.types.is_integer, "whole numbers (int64)")
        if values is None:
            return None
        try:
            numbers: Int64 = _as_numpy(values.cast(pa.int64()))
        except pa.ArrowInvalid:
            self.findings.error(self.file, "a value does not fit into int64", "whole numbers below 2^63", column=column)
            return None
        return numbers if self._report_rows(numbers < minimum, numbers, column, f"at least {minimum}") else None

    def numbers(self, column: str) -> Float64 | None:
        """A numeric column, finite and not negative."""
        values = self._read(column, lambda t: pa.types.is_floating(t) or pa.types.is_integer(t), "numbers (double)")
        if values is None:
            return None
        numbers: Float64 = _as_numpy(values.cast(pa.float64(), safe=False))
        return numbers if self._report_rows(~(np.isfinite(numbers) & (numbers >= 0)), numbers, column, "a finite number >= 0") else None

    def instants(self, column: str) -> Int64 | None:
        """Milliseconds since the epoch: a timestamp column of any unit (naive means UTC) or whole milliseconds."""
        values = self._read(
            column, lambda t: pa.types.is_timestamp(t) or pa.types.is_integer(t), "a timestamp, or whole milliseconds since 1970 (int64)"
        )
        if values is None:
            return None
        if pa.types.is_timestamp(values.type):
            # Finer units are cut to the millisecond; the zone is only how the instant is shown.
            values = values.cast(pa.timestamp("ms", tz=values.type.tz), safe=False)
        instants: Int64 = _as_numpy(values.cast(pa.int64()))
        for row in {int(instants.argmin()), int(instants.argmax())} if len(instants) else set():
            try:
                times.parse(int(instants[row]))
            except BadInput as error:
                self.findings.error(self.file, error.what, error.expected, row=row, column=column)
                return None
        return instants

    def ids(self, column: str) -> Int64 | None:
        """Task ids: whole numbers, digits in text, or text like task-123."""
        values = self._read(column, _is_id, 'task ids: whole numbers, or text such as "123" or "task-123"')
        if values is None:
            return None
        if pa.types.is_integer(values.type):
            numbers: Int64 = _as_numpy(values.cast(pa.int64()))
            bad = (numbers < 0) | (numbers > _LARGEST_ID)
            return numbers if self._report_rows(bad, numbers, column, "an id from 0 to 2^53 - 1") else None
        # Chunks may each have a dictionary of their own; only the distinct texts become Python objects.
        encoded = (values if pa.types.is_dictionary(values.type) else values.dictionary_encode()).unify_dictionaries()
        texts = encoded.chunk(0).dictionary.to_pylist() if encoded.num_chunks else []
        known = np.array([_id_of(text) for text in texts], dtype=np.int64)
        codes: Int64 = np.concatenate([np.empty(0, np.int32), *(_as_numpy(chunk.indices) for chunk in encoded.chunks)])
        ids = known[codes]
        return ids if self._report_rows(ids < 0, _Lookup(texts, codes), column, 'digits, such as "123" or "task-123"') else None

    def texts(self, column: str) -> list[str | None] | None:
        """A column of text; null is allowed."""
        values = self._read(column, _is_text, "text", nulls=True)
        return None if values is None else [None if text is None else str(text) for text in values.to_pylist()]

    def _read(self, column: str, fits: Callable[[Any], bool], expected: str, *, nulls: bool = False) -> Any | None:
        if not self.has(column):
            present = ", ".join(self._parquet.schema_arrow.names)
            self.findings.error(self.file, f"the column {column} is missing (there are: {present})", expected, column=column)
            return None
        kind = self._parquet.schema_arrow.field(column).type
        if not fits(kind):
            self.findings.error(self.file, f"the type is {kind}", expected, column=column)
            return None
        try:
            values = self._parquet.read(columns=[column], use_threads=False).column(0)
        except (pa.ArrowException, OSError) as error:
            self.findings.error(self.file, f"the column cannot be read ({_first_line(error)})", "an undamaged file", column=column)
            return None
        if values.null_count and not nulls:
            missing = np.zeros(len(values), dtype=np.bool_)
            missing[_as_numpy(pc.indices_nonzero(values.is_null()))] = True
            self._report_rows(missing, None, column, "no nulls")
            return None
        return values

    def _report_rows(self, bad: NDArray[np.bool_], values: Any, column: str, expected: str) -> bool:
        """Reports the rows that are bad; True if there are none."""
        rows = np.flatnonzero(bad)
        for row in rows[:_ROWS_NAMED]:
            what = "null" if values is None else f"{values[row]!r}" if isinstance(values, _Lookup) else f"{values[row]}"
            self.findings.error(self.file, what, expected, row=int(row), column=column)
        if len(rows) > _ROWS_NAMED:
            self.findings.error(self.file, f"{len(rows) - _ROWS_NAMED} more rows like the ones before", expected, column=column)
        return not len(rows)


@dataclass(frozen=True, slots=True)
class _Lookup:
    texts: Sequence[str | None]
    codes: Int64

    def __getitem__(self, row: int) -> str | None:
        return self.texts[int(self.codes[row])]


def _as_numpy(values: Any) -> NDArray[Any]:
    """An Arrow column without nulls as a read-only view. Arrow's own to_numpy would import pandas: 40 MB in every process that reads."""
    array = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    return np.from_dlpack(array)


def _is_id(kind: Any) -> bool:
    return bool(pa.types.is_integer(kind)) or _is_text(kind)


def _is_text(kind: Any) -> bool:
    value = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(value) or pa.types.is_large_string(value) or pa.types.is_null(value))


def _id_of(text: str | None) -> int:
    match = _ID.fullmatch(text or "")
    number = int(match[1]) if match else -1
    return number if number <= _LARGEST_ID else -1


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0].rstrip(".")
