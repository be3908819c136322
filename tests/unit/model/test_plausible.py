"""What numbers can be: the one rule of impossible readings, holes of traces, clocks; and what a topology has that is not simulated."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opendt_streams.calibration.laws import LAWS, LEAST_SHAPE, MOST_SHAPE
from opendt_streams.calibration.pairing import datacenter_power
from opendt_streams.calibration.references import Reference
from opendt_streams.model.plausible import BEYOND, draw_of, holes, is_possible, lag_between, possible, unit_of
from opendt_streams.model.power import Meter, PowerSample
from opendt_streams.model.times import HOUR
from opendt_streams.model.topology import Cluster, HostGroup, PowerModel, Topology
from opendt_streams.model.topology_json import power_model_document, read_power_model, to_document
from opendt_streams.model.unmodelled import unmodelled, with_unmodelled


def group(name: str, count: int, model: PowerModel) -> HostGroup:
    return HostGroup(name, count, 1, 4, 1000.0, 1000, model)


REFERENCE = Reference("x", 10.0, 20.0, PowerModel("linear", 10.0, 30.0))
SITE = Topology(
    (
        Cluster("A", (group("x", 2, PowerModel("linear", 10.0, 20.0)),)),
        Cluster("B", (group("x", 1, PowerModel("busy-linear", 5.0, 0.0, busy_power_w=3.0, slope_power_w=4.0)),)),
    )
)


def test_what_hosts_draw_is_that_of_the_meters_hosts() -> None:
    assert (draw_of(Meter(), SITE).idle_w, draw_of(Meter(), SITE).most_w) == (25.0, 52.0)
    assert draw_of(Meter("B"), SITE).most_w == 12.0
    assert draw_of(Meter("C"), SITE).most_w == 0.0


@given(st.floats(), st.floats(0, 1e9))
def test_one_reading_and_many_are_judged_alike(power_w: float, most_w: float) -> None:
    assert possible(np.array([power_w]), most_w).tolist() == [is_possible(power_w, most_w)]


@given(st.floats(1e-3, 1e9), st.floats(0, 2.0))
def test_whatever_hosts_can_draw_twice_over_is_possible(most_w: float, share: float) -> None:
    assert is_possible(share * most_w, most_w)
    assert not is_possible(BEYOND * most_w * 1.001, most_w)


def test_a_number_that_means_unknown_is_none_where_hosts_could_not_draw_it() -> None:
    assert not is_possible(65_535.0, 20_000.0) and is_possible(65_535.0, 40_000.0) and is_possible(65_534.5, 20_000.0)
    assert not is_possible(float("nan"), 0.0) and is_possible(1e12, 0.0), "of hosts that draw nothing nobody knows"


def test_measured_power_leaves_out_what_cannot_be() -> None:
    samples = [PowerSample(1, 30.0), PowerSample(2, 4_294_967_295.0), PowerSample(3, 521.0), PowerSample(4, 31.0)]
    assert datacenter_power(samples, SITE)[0].tolist() == [1, 4]
    assert datacenter_power(samples, SITE, all_readings=True)[0].tolist() == [1, 2, 3, 4]
    parts = [PowerSample(1, 30.0, Meter("A")), PowerSample(1, 9.0, Meter("B")), PowerSample(2, 30.0, Meter("A"))]
    assert datacenter_power([*parts, PowerSample(2, 65_535.0, Meter("B"))], SITE)[0].tolist() == [1], "a part is missing at 2"


@pytest.mark.parametrize(("ratio", "unit"), [(0.0011, "kW"), (900.0, "mW"), (1e-6, "MW"), (1.0, None), (20.0, None), (0.0, None)])
def test_the_unit_that_a_meter_seems_to_be_in(ratio: float, unit: str | None) -> None:
    assert unit_of(ratio) == unit


def test_holes_are_steps_far_longer_than_usual() -> None:
    hours = np.array([0, 1, 2, 3, 24, 25, 26]) * HOUR
    assert holes(hours) == [(3 * HOUR, 24 * HOUR)]
    assert holes(hours, 0, 3 * HOUR) == [] and holes(hours, 24 * HOUR, 26 * HOUR) == []
    assert holes(np.arange(10) * 24 * HOUR) == [], "a trace by the day has none"


@given(st.integers(-40, 40), st.integers(0, 2**32 - 1))
def test_a_clock_is_off_by_as_much_as_it_is(lag: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    load = np.repeat(rng.random(140), 3)
    measured = np.full(len(load), np.nan)
    at = np.arange(len(load)) - lag
    there = (at >= 0) & (at < len(load))
    measured[there] = 100 + 50 * load[at[there]] + rng.random(int(there.sum()))
    assert lag_between(load, measured, 60) == (lag if abs(lag) >= 3 else None)


def test_curves_that_have_nothing_in_common_have_no_lag() -> None:
    rng = np.random.default_rng(5)
    assert lag_between(rng.random(500), rng.random(500), 100) is None
    assert lag_between(np.ones(500), rng.random(500), 100) is None


def test_shapes_of_power_laws_stay_shapes_however_long_they_drift() -> None:
    """An asymUtil of 0 is no power model, and an event with it would never be accepted."""
    for law in LAWS:
        if law.shape is None:
            continue
        for second in (-9.0, 9.0):
            shape = law.shape
            for _ in range(200):
                shape = law.moved(shape, (1.0, second, 0.4))
            model = law.model(REFERENCE, (1.0, second, 0.4), shape, cores=64)
            assert LEAST_SHAPE <= shape <= MOST_SHAPE and read_power_model(power_model_document(model), "opendc") == model


def test_what_is_not_simulated_stays_in_the_document_where_it_was() -> None:
    document: dict[str, Any] = to_document(SITE)
    document["clusters"][0]["battery"] = {"capacity": 1}
    document["clusters"][1]["hosts"][0]["gpu"] = {"coreCount": 3}
    parts = unmodelled(document)
    assert [(p.part, p.where, p.name, p.count) for p in parts] == [
        ("battery", "clusters[0].battery", "A", 1),
        ("gpu", "clusters[1].hosts[0].gpu", "B/x", 1),
    ]
    assert with_unmodelled(to_document(SITE), parts) == document
    assert unmodelled({"clusters": [{"battery": None, "hosts": [{"gpu": {"count": 0}}]}, 3]}) == unmodelled(None) == ()
