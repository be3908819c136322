from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opendt_streams.calibration.features import group_features, rows_of
from opendt_streams.calibration.projection import Vector
from opendt_streams.calibration.references import references
from opendt_streams.model.basis import basis_power_w
from opendt_streams.model.result import GroupBasis
from opendt_streams.model.topology import Cluster, Topology
from tests.unit.calibration.site import START_MS, WINDOW_MS, group, simulated

GROUPS = (group("x", 20), group("y", 7, idle_w=100, max_w=400, cores=32))
TOPOLOGY = Topology((Cluster("A", GROUPS),))
factors = st.tuples(st.floats(0.6, 2.4), st.floats(0, 0.6), st.floats(0.4, 1.35)).map(lambda t: tuple(round(x, 6) for x in t))


def basis(index: int, loads: list[dict[float, int]]) -> GroupBasis:
    g = GROUPS[index]
    demand = tuple(tuple(sorted(load)) for load in loads)
    hosts = tuple(tuple(load[d] for d in sorted(load)) for load in loads)
    return GroupBasis(0, index, g.count, g.cores, g.capacity_mhz, demand, hosts, (), ())


def loads(rows: int) -> st.SearchStrategy[list[dict[float, int]]]:
    demand = st.floats(0.000001, 80_000).map(lambda x: round(x, 6))
    return st.lists(st.dictionaries(demand, st.integers(1, 2), max_size=3), min_size=rows, max_size=rows)


def test_busy_and_utilised_hosts_by_hand() -> None:
    # 8 cores of 2000 MHz: 1000 MHz is half a core; 4000 MHz two cores; 99999 MHz more than there is
    busy, utilised = group_features(basis(0, [{}, {1000.0: 2}, {1000.0: 1, 4000.0: 3, 99_999.0: 1}]))
    assert busy.tolist() == [0, 1, 4.5]
    assert utilised.tolist() == pytest.approx([0, 2 / 16, 1 / 16 + 3 / 4 + 1])


@given(loads(3), loads(3), factors)
def test_factors_predict_what_their_power_models_draw(x: list[dict[float, int]], y: list[dict[float, int]], f: Vector) -> None:
    bases = (basis(0, x), basis(1, y))
    known = references(TOPOLOGY, {}, None)
    rows = rows_of([simulated(START_MS, bases, TOPOLOGY)], TOPOLOGY, known)
    drawn = sum(basis_power_w(b, known[0, b.group].model(f)) for b in bases)
    assert rows.predicted_w(f) == pytest.approx(np.asarray(drawn), abs=1e-3)
    assert rows.in_force_w == pytest.approx(rows.published_w, abs=1e-3)


def test_failed_windows_have_no_rows() -> None:
    good = simulated(START_MS, (basis(0, [{}]), basis(1, [{}])), TOPOLOGY)
    failed = replace(good, error="too large", row_ms=(), total=None, basis=())
    known = references(TOPOLOGY, {}, None)
    assert rows_of([failed, good, failed], TOPOLOGY, known).time_ms.tolist() == list(good.row_ms)
    nothing = rows_of([failed], TOPOLOGY, known).at(np.array([-1, -1]))
    assert not nothing.comparable.any()
    assert np.isnan(nothing.published_w).all()


def test_rows_of_other_hardware_are_published_but_not_comparable() -> None:
    old = Topology((Cluster("A", (replace(GROUPS[0], cpu_count=2), GROUPS[1])),))
    before = simulated(START_MS, (replace(basis(0, [{}]), cores=16, capacity_mhz=32_000.0), basis(1, [{}])), old)
    after = simulated(START_MS + WINDOW_MS, (basis(0, [{}]), basis(1, [{}])), TOPOLOGY)
    rows = rows_of([before, after], TOPOLOGY, references(TOPOLOGY, {}, None))
    assert rows.comparable.tolist() == [False, True]
    assert (rows.published_w > 0).all()


def test_more_hosts_of_the_same_kind_are_comparable() -> None:
    larger = replace(basis(0, [{}]), hosts=25)
    rows = rows_of([simulated(START_MS, (larger, basis(1, [{}])), TOPOLOGY)], TOPOLOGY, references(TOPOLOGY, {}, None))
    assert rows.comparable.all()
    assert rows.datasheet_w[0, 0] == 25 * 40 + 7 * 100
