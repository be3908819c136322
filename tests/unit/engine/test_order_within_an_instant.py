"""What shows of the order in which OpenDC works through one instant. All numbers here were written by the real runner, v2.4f."""

from __future__ import annotations

import numpy as np
import pytest

from opendt_streams.engine.native import course
from opendt_streams.engine.native.simulation import Simulation, simulate
from opendt_streams.engine.native.tables.host import HostTable
from opendt_streams.engine.task_columns import TaskColumns
from opendt_streams.model.carbon import CarbonTrace, carbon_trace
from opendt_streams.model.task import Task
from opendt_streams.model.topology import PowerModel, Topology
from tests.unit.engine.workloads import ORIGIN_MS, datacenter, host_group, task

STEEP = datacenter(host_group(cores=8, model=PowerModel("sqrt", 20.0, 1000.0)))
TWO_HOSTS = datacenter(host_group(count=2, model=PowerModel("linear", 50.0, 150.0)))


def run(topology: Topology, work: list[Task], carbon: dict[str, CarbonTrace] | None = None) -> Simulation:
    return simulate(topology, carbon or {}, TaskColumns.of(work), interval_ms=1000)


def host_column(simulation: Simulation, name: str) -> list[list[float]]:
    """A row for each row of the table, with the hosts in order, as float32."""
    table, hosts = HostTable(simulation), len(simulation.hosts)
    parts = [np.reshape(np.asarray(table.rows(piece)[name]), (-1, hosts)) for piece in simulation.pieces(marks=True)]
    columns: list[list[float]] = np.concatenate(parts).astype(np.float32).tolist()
    return columns


def of_one_host(simulation: Simulation, name: str) -> list[float]:
    return [value for (value,) in host_column(simulation, name)]


def float32(*values: float) -> list[float]:
    rounded: list[float] = np.array(values, dtype=np.float32).tolist()
    return rounded


def test_an_idle_host_draws_more_when_its_sum_of_demands_has_not_come_back_to_zero() -> None:
    """2718.28 + 55.55 + (333.3 - 2718.28) - 55.55 - 333.3 is 3.4e-13 in float64, and the square root of that shows.

    At 4 s a task without length comes: it leaves another rest behind.
    """
    work = [task(0, 0, [(1500, 2718.28), (1000, 333.3)]), task(1, 1000, [(1000, 55.55)]), task(3, 4000, [(0, 1414.2)])]
    simulation = run(STEEP, [*work, task(2, 5500, [(500, 100.0)])])
    assert of_one_host(simulation, "power_draw")[2:6] == float32(*[20.000005722046] * 4)
    rest = 3.410605131648481e-13, 2.2737367544323206e-13
    assert of_one_host(simulation, "cpu_demand")[2:6] == float32(rest[0], rest[0], rest[1], rest[1])


def test_whole_megahertz_leave_nothing_behind() -> None:
    work = [task(0, 0, [(1500, 2718.0), (1000, 333.0)]), task(1, 1000, [(1000, 55.0)]), task(2, 4500, [(500, 100.0)])]
    assert of_one_host(run(STEEP, work), "power_draw")[2:4] == [20.0, 20.0]


def test_tasks_that_go_on_at_one_instant_add_up_in_the_order_of_opendcs_heap() -> None:
    """The rest is -6.8e-13 in order of placement, which counts as nothing, and +2.3e-13 in that of the heap: 0, 4, 3, 2, 1, then back."""
    usages = [1234.56, 333.3, 2718.28, 777.7, 55.55]
    work = [task(i, 0, [(1000, u), (1000, v)]) for i, (u, v) in enumerate(zip(usages, usages[::-1], strict=True))]
    simulation = run(STEEP, [*work, task(9, 3500, [(500, 100.0)])])
    assert of_one_host(simulation, "power_draw") == float32(
        803.953308105469, 803.953308105469, 20.000005722046, 20.000005722046, 129.567337036133
    )
    assert of_one_host(simulation, "cpu_demand")[2:4] == float32(2.2737367544323206e-13, 2.2737367544323206e-13)


@pytest.mark.parametrize(
    ("work", "last_demand", "last_usage"),
    [
        pytest.param([task(0, 0, [(1500, 1000.0), (0, 3000.0)])], [3000.0, 0.0], [1000.0, 0.0], id="one"),
        pytest.param(
            [task(0, 0, [(1500, 1000.0), (0, 3000.0), (0, 500.0)]), task(1, 0, [(1500, 2000.0)])],
            [500.0, 0.0],
            [1000.0, 2000.0],
            id="two, while another host becomes idle",
        ),
        pytest.param([task(0, 0, [(1500, 1000.0)]), task(1, 3000, [(0, 3000.0)])], [3000.0, 0.0], [0.0, 0.0], id="nothing else"),
    ],
)
def test_the_last_row_shows_the_demand_of_a_last_fragment_without_length(
    work: list[Task], last_demand: list[float], last_usage: list[float]
) -> None:
    """The CPU has been told of it, but has not acted on it."""
    simulation = run(TWO_HOSTS, work)
    assert host_column(simulation, "cpu_demand")[-1] == last_demand
    assert host_column(simulation, "cpu_usage")[-1] == last_usage
    powers = host_column(simulation, "power_draw")
    assert powers[-1] == powers[-2]


@pytest.mark.parametrize(
    ("pieces", "last_rows"),
    [
        pytest.param([(3000, 1000.0), (1000, 500.0)], [(112.5, 300.0), (100.0, 300.0)], id="the step was planned first"),
        pytest.param([(4000, 1000.0)], [(125.0, 200.0), (100.0, 300.0)], id="the end was planned first"),
    ],
)
def test_a_carbon_step_shows_in_the_row_of_the_last_end_if_it_comes_first(
    pieces: list[tuple[int, float]], last_rows: list[tuple[float, float]]
) -> None:
    """At 4 s there are three things: the last end with its row, a carbon step, and the tick, which comes last."""
    topology = datacenter(host_group(count=2, model=PowerModel("linear", 50.0, 150.0)), carbon="trace")
    trace = carbon_trace([ORIGIN_MS + s for s in (-1000, 2000, 4000, 9000)], [100.0, 200.0, 300.0, 400.0])
    (piece,) = run(topology, [task(0, 0, pieces)], {"trace": trace}).pieces(marks=False)
    (source,) = piece.clusters
    assert list(zip(source.power_w.tolist(), source.carbon_intensity_g_per_kwh.tolist(), strict=True))[-2:] == last_rows


@pytest.mark.parametrize("most_followed", [course._MOST_FOLLOWED, 0])
def test_a_carbon_step_that_was_planned_between_the_last_fragments(monkeypatch: pytest.MonkeyPatch, most_followed: int) -> None:
    """The long fragment is in the heap when the step is entered, and another leaves after that.

    A workload too large to follow the heap says the same, here: it takes the step to come first.
    """
    monkeypatch.setattr(course, "_MOST_FOLLOWED", most_followed)
    topology = datacenter(host_group(count=2, model=PowerModel("linear", 50.0, 150.0)), carbon="trace")
    trace = carbon_trace([ORIGIN_MS + s for s in (-1000, 2000, 4000, 9000)], [100.0, 200.0, 300.0, 400.0])
    work = [task(0, 0, [(4000, 1000.0)]), task(1, 0, [(3000, 500.0), (500, 500.0)])]
    (piece,) = run(topology, work, {"trace": trace}).pieces(marks=False)
    assert piece.clusters[0].carbon_intensity_g_per_kwh.tolist() == [100.0, 200.0, 200.0, 200.0, 300.0]


def test_a_host_that_never_has_a_task_is_idle() -> None:
    steep = host_group("S", memory_mib=500, model=PowerModel("sqrt", 20.0, 1000.0))
    simulation = run(datacenter(host_group(), steep), [task(0, 0, [(1500, 0.1), (1000, 0.2)])])
    assert host_column(simulation, "cpu_demand") == [float32(0.1, 0.0), float32(0.2, 0.0), float32(0.2, 0.0)]
    assert [power for _, power in host_column(simulation, "power_draw")] == [20.0] * 3
