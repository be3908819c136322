from __future__ import annotations

import numpy as np

from opendt_streams.calibration.pairing import datacenter_power, newest_rows
from opendt_streams.model.power import Meter, PowerSample
from opendt_streams.model.topology import Cluster, Topology
from tests.unit.calibration.site import group

TWO = Topology((Cluster("A", (group("x"), group("y"))), Cluster("B", (group("x"),))))


def power(samples: list[PowerSample]) -> list[tuple[int, float]]:
    time_ms, power_w = datacenter_power(samples, TWO)
    return list(zip(time_ms.tolist(), power_w.tolist(), strict=True))


def sample(time_ms: int, power_w: float, cluster: str | None = None, host_group: str | None = None) -> PowerSample:
    return PowerSample(time_ms, power_w, Meter(cluster, host_group))


def test_a_sample_takes_the_row_at_its_instant_else_the_newest_before_it() -> None:
    rows = np.array([100, 130, 160])
    assert newest_rows(rows, np.array([99, 100, 129, 130, 500])).tolist() == [-1, 0, 0, 1, 2]
    assert newest_rows(np.array([], dtype=np.int64), np.array([5]), 30).tolist() == [-1]


def test_a_row_as_old_as_the_distance_of_rows_is_no_pair() -> None:
    assert newest_rows(np.array([100, 130]), np.array([159, 160]), 30).tolist() == [1, -1]


def test_the_meter_of_the_datacenter_speaks_for_itself() -> None:
    assert power([sample(1, 50), sample(1, 3, "A"), sample(2, 4, "A"), sample(2, 5, "B"), sample(3, 51)]) == [(1, 50), (3, 51)]


def test_meters_of_parts_are_summed_where_they_cover_every_host_once() -> None:
    assert power([sample(1, 10, "A"), sample(1, 5, "B")]) == [(1, 15)]
    assert power([sample(1, 10, "A"), sample(1, 99, "A", "x"), sample(1, 5, "B", "x")]) == [(1, 15)]  # the cluster's before its groups'
    assert power([sample(1, 4, "A", "x"), sample(1, 3, "A", "y"), sample(1, 5, "B")]) == [(1, 12)]
    assert power([sample(1, 9, None, "x"), sample(1, 3, None, "y")]) == [(1, 12)]  # a group's name in every cluster


def test_an_instant_with_a_part_missing_has_no_power() -> None:
    assert power([sample(1, 10, "A"), sample(2, 10, "A"), sample(2, 5, "B"), sample(3, 7, "elsewhere")]) == [(2, 15)]
    assert power([]) == []
