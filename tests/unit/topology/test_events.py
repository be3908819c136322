from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from opendt_streams.model.canonical import canonical, digest, sha256_hex
from opendt_streams.model.topology import PowerModel, Topology
from opendt_streams.topology.events import calibrated_topology, carried_over, event_id, make_event, parameters
from opendt_streams.wire.twin import event_value
from tests.unit.topology.ledgers import ROOT, event, topology


def idle(of: Topology) -> list[float]:
    return [group.power_model.idle_power_w for _, _, group in of.host_groups]


def test_the_id_is_the_digest_of_everything_else() -> None:
    value = event_value(ROOT)
    del value["id"]
    assert ROOT.id == sha256_hex(canonical(value))
    assert ROOT.result == digest(ROOT.topology)


@pytest.mark.parametrize("field", ["rules", "parent", "branch", "kind", "actor", "reason", "cause", "topology", "result"])
def test_every_field_counts_in_the_id(field: str) -> None:
    other: Any = {"rules": 2, "kind": "edited", "topology": {"clusters": []}}.get(field, "other")
    assert event_id(replace(ROOT, **{field: other})) != ROOT.id


def test_equal_events_of_two_writers_have_the_same_id() -> None:
    assert event("edited", ROOT, topology(3)) == event("edited", ROOT, topology(3))


def test_the_topology_is_written_in_its_normal_form() -> None:
    made = make_event(parent=None, kind="baselined", actor="a", reason="", cause="", topology=topology())
    clusters = made.topology["clusters"]
    assert isinstance(clusters, list)
    assert canonical(clusters[0]).startswith(b'{"hosts":[{"count":2,"cpu":{"coreCount":4,"coreSpeed":1000,"count":1}')


def test_parameters_are_carried_over_to_unchanged_host_groups_only() -> None:
    physical, head = topology(2, idle_w=50, groups=2), topology(2, idle_w=70, groups=2)
    assert idle(carried_over(physical, head)) == [70, 71]
    assert idle(carried_over(topology(3, idle_w=50), head)) == [50]  # another count
    assert idle(carried_over(topology(2, idle_w=50, name="G"), head)) == [50]  # another name
    assert idle(carried_over(topology(2, idle_w=50, groups=3), head)) == [70, 71, 52]  # a new group


def test_a_host_group_in_a_cluster_of_another_name_is_another_one() -> None:
    physical, head = topology(idle_w=50), topology(idle_w=70)
    renamed = Topology((replace(head.clusters[0], name="D"),))
    assert idle(carried_over(physical, renamed)) == [50]


def test_carrying_over_takes_nothing_but_parameters_from_the_head() -> None:
    edited = topology(9, idle_w=70)
    assert carried_over(topology(2), edited) == topology(2)


def test_a_calibration_changes_the_groups_that_it_was_fitted_for_and_no_others() -> None:
    reference = topology(2, groups=2)
    models = {(0, 0): PowerModel(idle_power_w=1, max_power_w=2), (0, 1): PowerModel(idle_power_w=3, max_power_w=4)}
    assert idle(calibrated_topology(reference, reference, models)) == [1, 3]
    edited = Topology((replace(reference.clusters[0], host_groups=(reference.clusters[0].host_groups[0],)),))
    assert idle(calibrated_topology(edited, reference, models)) == [1]
    assert idle(calibrated_topology(topology(3, idle_w=50, groups=2), reference, models)) == [50, 51]


def test_parameters_are_named_by_cluster_and_host_entry() -> None:
    found = parameters(topology(groups=2))
    assert list(found) == ["0/0", "0/1"]
    assert found["0/1"] == {"modelType": "linear", "idlePower": 51, "maxPower": 300, "power": 400}
