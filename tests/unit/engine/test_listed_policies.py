"""Filters and weighers that a user lists, and choices at random."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opendt_streams.engine.native.hosts import Hosts, expand
from opendt_streams.engine.native.placement import Placement, Policy
from opendt_streams.engine.native.placement import placement as empty_placement
from opendt_streams.engine.native.placement.listed import Filter, ListedPolicy, ListedWeigher
from opendt_streams.errors import BadInput
from opendt_streams.model.topology import Topology
from tests.unit.engine.workloads import datacenter, host_group, topologies

FILTERS = (Filter("Compute"), Filter("VCpu"), Filter("Ram", 1.5))
PREFAB = {
    "Mem": ListedWeigher("Ram"),
    "MemInv": ListedWeigher("Ram", -1.0),
    "CoreMem": ListedWeigher("CoreRam"),
    "CoreMemInv": ListedWeigher("CoreRam", -1.0),
    "ActiveServers": ListedWeigher("InstanceCount", -1.0),
    "ActiveServersInv": ListedWeigher("InstanceCount"),
    "ProvisionedCores": ListedWeigher("VCpu"),
    "ProvisionedCoresInv": ListedWeigher("VCpu", -1.0),
}
requests = st.lists(st.tuples(st.integers(1, 4), st.sampled_from([0, 100, 300, 600, 900]), st.booleans()), max_size=30)


def choices(placement: Placement, work: list[tuple[int, int, bool]]) -> list[int | None]:
    placed: list[tuple[int, int, int]] = []
    chosen = []
    for cores, memory, end_one in work:
        if end_one and placed:
            placement.give(*placed.pop(0))
        host = placement.best(cores, memory)
        chosen.append(host)
        if host is not None:
            placement.take(host, cores, memory)
            placed.append((host, cores, memory))
    return chosen


@pytest.mark.parametrize("name", PREFAB)
@settings(max_examples=40, deadline=None)
@given(topology=topologies(), work=requests)
def test_prefab_policies_are_listed_ones(name: str, topology: Topology, work: list[tuple[int, int, bool]]) -> None:
    hosts = expand(topology)
    listed = ListedPolicy(FILTERS, (PREFAB[name],))
    assert choices(empty_placement(hosts, name), work) == choices(empty_placement(hosts, listed), work)


def hosts_of(*cores: int, memory_mib: int = 1000) -> Hosts:
    return expand(datacenter(*(host_group(str(i), cores=c, memory_mib=memory_mib) for i, c in enumerate(cores))))


def first(hosts: Hosts, policy: Policy, count: int = 1, capacity_mhz: float = 0.0) -> list[int | None]:
    placement = empty_placement(hosts, policy)
    chosen = []
    for _ in range(count):
        host = placement.best(1, 100, capacity_mhz)
        chosen.append(host)
        if host is not None:
            placement.take(host, 1, 100)
    return chosen


def test_filters() -> None:
    hosts = hosts_of(2, 4)
    assert first(hosts, ListedPolicy((Filter("InstanceCount", 1),)), 3) == [0, 1, None]
    assert first(hosts, ListedPolicy((Filter("VCpu", 1.5),)), 10) == [0, 0, 0, 1, 1, 1, 1, 1, 1, None]
    assert first(hosts_of(1, memory_mib=150), ListedPolicy((Filter("Ram", 1.5),)), 3) == [0, 0, None]
    assert first(hosts, ListedPolicy((Filter("VCpuCapacity"),)), capacity_mhz=1000.0) == [0]
    assert first(hosts, ListedPolicy((Filter("VCpuCapacity"),)), capacity_mhz=1000.1) == [None]
    assert first(hosts, ListedPolicy((Filter("SameHost"), Filter("DifferentHost"), Filter("Compute"))), 2) == [0, 0]


def test_weighers_add_up_scaled_to_their_multipliers() -> None:
    """Host 1 has the most cores, host 0 as much memory per core as it can: which wins is a matter of the multipliers."""
    hosts = hosts_of(1, 4)
    weighers = ListedWeigher("CoreRam"), ListedWeigher("VCpuCapacity", 2.0)
    assert first(hosts, ListedPolicy(weighers=weighers)) == [1]
    assert first(hosts, ListedPolicy(weighers=(weighers[0], ListedWeigher("VCpuCapacity", 0.5)))) == [0]


def test_a_choice_among_the_best_few_stays_among_them() -> None:
    hosts = hosts_of(1, 2, 3, 4)
    policy = ListedPolicy((Filter("Compute"),), (ListedWeigher("VCpuCapacity"),), subset_size=2)
    assert set(first(hosts, policy, 40)) == {2, 3}


@settings(max_examples=40, deadline=None)
@given(topology=topologies(), work=requests, seed=st.integers(0, 5))
def test_random_is_repeatable_fits_and_goes_on_where_it_was(topology: Topology, work: list[tuple[int, int, bool]], seed: int) -> None:
    hosts = expand(topology)
    once, again = (choices(empty_placement(hosts, "Random", seed=seed), work) for _ in range(2))
    assert once == again
    fits = choices(empty_placement(hosts, ListedPolicy(FILTERS)), work[:1])
    assert [h is None for h in once[:1]] == [h is None for h in fits]
    half = empty_placement(hosts, "Random", seed=seed)
    for cores, memory, _ in work:
        half.best(cores, memory)
    other = empty_placement(hosts, "Random", seed=seed)
    other.resume(json.loads(json.dumps(half.state())))
    assert [half.best(1, 0) for _ in range(10)] == [other.best(1, 0) for _ in range(10)]


def test_random_uses_all_hosts_alike_and_depends_on_the_seed() -> None:
    hosts = expand(datacenter(host_group(count=8, cores=1000, memory_mib=10**7)))
    found = [choices(empty_placement(hosts, "Random", seed=seed), [(1, 1, False)] * 800) for seed in (0, 1)]
    assert found[0] != found[1]
    assert all(60 <= found[0].count(h) <= 140 for h in range(8))


def test_newer_semantics_know_prefab_policies_only() -> None:
    with pytest.raises(BadInput, match=r"2\.4g\+.*'filter'"):
        empty_placement(hosts_of(1), ListedPolicy(), "2.4g+")
