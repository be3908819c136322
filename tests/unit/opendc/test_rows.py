"""Which of OpenDC's rows are the twin's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from opendt_streams.engine.opendc.rows import Unreadable, read_power

ORIGIN_MS = 1_665_093_600_000


def written(folder: Path, rows: list[tuple[int, str, float, float]], origin_ms: int = ORIGIN_MS) -> Path:
    """Rows (ms, cluster, power, energy) in this order."""
    path = folder / "powerSource.parquet"
    columns = {
        "timestamp": pa.array([t for t, *_ in rows], pa.int64()),
        "timestamp_absolute": pa.array([t + origin_ms for t, *_ in rows], pa.int64()),
        "cluster_name": pa.array([c for _, c, *_ in rows]),
        "power_draw": pa.array([p for *_, p, _ in rows], pa.float32()),
        "energy_usage": pa.array([e for *_, e in rows], pa.float32()),
        "carbon_intensity": pa.array([0.0] * len(rows), pa.float32()),
        "carbon_emission": pa.array([0.0] * len(rows), pa.float32()),
    }
    pq.write_table(pa.table(columns), path)
    return path


def test_the_final_row_and_its_twin_on_the_same_tick_are_left_out(tmp_path: Path) -> None:
    rows = [(2000, "C", 2.0, 2.0), (1000, "C", 1.0, 1.0), (3000, "C", 3.0, 3.0), (3000, "C", 9.0, 0.0)]
    found = read_power(written(tmp_path, rows), ORIGIN_MS, 1000, ["C"])
    assert found.until_ms == ORIGIN_MS + 2000
    assert found.clusters["C"].power_w.tolist() == [1.0, 2.0]


def test_a_final_row_off_the_grid_adds_to_no_interval(tmp_path: Path) -> None:
    found = read_power(written(tmp_path, [(1000, "C", 1.0, 1.0), (1500, "C", 5.0, 2.5)]), ORIGIN_MS, 1000, ["C"])
    assert (found.until_ms, found.clusters["C"].energy_j.tolist()) == (ORIGIN_MS + 1000, [1.0])


def test_rows_between_two_instants_by_cluster(tmp_path: Path) -> None:
    rows = [(t * 1000, c, t * factor, 1.0) for t in (1, 2, 3, 4) for c, factor in (("B", 10.0), ("A", 1.0))]
    found = read_power(written(tmp_path, rows), ORIGIN_MS, 1000, ["A", "B"])
    part = found.between(ORIGIN_MS + 1000, ORIGIN_MS + 3000)
    assert [(c.name, c.power_w.tolist()) for c in part] == [("A", [2.0, 3.0]), ("B", [20.0, 30.0])]


@pytest.mark.parametrize(
    ("rows", "origin_ms", "clusters", "why"),
    [
        ([], ORIGIN_MS, ["C"], "no rows"),
        ([(1000, "C", 1.0, 1.0), (2000, "C", 1.0, 1.0)], ORIGIN_MS + 1, ["C"], "time 0"),
        ([(1000, "C", 1.0, 1.0), (3500, "C", 1.0, 1.0)], ORIGIN_MS, ["C"], "1 rows on the grid, not 3"),
        ([(1000, "C", 1.0, 1.0), (1500, "C", 1.0, 1.0)], ORIGIN_MS, ["D"], "cluster D has 0 rows"),
        ([(1000, "C", np.nan, 1.0), (1500, "C", 1.0, 1.0)], ORIGIN_MS, ["C"], "power_draw is not finite"),
    ],
)
def test_what_is_not_whole_is_refused(
    rows: list[tuple[int, str, float, float]], origin_ms: int, clusters: list[str], why: str, tmp_path: Path
) -> None:
    path = written(tmp_path, rows, origin_ms)
    with pytest.raises(Unreadable, match=why):
        read_power(path, ORIGIN_MS, 1000, clusters)


@pytest.mark.parametrize("content", [b"PAR1", b"nothing of the kind", b""])
def test_a_file_that_was_cut_off_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "powerSource.parquet"
    path.write_bytes(content)
    with pytest.raises(Unreadable, match="cannot be read"):
        read_power(path, ORIGIN_MS, 1000, ["C"])
    with pytest.raises(Unreadable, match="cannot be read"):
        read_power(tmp_path / "missing.parquet", ORIGIN_MS, 1000, ["C"])
