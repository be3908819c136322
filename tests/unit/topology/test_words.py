from __future__ import annotations

from dataclasses import replace

from opendt_streams.model.topology import Topology
from opendt_streams.topology.words import changes
from tests.unit.topology.ledgers import topology


def test_the_first_topology_is_summed_up() -> None:
    assert changes(None, topology(3, groups=2)) == ["first topology: 1 clusters, 2 host groups, 6 hosts"]


def test_no_change_says_nothing() -> None:
    assert changes(topology(), topology()) == []


def test_a_changed_value_is_named_by_cluster_host_group_and_path() -> None:
    assert changes(topology(2, idle_w=25), topology(3, idle_w=30.2)) == [
        "C/H0 count: 2 -> 3",
        "C/H0 cpuPowerModel.idlePower: 25 -> 30.2",
    ]


def test_new_and_gone_host_groups_are_told() -> None:
    more = changes(topology(), topology(groups=2))
    assert "C/H1 count: 2 (new)" in more
    assert "C/H1 count: 2 (gone)" in changes(topology(groups=2), topology())


def test_equal_names_are_told_apart_by_their_place() -> None:
    one = topology().clusters[0]
    twice = Topology((one, replace(one, host_groups=(one.host_groups[0], replace(one.host_groups[0], count=7)))))
    before = Topology((one, replace(one, host_groups=(one.host_groups[0], one.host_groups[0]))))
    assert changes(before, twice) == ["C[1]/H0[1] count: 2 -> 7"]


def test_another_power_model_is_told_value_by_value() -> None:
    before, after = topology(), topology().with_power_models({}, default=None)
    group = replace(after.clusters[0].host_groups[0], power_model=replace(after.clusters[0].host_groups[0].power_model, model_type="cubic"))
    after = Topology((replace(after.clusters[0], host_groups=(group,)),))
    assert changes(before, after) == ["C/H0 cpuPowerModel.modelType: linear -> cubic"]
