"""What OpenDC wrote about power, as rows of the twin's grid.

The final row is written while the last task ends, mostly off the grid, and a row of its instant may show what is after it
(opendc-semantics sections 10 and 14.5). So only ticks before the end of the run count: of them there is exactly one row each, and the
energy of each is that of a whole interval.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from opendt_streams.engine.port import ClusterRows
from opendt_streams.model.task import Float64, Int64

_VALUES: Final = ("power_draw", "energy_usage", "carbon_intensity", "carbon_emission")
_COLUMNS: Final = ("timestamp", "timestamp_absolute", "cluster_name", *_VALUES)


class Unreadable(ValueError):
    """The file is not what a finished run writes; the text says why."""


@dataclass(frozen=True, slots=True, eq=False)
class PowerRows:
    """Element i of a column is about the tick at origin_ms + (i + 1) x interval_ms, up to `until_ms`."""

    origin_ms: int
    interval_ms: int
    until_ms: int
    clusters: Mapping[str, ClusterRows]

    def between(self, after_ms: int, until_ms: int) -> tuple[ClusterRows, ...]:
        """The rows in (after, until], by cluster in topology order."""
        which = slice((after_ms - self.origin_ms) // self.interval_ms, (until_ms - self.origin_ms) // self.interval_ms)
        return tuple(
            ClusterRows(c.name, c.power_w[which], c.energy_j[which], c.carbon_intensity_g_per_kwh[which], c.carbon_g[which])
            for c in self.clusters.values()
        )


def read_power(path: Path, origin_ms: int, interval_ms: int, clusters: Sequence[str]) -> PowerRows:
    """The rows of `powerSource.parquet`. `clusters`: their names as OpenDC makes them unique, in topology order.

    Raises:
        Unreadable: the file is missing, cut off, or not about these clusters on this grid.
    """
    table = _read(path)
    time_ms = table["timestamp"]
    if not len(time_ms):
        raise Unreadable("no rows")
    if (table["timestamp_absolute"] - time_ms != origin_ms).any():
        raise Unreadable(f"time 0 is {int(table['timestamp_absolute'][0] - time_ms[0])}, not {origin_ms}")
    ticks = (int(time_ms.max()) - 1) // interval_ms
    return PowerRows(
        origin_ms, interval_ms, origin_ms + ticks * interval_ms, {name: _cluster(table, name, ticks, interval_ms) for name in clusters}
    )


def unreadable(path: Path, error: Exception) -> Unreadable:
    """In one line, and without the folder, which is another one each time."""
    return Unreadable(f"{path.name} cannot be read: {str(error).splitlines()[0].replace(str(path), path.name).rstrip('.')}")


def as_exported(rows: ClusterRows) -> ClusterRows:
    """Numbers of ours with the precision in which OpenDC writes its own."""
    columns = (rows.power_w, rows.energy_j, rows.carbon_intensity_g_per_kwh, rows.carbon_g)
    return ClusterRows(rows.name, *(c.astype(np.float32).astype(np.float64) for c in columns))


def _read(path: Path) -> Mapping[str, Any]:
    try:
        found = pq.read_table(path, columns=list(_COLUMNS))
    except (pa.ArrowException, OSError) as error:
        raise unreadable(path, error) from None
    missing = sorted(set(_COLUMNS) - set(found.column_names))
    if missing:
        raise Unreadable(f"{path.name} has no column {missing[0]}")
    table = {name: np.array(found[name]) for name in _COLUMNS}
    numbers: dict[str, Int64 | Float64] = {name: table[name].astype(np.float64) for name in _VALUES}
    for name, values in numbers.items():
        if not np.isfinite(values).all():
            raise Unreadable(f"a {name} is not finite")
    return table | numbers


def _cluster(table: Mapping[str, Any], name: str, ticks: int, interval_ms: int) -> ClusterRows:
    time_ms: Int64 = table["timestamp"]
    mine = np.flatnonzero((table["cluster_name"] == name) & (time_ms % interval_ms == 0) & (time_ms <= ticks * interval_ms))
    mine = mine[np.argsort(time_ms[mine], kind="stable")]
    if not np.array_equal(time_ms[mine], np.arange(1, ticks + 1) * interval_ms):
        raise Unreadable(f"cluster {name} has {len(mine)} rows on the grid, not {ticks}")
    return ClusterRows(name, *(table[column][mine] for column in _VALUES))
