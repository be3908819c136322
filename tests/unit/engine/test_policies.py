"""Where tasks go: the weighers of opendc-semantics section 6, against the sentence that defines them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opendt_streams.engine.native.hosts import expand
from opendt_streams.engine.native.placement import placement as empty_placement
from opendt_streams.errors import BadInput
from opendt_streams.model.topology import Topology
from tests.unit.engine.workloads import datacenter, host_group, topologies

WEIGHTS: dict[str, tuple[int, Callable[[int, int, int, int], float]]] = {
    "Mem": (+1, lambda memory, cores, tasks, host_cores: memory),
    "MemInv": (-1, lambda memory, cores, tasks, host_cores: memory),
    "CoreMem": (+1, lambda memory, cores, tasks, host_cores: memory / host_cores),
    "CoreMemInv": (+1, lambda memory, cores, tasks, host_cores: memory / host_cores),
    "ActiveServers": (-1, lambda memory, cores, tasks, host_cores: tasks),
    "ActiveServersInv": (+1, lambda memory, cores, tasks, host_cores: tasks),
    "ProvisionedCores": (+1, lambda memory, cores, tasks, host_cores: 1 - cores),
    "ProvisionedCoresInv": (-1, lambda memory, cores, tasks, host_cores: 1 - cores),
}
requests = st.lists(st.tuples(st.integers(1, 4), st.sampled_from([0, 100, 300, 600, 900]), st.booleans()), max_size=30)


@pytest.mark.parametrize("policy", WEIGHTS)
@settings(max_examples=60, deadline=None)
@given(topology=topologies(), work=requests)
def test_the_host_with_the_best_weight_is_taken(policy: str, topology: Topology, work: list[tuple[int, int, bool]]) -> None:
    hosts = expand(topology)
    placement = empty_placement(hosts, policy)
    sign, weight = WEIGHTS[policy]
    placed: list[tuple[int, int, int]] = []
    for cores, memory, end_one in work:
        if end_one and placed:
            placement.give(*placed.pop(0))
        best, best_score = None, None
        for h in range(len(hosts)):
            total_cores, total_memory = int(hosts.cores[h]), int(hosts.memory_mib[h])
            reserved_cores = sum(c for host, c, _ in placed if host == h)
            reserved_memory = sum(m for host, _, m in placed if host == h)
            fits = cores <= total_cores - reserved_cores and memory <= min(total_memory, 1.5 * total_memory - reserved_memory)
            score = sign * weight(total_memory - reserved_memory, reserved_cores, sum(host == h for host, _, _ in placed), total_cores)
            if fits and (best_score is None or score > best_score):
                best, best_score = h, score
        assert placement.best(cores, memory) == best
        if best is not None:
            placement.take(best, cores, memory)
            placed.append((best, cores, memory))


def test_ties_go_to_the_first_host_in_topology_order() -> None:
    placement = empty_placement(expand(datacenter(host_group("A", count=2), host_group("B", count=2))), "Mem")
    chosen = []
    for _ in range(5):
        host = placement.best(1, 100)
        assert host is not None
        placement.take(host, 1, 100)
        chosen.append(host)
    assert chosen == [0, 1, 2, 3, 0]


@pytest.mark.parametrize("name", ["GpuTaskMemorizing", "Timeshift", "TaskNumMemorizing", "ProvisionedCpuGpuCores", "mem", ""])
def test_other_policies_are_refused_by_name(name: str) -> None:
    with pytest.raises(BadInput, match=name or "''"):
        empty_placement(expand(datacenter(host_group())), name)
