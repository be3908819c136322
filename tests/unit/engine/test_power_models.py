"""The power formulas against opendc-semantics section 8 and DESIGN section 5, and the sum over a cluster's hosts."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opendt_streams.engine.native.demand import collect_entries, host_steps
from opendt_streams.engine.native.hosts import expand, unique_names
from opendt_streams.engine.native.job import Run, prepare
from opendt_streams.engine.native.power import cluster_steps, host_power_w
from opendt_streams.engine.native.spans import gather
from opendt_streams.engine.task_columns import TaskColumns
from opendt_streams.errors import BadInput
from opendt_streams.model.power_models import watts
from opendt_streams.model.task import Float64
from opendt_streams.model.topology import Cluster, PowerModel, Topology
from tests.unit.engine.workloads import host_group, task

IDLE, MAX, CORES, CAPACITY = 25.0, 174.0, 16, 33_600.0
R = MAX - IDLE

FORMULAS: list[tuple[PowerModel, Callable[[float], float]]] = [
    (PowerModel("constant", IDLE, MAX, power_w=310.0), lambda u: 310.0),
    (PowerModel("sqrt", IDLE, MAX), lambda u: IDLE + R * math.sqrt(u)),
    (PowerModel("linear", IDLE, MAX), lambda u: IDLE + R * u),
    (PowerModel("square", IDLE, MAX), lambda u: IDLE + R * u**2),
    (PowerModel("cubic", IDLE, MAX), lambda u: IDLE + R * u**3),
    (PowerModel("mse", IDLE, MAX, calibration_factor=4.5), lambda u: IDLE + R * (2 * u - u**4.5)),
    (PowerModel("asymptotic", IDLE, MAX, asym_util=0.3, dvfs=False), lambda u: IDLE + R / 2 * (1 + u - math.exp(-u / 0.3))),
    (PowerModel("asymptotic", IDLE, MAX, asym_util=0.3, dvfs=True), lambda u: IDLE + R / 2 * (1 + u**3 - math.exp(-(u**3) / 0.3))),
    (PowerModel("busy-linear", 58.0, busy_power_w=19.5, slope_power_w=171.0), lambda u: 58.0 + 19.5 * min(1, 16 * u) + 171.0 * u),
]
IDS = [f"{m.model_type}-{m.dvfs}" for m, _ in FORMULAS]


def power(model: PowerModel, *demand_mhz: float) -> Float64:
    return watts(model, np.array(demand_mhz), CORES, CAPACITY)


@pytest.mark.parametrize(("model", "formula"), FORMULAS, ids=IDS)
@given(u=st.floats(0.0, 1.0))
def test_formula(model: PowerModel, formula: Callable[[float], float], u: float) -> None:
    assert power(model, u * CAPACITY)[0] == pytest.approx(formula(u), rel=1e-9)


@pytest.mark.parametrize(("model", "formula"), FORMULAS, ids=IDS)
def test_demand_beyond_the_capacity_draws_no_more_and_below_nothing_no_less(model: PowerModel, formula: Callable[[float], float]) -> None:
    assert power(model, 1e9, 0.0).tolist() == power(model, CAPACITY, -2.8e-17).tolist()
    assert power(model, 0.0)[0] == pytest.approx(formula(0.0))


def test_one_busy_core_is_the_knee_of_busy_linear() -> None:
    model = PowerModel("busy-linear", 50.0, busy_power_w=20.0, slope_power_w=160.0)
    assert power(model, CAPACITY / 32, CAPACITY / 16, CAPACITY / 8, CAPACITY).tolist() == [65.0, 80.0, 90.0, 230.0]


def test_asymptotic_with_nothing_to_divide_by_is_refused() -> None:
    with pytest.raises(BadInput, match="asymUtil"):
        power(PowerModel("asymptotic", IDLE, MAX, asym_util=0.0), 0.0)


@pytest.mark.parametrize(("hosts", "edges"), [(1, 1), (7, 1), (7, 2), (300, 2), (900, 400), (3000, 3)])
def test_cluster_power_is_added_host_by_host(hosts: int, edges: int) -> None:
    """In topology order, one after the other: pairwise summation would give other last bits. The sum of many hosts is the exact one."""
    topology = Topology((Cluster("C", (host_group(count=hosts, cores=4, model=PowerModel("linear", 0.1, 123.456)),)),))
    rng = np.random.default_rng(edges)
    work = [
        task(h, 0, [(int(d), float(u)) for d, u in zip(rng.integers(1, 3, edges), rng.uniform(0, 5000, edges), strict=True)])
        for h in range(hosts)
    ]
    runs = [Run(job, job.reference, 0, job.lasts_ms) for job in prepare([t.id for t in work], TaskColumns.of(work))]
    expanded = expand(topology)
    steps = host_steps(collect_entries(gather(runs, 0, edges), 0, edges, hosts))
    watt = host_power_w(expanded, steps)
    times, total = cluster_steps(expanded, steps, watt, 0)
    for time, found in zip(times.tolist(), total.tolist(), strict=True):
        each = []
        for h in range(hosts):
            mine = slice(steps.first[h], steps.first[h + 1])
            each.append(float(watt[mine][np.searchsorted(steps.time_ms[mine], time, side="right") - 1]))
        one_by_one = 0.0
        for power in each:
            one_by_one += power
        assert found == (one_by_one if hosts <= 1000 else pytest.approx(math.fsum(each), rel=1e-15))


def test_equal_names_are_numbered() -> None:
    assert unique_names(["A", "B", "A", "A"]) == ("A", "B", "A-0", "A-1")
