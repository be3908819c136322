"""The ledger's story: verdicts, what changed, and from when the windows used it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from opendt_streams.errors import BadInput
from opendt_streams.model import times
from opendt_streams.model.event import TopologyEvent
from opendt_streams.model.topology import Cluster, HostGroup, PowerModel, Topology
from opendt_streams.topology.events import make_event
from opendt_streams.topology.history import REPEATED, History, Pins, Written

T0 = times.parse("2022-10-06T22:20:00Z")  # the first window; the first instant is at 23:00
H = times.HOUR
FIRST = times.parse("2022-10-06T23:00:00Z")


def site(idle_w: float, hosts: int = 3) -> Topology:
    group = HostGroup("H", hosts, 1, 4, 1000.0, 1024, PowerModel(idle_power_w=idle_w, max_power_w=400.0))
    return Topology((Cluster("C", (group,)),))


def event(parent: TopologyEvent | None, idle_w: float, *, hosts: int = 3, kind: str = "calibrated") -> TopologyEvent:
    return make_event(
        parent=parent.id if parent else None,
        kind="baselined" if parent is None else kind,  # type: ignore[arg-type]
        actor="somebody",
        reason="because",
        cause=f"cause {idle_w}",
        topology=site(idle_w, hosts),
    )


BASE = event(None, 50.0)
WARMER = event(BASE, 60.0)
TOO_LATE = event(BASE, 70.0)
WARMEST = event(WARMER, 80.0)


def history(*written: TopologyEvent | None, pins: dict[int, int] | None = None, first: int | None = T0) -> History:
    records = [Written(offset, f"recorded {offset}", e) for offset, e in enumerate(written)]
    return History(records, Pins(pins or {}, H, first))


def test_every_event_has_its_verdict_and_what_it_changed() -> None:
    told = history(BASE, WARMER, TOO_LATE, None, WARMER).entries
    assert [(e.offset, e.accepted) for e in told] == [(0, True), (1, True), (2, False), (4, False)]
    assert told[0].changes == ("first topology: 1 clusters, 1 host groups, 3 hosts",)
    assert told[1].changes == ("C/H cpuPowerModel.idlePower: 50 -> 60",)
    assert told[2].verdict.startswith("stale")
    assert told[2].changes == ("C/H cpuPowerModel.idlePower: 50 -> 70",)
    assert told[3].verdict == REPEATED
    assert told[1].recorded == "recorded 1"


def test_what_cannot_be_a_topology_changes_nothing() -> None:
    broken = replace(BASE, topology={"clusters": []})
    (told,) = history(broken).entries
    assert not told.accepted
    assert told.changes == ()


def test_an_event_is_effective_at_the_first_instant_that_pins_it() -> None:
    told = history(BASE, WARMER, WARMEST, pins={FIRST: 1, FIRST + H: 2, FIRST + 2 * H: 2})
    assert [e.effective_ms for e in told.entries] == [T0, FIRST + H, None]


@pytest.mark.parametrize(
    ("time_ms", "used"),
    [(T0, BASE), (FIRST - 1, BASE), (FIRST, BASE), (FIRST + H, WARMER), (FIRST + 2 * H - 1, WARMER), (FIRST + 2 * H, WARMEST)],
)
def test_windows_used_what_their_hour_pins(time_ms: int, used: TopologyEvent) -> None:
    told = history(BASE, WARMER, TOO_LATE, WARMEST, pins={FIRST: 1, FIRST + H: 3, FIRST + 2 * H: 4})
    assert told.at(time_ms).entry.event == used


def test_now_is_the_newest_accepted_event() -> None:
    found = history(BASE, WARMER, TOO_LATE).now()
    assert found.entry.event == WARMER
    assert found.topology == site(60.0)


@pytest.mark.parametrize(
    ("time_ms", "first", "complaint"),
    [(T0 - 1, T0, "the first window starts at"), (T0, None, "nothing is simulated"), (FIRST + H, T0, "not decided")],
)
def test_times_without_windows_are_refused(time_ms: int, first: int | None, complaint: str) -> None:
    with pytest.raises(BadInput, match=complaint):
        history(BASE, pins={FIRST: 1}, first=first).at(time_ms)


def test_an_empty_ledger_has_no_topology() -> None:
    with pytest.raises(BadInput, match="no topology"):
        history().now()


def test_a_branch_has_a_newest_event_of_its_own() -> None:
    tried = make_event(parent=BASE.id, kind="branched", actor="ann", reason="r", cause="c", topology=site(90.0), branch="what-if/warm")
    told = history(BASE, WARMER, tried)
    assert told.now("what-if/warm").entry.event == tried
    assert told.now().entry.event == WARMER
    with pytest.raises(BadInput, match="no branch what-if/cold; expected main, what-if/warm"):
        told.now("what-if/cold")


def test_a_decision_that_pins_more_than_was_known_decides_nothing_yet() -> None:
    records = [Written(offset, None, e) for offset, e in enumerate((BASE, WARMER))]
    pins = Pins({FIRST: 2, FIRST + H: 3}, H, T0)
    told = History(records, pins, as_of="12:00")
    assert told.at(FIRST).entry.event == WARMER
    with pytest.raises(BadInput, match="is not decided as of 12:00; expected a time before 2022-10-07T00:00:00Z"):
        told.at(FIRST + H)
    assert History([*records, Written(2, None, None)], pins).at(FIRST + H).entry.event == WARMER


def test_what_was_empty_says_as_of_when() -> None:
    with pytest.raises(BadInput, match="holds no topology as of 12:00"):
        History([], Pins({}, H, None), as_of="12:00").now()
    with pytest.raises(BadInput, match="nothing is simulated yet as of 12:00"):
        History([], Pins({}, H, None), as_of="12:00").at(T0)


def test_what_comes_later_is_added_and_the_past_stays_as_it_was() -> None:
    pins: dict[int, int] = {}
    grown = History([], Pins(pins, H, T0))
    grown.add(Written(0, None, BASE))
    before = grown.as_of(1, Pins({}, H, T0), "then")
    grown.add(Written(1, None, WARMER))
    assert [e.effective_ms for e in grown.entries] == [T0, None]
    pins[FIRST + H] = 2
    assert [e.effective_ms for e in grown.entries] == [T0, FIRST + H]
    assert (grown.now().entry.event, before.now().entry.event) == (WARMER, BASE)
    assert (len(before.entries), before.at(T0).entry.event) == (1, BASE)
    with pytest.raises(BadInput, match="not decided as of then"):
        before.at(FIRST + H)
