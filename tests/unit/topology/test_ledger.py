"""The fold of sim.topology: every verdict (PROTOCOL 5.2)."""

from __future__ import annotations

from dataclasses import replace

from opendt_streams.topology.ledger import Ledger, Verdict
from tests.unit.topology.ledgers import ROOT, event, fold, signed, topology


def test_an_event_on_the_head_of_its_branch_is_accepted() -> None:
    edit = event("edited", ROOT, topology(3))
    ledger, verdicts = fold(ROOT, edit)
    assert verdicts == [Verdict.ACCEPTED, Verdict.ACCEPTED]
    assert ledger.head is not None
    assert ledger.head.event == edit
    assert ledger.head.topology == topology(3)


def test_of_two_events_on_the_same_head_the_second_is_stale() -> None:
    ledger, verdicts = fold(ROOT, event("edited", ROOT, topology(3)), event("edited", ROOT, topology(4)))
    assert verdicts[2] is Verdict.STALE
    assert ledger.head is not None
    assert ledger.head.topology == topology(3)


def test_a_stale_verdict_names_both_heads() -> None:
    ledger = Ledger()
    ledger.add(0, ROOT)
    judged = ledger.add(1, event("edited", None, topology(3)))
    assert judged is not None
    assert judged.detail is not None
    assert ROOT.id in judged.detail


def test_a_forged_id_or_result_is_rejected() -> None:
    edit = event("edited", ROOT, topology(3))
    for forged in (replace(edit, reason="another"), replace(edit, result="0" * 64), replace(edit, topology=ROOT.topology)):
        assert fold(ROOT, forged)[1][1] is Verdict.BAD_DIGEST


def test_an_invalid_topology_is_rejected_with_the_path() -> None:
    ledger = Ledger()
    ledger.add(0, ROOT)
    judged = ledger.add(1, signed(replace(event("edited", ROOT), topology={"clusters": [{"name": "C", "hosts": []}]})))
    assert judged is not None
    assert judged.verdict is Verdict.INVALID
    assert "clusters[0].hosts" in (judged.detail or "")


def test_an_unknown_key_in_a_topology_is_refused_as_opendc_refuses_it() -> None:
    document = {**ROOT.topology, "comment": "x"}
    assert fold(ROOT, signed(replace(event("edited", ROOT), topology=document)))[1][1] is Verdict.INVALID


def test_other_rules_are_judged_by_those_who_know_them() -> None:
    assert fold(ROOT, signed(replace(event("edited", ROOT, topology(3)), rules=2)))[1][1] is Verdict.UNKNOWN_RULES


def test_a_ledger_begins_with_a_baseline_on_main() -> None:
    assert fold(event("edited", None))[1] == [Verdict.NO_PARENT]
    assert fold(event("baselined", None, branch="other"))[1] == [Verdict.NO_PARENT]
    assert fold(ROOT)[1] == [Verdict.ACCEPTED]


def test_a_second_first_baseline_is_stale() -> None:
    assert fold(ROOT, event("baselined", None, topology(3)))[1][1] is Verdict.STALE


def test_a_calibration_may_touch_power_models_only() -> None:
    assert fold(ROOT, event("calibrated", ROOT, topology(idle_w=60)))[1][1] is Verdict.ACCEPTED
    assert fold(ROOT, event("calibrated", ROOT, topology(3)))[1][1] is Verdict.NOT_ONLY_POWER
    assert fold(ROOT, event("edited", ROOT, topology(3)))[1][1] is Verdict.ACCEPTED


def test_a_branch_starts_from_any_accepted_event_and_leaves_main_alone() -> None:
    edit = event("edited", ROOT, topology(3))
    branched = event("branched", ROOT, topology(9), branch="what-if")
    on_branch = event("edited", branched, topology(10), branch="what-if")
    ledger, verdicts = fold(ROOT, edit, branched, on_branch)
    assert set(verdicts) == {Verdict.ACCEPTED}
    assert ledger.head is not None
    assert ledger.head.event == edit
    assert ledger.heads["what-if"].event == on_branch
    assert [a.event for a in ledger.main] == [ROOT, edit]


def test_a_branch_needs_an_accepted_parent_and_a_new_name() -> None:
    stale = event("edited", None, topology(4))
    branched = event("branched", ROOT, branch="b")
    assert fold(ROOT, stale, event("branched", stale, branch="b"))[1][2] is Verdict.BRANCH_EXISTS
    assert fold(ROOT, branched, event("branched", ROOT, topology(3), branch="b"))[1][2] is Verdict.BRANCH_EXISTS
    assert fold(ROOT, event("branched", ROOT, branch="main"))[1][1] is Verdict.BRANCH_EXISTS


def test_an_event_on_a_branch_that_does_not_exist_is_stale() -> None:
    assert fold(ROOT, event("edited", ROOT, branch="nowhere"))[1][1] is Verdict.STALE


def test_the_second_record_of_an_id_has_no_verdict_whatever_the_first_one_had() -> None:
    edit, stale = event("edited", ROOT, topology(3)), event("edited", ROOT, topology(4))
    ledger, verdicts = fold(ROOT, edit, stale, edit, stale, ROOT)
    assert verdicts[3:] == [None, None, None]
    assert ledger.verdicts[stale.id] is Verdict.STALE
    assert ledger.offset == 6


def test_the_head_at_a_pin_is_the_newest_accepted_event_below_it() -> None:
    edit = event("edited", ROOT, topology(3))
    stale = event("edited", ROOT, topology(4))
    third = event("edited", edit, topology(5))
    ledger, _ = fold(ROOT, edit, stale, third)
    heads = [ledger.head_at(pin) for pin in range(6)]
    assert [h and h.event for h in heads] == [None, ROOT, edit, edit, third, third]


def test_what_is_no_event_moves_the_offset_only() -> None:
    ledger, _ = fold(ROOT)
    ledger.skip(1)
    assert ledger.offset == 2
    assert ledger.head_at(2) == ledger.head_at(1)


def test_the_first_accepted_event_of_a_cause_on_main_is_found_by_it() -> None:
    first = event("edited", ROOT, topology(3), cause="c")
    branched = event("branched", ROOT, topology(8), branch="b", cause="on a branch")
    second = event("edited", first, topology(4), cause="c")
    ledger, _ = fold(ROOT, first, branched, second)
    assert ledger.by_cause["c"].event == first
    assert "on a branch" not in ledger.by_cause
    assert ledger.accepted(second.id) is not None
    assert ledger.accepted("nobody") is None
