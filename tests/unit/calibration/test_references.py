from __future__ import annotations

from dataclasses import replace

import pytest

from opendt_streams.calibration.laws import Law
from opendt_streams.calibration.projection import Vector
from opendt_streams.calibration.references import references
from opendt_streams.model.topology import Cluster, HostGroup, PowerModel, Topology
from tests.unit.calibration.site import busy_linear, group

FITTED: Vector = (1.2, 0.3, 0.7)


def topology(*groups: HostGroup) -> Topology:
    return Topology((Cluster("A", groups),))


def watts(model: PowerModel) -> tuple[float, float]:
    found = references(topology(replace(group(), power_model=model)), {}, {})[0, 0]
    return found.idle_w, found.range_w


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (PowerModel("mse", 25, 174, calibration_factor=4), (25, 149)),
        (PowerModel("linear", 25, 174), (25, 149)),
        (busy_linear(30, 40, 100), (30, 140)),
        (PowerModel("constant", 100, 300, power_w=250), (100, 200)),  # flat: what it carries along unread
        (PowerModel("constant", 0, 0, power_w=250), (125, 125)),
        (PowerModel("linear", 0, 200), (2, 198)),  # a factor on 0 W could fit nothing
    ],
)
def test_the_datasheet_is_what_idle_and_full_hosts_draw(model: PowerModel, expected: tuple[float, float]) -> None:
    assert watts(model) == pytest.approx(expected)


def test_they_are_remembered_whatever_the_parameters_become() -> None:
    first = references(topology(group()), {}, {})
    edited = topology(replace(group(count=80), power_model=busy_linear(1, 2, 3)))
    assert references(edited, first, {}) == first


def test_new_hardware_and_new_groups_are_read() -> None:
    first = references(topology(group()), {}, {})
    found = references(topology(group(cores=64, idle_w=90, max_w=500), group("new", idle_w=10, max_w=20)), first, {})
    assert (found[0, 0].idle_w, found[0, 0].range_w) == (90, 410)
    assert (found[0, 1].idle_w, found[0, 1].range_w) == (10, 10)


def test_our_own_parameters_are_no_datasheet() -> None:
    first = references(topology(group()), {}, {})
    published = {(0, 0): Law("busy-linear").model(first[0, 0], FITTED, 1.0, 64)}
    ours = replace(group(cores=64), power_model=published[0, 0])
    found = references(topology(ours), first, published)[0, 0]
    assert (found.idle_w, found.range_w) == (40, 150)
    assert references(topology(ours), {(0, 0): found}, published)[0, 0] == found
