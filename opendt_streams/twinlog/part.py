"""What the recorder hands out: the rows of one table in one publication interval of event time."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Part:
    """`rows` has the table's schema (`schemas.TABLES`) and is never empty.

    A part that is not `finished` holds what there is of an interval that the run did not complete; it may be replaced.
    """

    table: str
    interval_ms: int
    rows: pa.Table
    finished: bool = True
