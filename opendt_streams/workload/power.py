"""consumption.parquet: what the datacenter's meter said."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from opendt_streams.model.task import Float64, Int64
from opendt_streams.model.times import DAY, iso
from opendt_streams.workload.columns import Table
from opendt_streams.workload.findings import Findings

CONSUMPTION: Final = "consumption.parquet"
_LONGEST_MS: Final = 20 * 366 * DAY  # beyond this, "milliseconds since start" is a mistake for milliseconds since 1970


@dataclass(frozen=True, slots=True, eq=False)
class PowerSeries:
    """Samples of the whole datacenter in time order: time_ms (n,) since the epoch, power_w (n,) in watts. Read-only."""

    time_ms: Int64
    power_w: Float64

    def __post_init__(self) -> None:
        self.time_ms.flags.writeable = False
        self.power_w.flags.writeable = False

    def __len__(self) -> int:
        return len(self.time_ms)


def load_power(directory: Path, start_ms: int, findings: Findings) -> PowerSeries | None:
    """The samples, or None where there is no file or it holds none.

    An integer `timestamp` counts milliseconds from `start_ms` (the earliest submission plus workload.yaml's offset);
    a column of timestamp type is absolute.
    """
    path = directory / CONSUMPTION
    table = Table.open(path, findings) if path.exists() else None
    if table is None:
        return None
    moments = table.instants("timestamp") if table.is_timestamp("timestamp") else _relative(table, start_ms, findings)
    watts = table.numbers("power_draw")
    if moments is None or watts is None:
        return None
    if not len(moments):
        findings.warning(CONSUMPTION, "there are no samples", "samples, or no such file")
        return None
    return _in_order(moments, watts, findings)


def _relative(table: Table, start_ms: int, findings: Findings) -> Int64 | None:
    since_start = table.whole_numbers("timestamp", minimum=-_LONGEST_MS)
    if since_start is None:
        return None
    if len(since_start) and int(since_start.max()) > _LONGEST_MS:
        row = int(since_start.argmax())
        findings.error(
            CONSUMPTION,
            f"{since_start[row]} ms is more than 20 years after the start",
            "milliseconds since the earliest submission, or a timestamp column for absolute times",
            row=row,
            column="timestamp",
        )
        return None
    return since_start + start_ms


def _in_order(moments: Int64, watts: Float64, findings: Findings) -> PowerSeries:
    steps = np.diff(moments)
    if (steps < 0).any():
        row = int((steps < 0).argmax()) + 1
        what = f"the time goes back to {iso(int(moments[row]))}"
        findings.warning(CONSUMPTION, what, "samples in time order", row=row, column="timestamp", hint="They are read in time order.")
        order = np.argsort(moments, kind="stable")
        moments, watts = moments[order], watts[order]
    repeated = np.flatnonzero(np.diff(moments) == 0)
    if len(repeated):
        what = f"{len(repeated)} samples have the time of the one before; the first is that of {iso(int(moments[repeated[0]]))}"
        findings.warning(CONSUMPTION, what, "one sample per instant", column="timestamp", hint="The twin uses the first of an instant.")
    return PowerSeries(moments, watts)
