from __future__ import annotations

from opendt_streams.calibration.scopes import level, power_of, scopes_of
from opendt_streams.model.power import WHOLE_DATACENTER, Meter, PowerSample
from opendt_streams.model.topology import Cluster, Topology
from tests.unit.calibration.site import group

SITE = Topology((Cluster("A", (group("x"), group("y"))), Cluster("B", (group("z"),))))
AX, AY, B = Meter("A", "x"), Meter("A", "y"), Meter("B")


def samples(at: dict[Meter, float], times_ms: tuple[int, ...] = (1, 2, 3)) -> list[PowerSample]:
    return [PowerSample(t, w, meter) for t in times_ms for meter, w in at.items()]


def names(given: list[PowerSample], known: tuple[Meter, ...] = ()) -> list[str]:
    return [scope.name for scope in scopes_of(given, SITE, known)]


def test_the_finest_meters_that_measure_everything_are_the_scopes() -> None:
    assert names(samples({AX: 1.0, AY: 2.0, B: 3.0})) == ["A/x", "A/y", "B"]
    assert names(samples({Meter("A"): 3.0, B: 3.0})) == ["A", "B"]
    assert names(samples({Meter("A"): 3.0, AX: 1.0, AY: 2.0, B: 3.0})) == ["A/x", "A/y", "B"]
    assert names(samples({WHOLE_DATACENTER: 6.0})) == [""]
    assert names(samples({AX: 1.0, B: 3.0})) == [""]  # nobody measures A/y


def test_beside_a_meter_of_the_whole_finer_ones_must_agree_with_it() -> None:
    assert names(samples({WHOLE_DATACENTER: 6.05, Meter("A"): 3.0, B: 3.0})) == ["A", "B"]
    assert names(samples({WHOLE_DATACENTER: 7.0, Meter("A"): 3.0, B: 3.0})) == [""]


def test_a_meter_that_says_nothing_for_a_while_still_tells_apart() -> None:
    given = samples({AX: 1.0, B: 3.0})
    assert names(given, (AX, AY, B)) == ["A/x", "A/y", "B"]
    times_ms, power_w = power_of(given, scopes_of(given, SITE, (AX, AY, B)))
    assert times_ms.tolist() == [1, 2, 3]
    assert [p != p for p in power_w[0].tolist()] == [False, True, False]


def test_it_is_said_what_kind_of_parts_they_are() -> None:
    assert level(scopes_of(samples({AX: 1.0, AY: 2.0, Meter("B", "z"): 3.0}), SITE)) == "host groups"
    assert level(scopes_of(samples({AX: 1.0, AY: 2.0, B: 3.0}), SITE)) == "clusters"
    assert level(scopes_of(samples({WHOLE_DATACENTER: 6.0}), SITE)) == "datacenter"
