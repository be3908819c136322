"""What counts as a difference between the tables of both engines, and what as a rest of OpenDC's sums."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from opendt_streams.engine.opendc.difference import Comparison, compare_folders

ROWS = 2000
VALUES = np.linspace(100.0, 50_000.0, ROWS).astype(np.float32)


def write(folder: Path, **columns: Any) -> Path:
    table = {"timestamp": np.arange(ROWS), "host_name": ["H"] * ROWS, "cpu_demand": VALUES, "tasks_running": np.ones(ROWS, dtype=np.int32)}
    (folder / "raw-output/0/seed=0").mkdir(parents=True)
    pq.write_table(pa.table(table | columns), folder / "raw-output/0/seed=0/host.parquet")
    return folder


def compared(tmp_path: Path, ours: dict[str, Any], theirs: dict[str, Any]) -> Comparison:
    return compare_folders(write(tmp_path / "native", **ours), write(tmp_path / "opendc", **theirs))


def stepped(rows: list[int], steps: int = 1) -> np.ndarray[Any, Any]:
    other = VALUES.copy()
    for _ in range(steps):
        other[rows] = np.nextafter(other[rows], np.float32(np.inf))
    return other


def test_equal_tables(tmp_path: Path) -> None:
    assert compared(tmp_path, {}, {}) == Comparison({"host": ROWS}, None, 0)


@pytest.mark.parametrize("rows", [[7], [0, 700, 1999]])
def test_a_step_of_float32_here_and_there_is_a_rest_of_a_sum(tmp_path: Path, rows: list[int]) -> None:
    assert compared(tmp_path, {}, {"cpu_demand": stepped(rows)}) == Comparison({"host": ROWS}, None, len(rows))


@pytest.mark.parametrize(("rows", "steps"), [([7], 2), (list(range(0, ROWS, 100)), 1)])
def test_two_steps_or_many_of_one_are_a_difference(tmp_path: Path, rows: list[int], steps: int) -> None:
    found = compared(tmp_path, {}, {"cpu_demand": stepped(rows, steps)})
    assert found.difference is not None
    assert (found.difference.column, found.difference.key["timestamp"]) == ("cpu_demand", rows[0])


def test_an_idle_host_may_show_the_rest_of_a_sum(tmp_path: Path) -> None:
    idle, rest = VALUES.copy(), VALUES.copy()
    idle[5], rest[5] = 0.0, -3.5e-10
    assert compared(tmp_path, {"cpu_demand": idle}, {"cpu_demand": rest}).difference is None


def test_an_idle_host_that_draws_nothing_may_draw_the_rest_of_a_sum(tmp_path: Path) -> None:
    idle, rest, watts = VALUES.copy(), VALUES.copy(), VALUES.copy()
    idle[5:50], rest[5:50], watts[5:50] = 0.0, -1.4e-15, 1e-6
    assert compared(tmp_path / "rest", {"power_draw": idle}, {"power_draw": rest}) == Comparison({"host": ROWS}, None, 0)
    assert compared(tmp_path / "watts", {"power_draw": idle}, {"power_draw": watts}).difference is not None


def test_counts_have_no_rests(tmp_path: Path) -> None:
    running = np.ones(ROWS, dtype=np.int32)
    running[9] = 2
    found = compared(tmp_path, {}, {"tasks_running": running})
    assert found.difference is not None
    assert str(found.difference) == "raw-output/0/seed=0 host timestamp=9 host_name=H: tasks_running native 1, opendc 2"


def test_a_missing_row_or_table_is_a_difference(tmp_path: Path) -> None:
    native, opendc = write(tmp_path / "native"), write(tmp_path / "opendc")
    path = opendc / "raw-output/0/seed=0/host.parquet"
    pq.write_table(pq.read_table(path).slice(1), path)
    assert str(compare_folders(native, opendc).difference) == "raw-output/0/seed=0 host: rows native 2000, opendc 1999"
    path.unlink()
    assert str(compare_folders(native, opendc).difference) == "raw-output/0/seed=0 host: rows native there, opendc missing"
