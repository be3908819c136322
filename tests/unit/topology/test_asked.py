"""What people call an event, to compare it with another."""

from __future__ import annotations

from dataclasses import replace

import pytest

from opendt_streams.errors import BadInput
from opendt_streams.model import times
from opendt_streams.topology.asked import place
from opendt_streams.topology.history import History, Pins, Written
from tests.unit.topology.ledgers import ROOT, event, signed, topology

START = times.parse("2022-10-06T22:00:00Z")
EDIT = event("edited", ROOT, topology(3))
STALE = event("edited", ROOT, topology(4))
LAST = event("edited", EDIT, topology(5))
TRIED = event("branched", EDIT, topology(3), branch="what-if/more")
MORE = event("edited", TRIED, topology(9), branch="what-if/more")
BROKEN = signed(replace(EDIT, topology={"clusters": []}))


@pytest.fixture
def history() -> History:
    events = [ROOT, EDIT, STALE, None, LAST, TRIED, MORE]
    written = [Written(offset, None, one) for offset, one in enumerate(events)]
    return History(written, Pins({START + times.HOUR: 2, START + 2 * times.HOUR: 6}, times.HOUR, START))


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("0", ROOT),
        ("2", STALE),
        (EDIT.id, EDIT),
        (MORE.id[:8], MORE),
        ("head", LAST),
        ("main", LAST),
        ("head~1", EDIT),
        ("head~2", ROOT),
        ("what-if/more", MORE),
        ("what-if/more~1", TRIED),
        ("what-if/more~2", EDIT),
        ("2022-10-06T22:30:00Z", ROOT),
        ("2022-10-06T23:30:00Z", EDIT),
        ("2022-10-07T00:00:00Z", LAST),
    ],
)
def test_places(history: History, asked: str, found: object) -> None:
    assert place(history, asked, "A").entry.event == found


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        ("3", "no event at offset 3"),
        ("7", "no offset 7"),
        ("head~3", "only 2 events come before"),
        ("what-if/none", "no branch what-if/none; expected main, what-if/more"),
        ("0" * 64, "holds no event"),
        ("2022-10-07T05:00:00Z", "not decided"),
        ("2022-10-06T21:00:00Z", "no window"),
        ("tail", "is not a time"),
    ],
)
def test_what_names_no_event_is_refused(history: History, asked: str, complaint: str) -> None:
    with pytest.raises(BadInput, match=complaint):
        place(history, asked, "A")


def test_an_event_without_a_topology_is_refused() -> None:
    history = History([Written(0, None, ROOT), Written(1, None, BROKEN)], Pins({}, times.HOUR, None))
    with pytest.raises(BadInput, match="A: the event at offset 1 holds no topology"):
        place(history, "1", "A")
