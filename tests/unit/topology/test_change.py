"""People's wishes as events: what comes out, and what is refused before anything is written."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from opendt_streams.errors import BadInput
from opendt_streams.model.topology import Topology
from opendt_streams.topology.change import Edit, Revert, Stale, Wish, events_of, named, newer_than
from opendt_streams.topology.ledger import Ledger, Verdict
from opendt_streams.wire.topics import MAX_VALUE_BYTES
from tests.unit.topology.ledgers import ROOT, event, fold, topology

SECOND = event("edited", ROOT, topology(3), cause="edit|second")
THIRD = event("calibrated", SECOND, topology(3, idle_w=70), cause="dc|2024-03-04T01:00:00Z")
BRANCHED = event("branched", SECOND, topology(3), branch="what-if/x")


def ledger() -> Ledger:
    return fold(ROOT, SECOND, THIRD, BRANCHED)[0]


def edit(after: Topology, *, key: str = "k", **more: Any) -> Wish:
    return Wish(Edit(lambda _: after, key), **{"actor": "ann", "reason": "because", **more})


def revert(to: str, **more: Any) -> Wish:
    return Wish(Revert(to), **{"actor": "ann", "reason": "because", **more})


def test_an_edit_goes_on_top_of_the_head_with_who_and_why() -> None:
    (made,) = events_of(ledger(), edit(topology(9)))
    assert (made.kind, made.parent, made.branch) == ("edited", THIRD.id, "main")
    assert (made.actor, made.reason, made.cause) == ("ann", "because", "edit|k")
    assert ledger().add(4, made) is not None
    assert fold(ROOT, SECOND, THIRD, BRANCHED, made)[1][-1] is Verdict.ACCEPTED


def test_a_change_is_made_of_the_parents_topology() -> None:
    seen: list[Topology] = []

    def change(parent: Topology) -> Topology:
        seen.append(parent)
        return topology(9)

    events_of(ledger(), Wish(Edit(change, "k"), "ann", "because"))
    assert seen == [topology(3, idle_w=70)]


def test_the_head_may_be_stated_as_parent_by_its_first_characters() -> None:
    assert events_of(ledger(), edit(topology(9), parent=THIRD.id[:8])) == events_of(ledger(), edit(topology(9)))


def test_a_stale_parent_is_told_who_came_first() -> None:
    with pytest.raises(Stale, match=THIRD.id) as told:
        events_of(ledger(), edit(topology(9), parent=ROOT.id))
    assert [a.event for a in told.value.since] == [SECOND, THIRD]
    assert told.value.parent.event == ROOT
    assert told.value.exit_code == 1


def test_a_revert_takes_the_topology_of_an_earlier_event_to_the_head() -> None:
    (made,) = events_of(ledger(), revert(ROOT.id[:10]))
    assert (made.kind, made.parent, made.cause) == ("reverted", THIRD.id, f"revert|{ROOT.id}")
    assert made.topology == ROOT.topology
    assert fold(ROOT, SECOND, THIRD, BRANCHED, made)[1][-1] is Verdict.ACCEPTED


def test_a_revert_may_name_an_event_of_another_branch() -> None:
    on_branch = event("edited", BRANCHED, topology(11), branch="what-if/x")
    (made,) = events_of(fold(ROOT, SECOND, BRANCHED, on_branch)[0], revert(on_branch.id))
    assert (made.branch, made.parent, made.topology) == ("main", SECOND.id, on_branch.topology)


def test_a_new_branch_starts_at_the_parent_and_main_stays_as_it_is() -> None:
    first, second = events_of(ledger(), edit(topology(9), branch="what-if/new", parent=ROOT.id))
    assert (first.kind, first.parent, first.topology, first.cause) == ("branched", ROOT.id, ROOT.topology, "branch|what-if/new")
    assert (second.kind, second.parent, second.branch) == ("edited", first.id, "what-if/new")
    after, verdicts = fold(ROOT, SECOND, THIRD, BRANCHED, first, second)
    assert set(verdicts) == {Verdict.ACCEPTED}
    assert after.head == ledger().head
    assert after.heads["what-if/new"].topology == topology(9)


def test_a_new_branch_starts_at_the_head_of_main_if_nothing_is_stated() -> None:
    assert events_of(ledger(), edit(topology(9), branch="what-if/new"))[0].parent == THIRD.id


def test_an_edit_on_a_branch_that_exists_goes_on_its_head() -> None:
    (made,) = events_of(ledger(), edit(topology(9), branch="what-if/x"))
    assert (made.parent, made.branch) == (BRANCHED.id, "what-if/x")


def test_a_parent_before_the_start_of_a_branch_is_stale_there() -> None:
    with pytest.raises(Stale) as told:
        events_of(ledger(), edit(topology(9), branch="what-if/x", parent=ROOT.id))
    assert [a.event for a in told.value.since] == [SECOND, BRANCHED]


def test_a_parent_of_another_branch_is_no_parent_here() -> None:
    with pytest.raises(BadInput, match="is not on what-if/x but on main"):
        events_of(ledger(), edit(topology(9), branch="what-if/x", parent=THIRD.id))
    with pytest.raises(BadInput, match="is not on main but on what-if/x"):
        events_of(ledger(), edit(topology(9), parent=BRANCHED.id))


@pytest.mark.parametrize("wish", [edit(topology(3, idle_w=70)), revert(THIRD.id), edit(topology(3, idle_w=70), branch="what-if/new")])
def test_what_changes_nothing_is_refused(wish: Wish) -> None:
    with pytest.raises(BadInput, match="changes nothing"):
        events_of(ledger(), wish)


def test_the_same_request_again_is_the_same_event() -> None:
    (made,) = events_of(ledger(), edit(topology(9)))
    later = event("edited", made, topology(10), cause="edit|later")
    for after in (fold(ROOT, SECOND, THIRD, made)[0], fold(ROOT, SECOND, THIRD, made, later)[0]):
        assert events_of(after, edit(topology(9), parent=THIRD.id)) == (made,)
    branched = events_of(ledger(), edit(topology(9), branch="what-if/new"))
    assert events_of(fold(ROOT, SECOND, THIRD, *branched)[0], edit(topology(9), branch="what-if/new")) == branched[1:]


def test_a_key_is_for_one_change() -> None:
    (made,) = events_of(ledger(), edit(topology(9)))
    with pytest.raises(BadInput, match=f"another change: {made.id}"):
        events_of(fold(ROOT, SECOND, THIRD, made)[0], edit(topology(10)))


def test_one_key_may_serve_two_branches() -> None:
    (made,) = events_of(ledger(), edit(topology(9)))
    after = fold(ROOT, SECOND, THIRD, BRANCHED, made)[0]
    assert events_of(after, edit(topology(9), branch="what-if/x"))[0].parent == BRANCHED.id


@pytest.mark.parametrize("key", ["", "dc|x", "2024-03-04T01:00:00Z", "a b", "é", "x" * 101, "a\n"])
def test_no_key_makes_the_cause_of_a_machine(key: str) -> None:
    with pytest.raises(BadInput, match="key"):
        events_of(ledger(), edit(topology(9), key=key))


@pytest.mark.parametrize(
    "name", ["other", "what-if/", "what-if/a/b", "what-if/..", "what-if/.x", "What-if/x", "what-if/a b", "what-if/x\n", ""]
)
def test_a_branch_has_a_name_that_a_folder_can_have(name: str) -> None:
    with pytest.raises(BadInput, match="branch"):
        events_of(ledger(), edit(topology(9), branch=name))


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("actor", ""),
        ("actor", " "),
        ("reason", "\n"),
        ("reason", "\x1b[2J"),
        ("actor", "a\x00"),
        ("reason", "\udcff"),
        ("reason", "x" * 10_001),
    ],
)
def test_actor_and_reason_are_text_that_others_can_read(field: str, text: str) -> None:
    with pytest.raises(BadInput, match=field):
        events_of(ledger(), edit(topology(9), **{field: text}))


def test_people_may_write_in_their_language_and_in_lines() -> None:
    (made,) = events_of(ledger(), edit(topology(9), actor="Søren", reason="Gestell 7:\n\tüber Nacht aus"))
    assert fold(ROOT, SECOND, THIRD, made)[1][-1] is Verdict.ACCEPTED


def test_an_empty_ledger_cannot_be_changed() -> None:
    for wish in (edit(topology(9)), edit(topology(9), branch="what-if/new")):
        with pytest.raises(BadInput, match="no topology yet"):
            events_of(Ledger(), wish)


def test_an_event_that_no_topic_takes_is_not_made() -> None:
    long = Topology((replace(topology(2).clusters[0], name="C" * MAX_VALUE_BYTES),))
    with pytest.raises(BadInput, match=f"at most {MAX_VALUE_BYTES}"):
        events_of(ledger(), edit(long))


@pytest.mark.parametrize("text", ["", "abc", ROOT.id[:7], ROOT.id.upper(), ROOT.id + "0", "main", "zzzzzzzz"])
def test_what_names_no_event_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="parent"):
        named(ledger(), text, "parent")


def test_a_rejected_event_is_no_parent_and_the_reason_is_told() -> None:
    stale = event("edited", ROOT, topology(8))
    with pytest.raises(BadInput, match="was rejected: stale"):
        named(fold(ROOT, SECOND, stale)[0], stale.id, "to")


def test_a_beginning_that_two_events_share_names_neither() -> None:
    folded = ledger()
    folded.verdicts[ROOT.id[:8] + "0" * 56] = Verdict.BAD_DIGEST
    with pytest.raises(BadInput, match="2 events begin with"):
        named(folded, ROOT.id[:8], "to")
    assert named(folded, ROOT.id, "to").event == ROOT


def test_what_is_newer_than_an_event() -> None:
    def ids(branch: str, parent: str) -> list[str]:
        return [a.event.id for a in newer_than(ledger(), branch, parent)]

    assert ids("main", ROOT.id) == [SECOND.id, THIRD.id]
    assert ids("main", THIRD.id) == []
    assert ids("what-if/x", THIRD.id) == [BRANCHED.id]  # no ancestor: all that was written there
    assert ids("nowhere", ROOT.id) == []
