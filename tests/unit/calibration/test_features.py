from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opendt_streams.calibration.features import Rows, rows_of
from opendt_streams.calibration.laws import LAWS
from opendt_streams.calibration.projection import Vector
from opendt_streams.calibration.references import references
from opendt_streams.model.basis import basis_power_w
from opendt_streams.model.result import GroupBasis, WindowResult
from opendt_streams.model.topology import Cluster, Topology
from tests.unit.calibration.site import START_MS, WINDOW_MS, group, simulated

GROUPS = (group("x", 20), group("y", 7, idle_w=100, max_w=400, cores=32))
TOPOLOGY = Topology((Cluster("A", GROUPS),))
PLACES = frozenset({(0, 0), (0, 1)})
SHAPES = [law.shape or 1.0 for law in LAWS]


def rows_for(results: list[WindowResult], apart: bool = False) -> Rows:
    which = [list(range(len(LAWS)))] if apart else [[]]
    return rows_of(results, TOPOLOGY, references(TOPOLOGY, {}, {}), LAWS, [PLACES], [SHAPES], which)


factors = st.tuples(st.floats(0.6, 2.4), st.floats(0, 0.6), st.floats(0.4, 1.35)).map(lambda t: tuple(round(x, 6) for x in t))


def basis(index: int, loads: list[dict[float, int]]) -> GroupBasis:
    g = GROUPS[index]
    demand = tuple(tuple(sorted(load)) for load in loads)
    hosts = tuple(tuple(load[d] for d in sorted(load)) for load in loads)
    return GroupBasis(0, index, g.count, g.cores, g.capacity_mhz, demand, hosts, (), ())


def loads(rows: int) -> st.SearchStrategy[list[dict[float, int]]]:
    demand = st.floats(0.000001, 80_000).map(lambda x: round(x, 6))
    return st.lists(st.dictionaries(demand, st.integers(1, 2), max_size=3), min_size=rows, max_size=rows)


@pytest.mark.parametrize("k", range(len(LAWS)), ids=[law.name for law in LAWS])
@settings(max_examples=25, deadline=None)
@given(x=loads(3), y=loads(3), f=factors)
def test_factors_predict_what_their_power_models_draw(k: int, x: list[dict[float, int]], y: list[dict[float, int]], f: Vector) -> None:
    law, bases, known = LAWS[k], (basis(0, x), basis(1, y)), references(TOPOLOGY, {}, {})
    point = (f[0], f[1] if law.model_type == "busy-linear" else 0.0, f[2])
    rows = rows_for([simulated(START_MS, bases, TOPOLOGY)], apart=True)
    drawn = sum(basis_power_w(b, law.model(known[0, b.group], point, SHAPES[k], GROUPS[b.group].cores)) for b in bases)
    assert (rows.x[:, 0, k] * np.array(point)).sum(axis=-1) == pytest.approx(np.asarray(drawn), rel=1e-5, abs=5e-3)
    assert rows.in_force_w[:, 0] == pytest.approx(rows.published_w, abs=1e-3)
    (by_group,) = rows.by_group
    assert by_group is not None
    assert by_group[:, :, :3] + by_group[:, :, 3:] == pytest.approx(rows.x[:, 0], abs=1e-3)  # columns are quantised


@pytest.mark.parametrize("k", [k for k, law in enumerate(LAWS) if law.shape], ids=[law.name for law in LAWS if law.shape])
def test_the_second_part_of_a_law_with_a_shape_is_what_moving_the_shape_does(k: int) -> None:
    law, x = LAWS[k], [{1000.0: 2, 9000.0: 1}, {15_000.0: 1}]
    rows = rows_for([simulated(START_MS, (basis(0, x), basis(1, [{}, {}])), TOPOLOGY)])
    known, moved = references(TOPOLOGY, {}, {})[0, 0], (1.0, 0.02, 1.0)
    models = [law.model(known, point, SHAPES[k], GROUPS[0].cores) for point in ((1.0, 0.0, 1.0), moved)]
    before, after = (basis_power_w(basis(0, x), model) for model in models)
    assert rows.x[:, 0, k, 1] * 0.02 == pytest.approx(after - before, rel=0.1, abs=0.05)


def test_failed_windows_have_no_rows() -> None:
    good = simulated(START_MS, (basis(0, [{}]), basis(1, [{}])), TOPOLOGY)
    failed = replace(good, error="too large", row_ms=(), total=None, basis=())
    assert rows_for([failed, good, failed]).time_ms.tolist() == list(good.row_ms)
    nothing = rows_for([failed]).at(np.array([-1, -1]))
    assert not nothing.comparable.any()
    assert np.isnan(nothing.published_w).all()


def test_rows_of_other_hardware_are_published_but_not_comparable() -> None:
    old = Topology((Cluster("A", (replace(GROUPS[0], cpu_count=2), GROUPS[1])),))
    before = simulated(START_MS, (replace(basis(0, [{}]), cores=16, capacity_mhz=32_000.0), basis(1, [{}])), old)
    after = simulated(START_MS + WINDOW_MS, (basis(0, [{}]), basis(1, [{}])), TOPOLOGY)
    rows = rows_for([before, after])
    assert rows.comparable.tolist() == [False, True]
    assert (rows.published_w > 0).all()


def test_more_hosts_of_the_same_kind_are_comparable() -> None:
    larger = replace(basis(0, [{}]), hosts=25)
    rows = rows_for([simulated(START_MS, (larger, basis(1, [{}])), TOPOLOGY)])
    assert rows.comparable.all()
    assert rows.x[0, 0, 0, 0] == 25 * 40 + 7 * 100
