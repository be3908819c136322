"""consumption.parquet: what the datacenter's meters said."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from opendt_streams.model.power import WHOLE_DATACENTER, Meter
from opendt_streams.model.task import Float64, Int64
from opendt_streams.model.times import DAY, iso
from opendt_streams.workload.columns import Table
from opendt_streams.workload.findings import Findings

CONSUMPTION: Final = "consumption.parquet"
CLUSTER: Final = "cluster"
HOST_GROUP: Final = "host_group"
_LONGEST_MS: Final = 20 * 366 * DAY  # beyond this, "milliseconds since start" is a mistake for milliseconds since 1970


@dataclass(frozen=True, slots=True, eq=False)
class PowerSeries:
    """Samples in time order: time_ms (n,) since the epoch, power_w (n,) in watts, meter (n,) as index into `meters`. Read-only."""

    time_ms: Int64
    power_w: Float64
    meter: Int64
    meters: tuple[Meter, ...] = (WHOLE_DATACENTER,)

    def __post_init__(self) -> None:
        for column in (self.time_ms, self.power_w, self.meter):
            column.flags.writeable = False

    def __len__(self) -> int:
        return len(self.time_ms)


def load_power(directory: Path, start_ms: int, findings: Findings) -> PowerSeries | None:
    """The samples, or None where there is no file or it holds none.

    An integer `timestamp` counts milliseconds from `start_ms` (the earliest submission plus workload.yaml's offset);
    a column of timestamp type is absolute. Columns `cluster` and `host_group`, where there are any, say what a sample's meter measures;
    in a row in which both are null it is the whole datacenter.
    """
    path = directory / CONSUMPTION
    table = Table.open(path, findings) if path.exists() else None
    if table is None:
        return None
    moments = table.instants("timestamp") if table.is_timestamp("timestamp") else _relative(table, start_ms, findings)
    watts = table.numbers("power_draw")
    read = _meters(table)
    if moments is None or watts is None or read is None:
        return None
    if not len(moments):
        findings.warning(CONSUMPTION, "there are no samples", "samples, or no such file")
        return None
    return _in_order(PowerSeries(moments, watts, *read), findings)


def _meters(table: Table) -> tuple[Int64, tuple[Meter, ...]] | None:
    """(index per row, meters in the order of their names), None where a column is wrong."""
    count = table.row_count
    none: list[str | None] = [None] * count
    clusters, groups = (table.texts(name) if table.has(name) else none for name in (CLUSTER, HOST_GROUP))
    if clusters is None or groups is None:
        return None
    if clusters is none and groups is none:
        return np.zeros(count, dtype=np.int64), (WHOLE_DATACENTER,)
    named = list(zip(clusters, groups, strict=True))
    meters = sorted(set(named), key=lambda m: (m[0] or "", m[1] or ""))
    index = {meter: i for i, meter in enumerate(meters)}
    rows = np.fromiter((index[meter] for meter in named), dtype=np.int64, count=count)
    return rows, tuple(Meter(*meter) for meter in meters)


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


def _in_order(said: PowerSeries, findings: Findings) -> PowerSeries:
    """By time, then meter."""
    moments = said.time_ms
    steps = np.diff(moments)
    if (steps < 0).any():
        row = int((steps < 0).argmax()) + 1
        what = f"the time goes back to {iso(int(moments[row]))}"
        findings.warning(CONSUMPTION, what, "samples in time order", row=row, column="timestamp", hint="They are read in time order.")
    order = np.lexsort((said.meter, moments))
    moments, watts, meter = moments[order], said.power_w[order], said.meter[order]
    repeated = np.flatnonzero((np.diff(moments) == 0) & (np.diff(meter) == 0))
    if len(repeated):
        what = f"{len(repeated)} samples have the time of the one before; the first is that of {iso(int(moments[repeated[0]]))}"
        expected = "one sample per instant" if len(said.meters) == 1 else "one sample per instant and meter"
        findings.warning(CONSUMPTION, what, expected, column="timestamp", hint="The twin uses the first of an instant.")
    return PowerSeries(moments, watts, meter, said.meters)
