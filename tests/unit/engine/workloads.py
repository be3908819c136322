"""Small random datacenters and workloads, made so that as much as possible falls on the same instants."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from opendt_streams.model.carbon import CarbonTrace, carbon_trace
from opendt_streams.model.task import Task, fragments
from opendt_streams.model.topology import Cluster, HostGroup, PowerModel, Topology

ORIGIN_MS = 1_665_093_600_000


def host_group(name: str = "H", count: int = 1, cores: int = 4, memory_mib: int = 1000, model: PowerModel | None = None) -> HostGroup:
    return HostGroup(name, count, 1, cores, 1000.0, memory_mib, model or PowerModel("linear", 50.0, 150.0))


def datacenter(*groups: HostGroup, carbon: str | None = None) -> Topology:
    """One cluster."""
    return Topology((Cluster("C", groups, carbon_trace=carbon),))


def task(number: int, at_ms: int, pieces: Sequence[tuple[int, float]], cores: int = 1, memory_mib: int = 100) -> Task:
    """`at_ms` counts from ORIGIN_MS."""
    durations, usages = [d for d, _ in pieces], [u for _, u in pieces]
    return Task(number, ORIGIN_MS + at_ms, sum(durations), cores, 0.0, memory_mib * 1000, fragments(durations, usages))


MODELS = st.sampled_from(
    [
        PowerModel("linear", 50.0, 150.0),
        PowerModel("constant", 50.0, 150.0, power_w=77.7),
        PowerModel("square", 33.3, 100.1),
        PowerModel("sqrt", 33.3, 100.1),
        PowerModel("busy-linear", 60.1, 0.0, busy_power_w=20.2, slope_power_w=70.7),
    ]
)


@st.composite
def topologies(draw: st.DrawFn, carbon: bool = True) -> Topology:
    def group(name: str) -> HostGroup:
        return host_group(name, draw(st.integers(1, 3)), draw(st.integers(1, 4)), draw(st.sampled_from([500, 800, 1000])), draw(MODELS))

    def cluster(name: str) -> Cluster:
        groups = tuple(group(n) for n in draw(st.sampled_from([("A",), ("A", "B")])))
        return Cluster(name, groups, carbon_trace=draw(st.sampled_from([None, "trace"])) if carbon else None)

    return Topology(tuple(cluster(n) for n in draw(st.sampled_from([("C1",), ("C1", "C2")]))))


@st.composite
def traces(draw: st.DrawFn) -> dict[str, CarbonTrace]:
    steps = draw(st.lists(st.integers(-4, 60).map(lambda i: ORIGIN_MS + i * 500), min_size=1, max_size=5, unique=True))
    return {"trace": carbon_trace(steps, draw(st.lists(st.floats(1.0, 500.0), min_size=len(steps), max_size=len(steps))))}


def tasks(largest_cores: int = 5, tick_ms: int = 500) -> st.SearchStrategy[list[Task]]:
    """The first is submitted at ORIGIN_MS. Times are multiples of `tick_ms`, with a few odd ones."""
    instant = st.integers(0, 24).map(lambda i: i * tick_ms) | st.sampled_from([250, 1001, 1999, 2750])
    length = st.sampled_from([0, tick_ms, 1000, 1000, 1500, 2000, 3000, 6000, 10_000, 250, 777])
    usage = st.sampled_from([0.0, 0.1, 0.7, 100.0, 333.3, 1000.0, 2500.0, 9999.9])
    piece = st.tuples(length, usage)
    one = st.tuples(
        instant, st.lists(piece, min_size=1, max_size=5), st.integers(1, largest_cores), st.sampled_from([1, 200, 400, 700, 1200])
    )

    def build(found: list[tuple[int, list[tuple[int, float]], int, int]]) -> list[Task]:
        first = min(at for at, _, _, _ in found)
        return [task(i, at - first, pieces, cores, memory) for i, (at, pieces, cores, memory) in enumerate(found)]

    return st.lists(one, min_size=1, max_size=10).map(build)
