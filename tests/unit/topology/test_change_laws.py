"""Laws of writing: what a writer makes is accepted as things stand, and of all who build on one head exactly one wins."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opendt_streams.errors import BadInput
from opendt_streams.model.event import MAIN, TopologyEvent
from opendt_streams.topology.change import Edit, Events, Revert, Stale, Wish, events_of, newer_than
from opendt_streams.topology.ledger import Ledger, Verdict
from tests.unit.topology.ledgers import ROOT, topology

BRANCHES = (MAIN, "what-if/a", "what-if/b")


def begun() -> Ledger:
    ledger = Ledger()
    ledger.add(0, ROOT)
    return ledger


def some_wish(rng: Random, ledger: Ledger, serial: int) -> Wish:
    ids = list(ledger.verdicts)
    made = topology(rng.randrange(1, 6), idle_w=50 + rng.randrange(3))
    what = Revert(rng.choice(ids)) if rng.random() < 0.3 else Edit(lambda _: made, f"k{serial}")
    return Wish(what, "ann", "because", rng.choice(BRANCHES), rng.choice(ids) if rng.random() < 0.3 else None)


def made(ledger: Ledger, wish: Wish) -> Events:
    try:
        return events_of(ledger, wish)
    except (BadInput, Stale):
        return ()


@given(st.randoms(use_true_random=False))
def test_what_is_made_of_a_fold_is_accepted_by_it(rng: Random) -> None:
    ledger = begun()
    for serial in range(12):
        for event in made(ledger, some_wish(rng, ledger, serial)):
            judged = ledger.add(ledger.offset, event)
            assert judged is not None
            assert judged.verdict is Verdict.ACCEPTED


@given(st.randoms(use_true_random=False))
def test_whatever_a_stale_writer_made_the_log_takes_at_most_one_on_each_head(rng: Random) -> None:
    """Several writers fold, each as far as it has read; the log orders what they write."""
    log = [ROOT]
    for serial in range(12):
        seen = Ledger()
        for offset, event in enumerate(log[: max(1, len(log) - rng.randrange(4))]):
            seen.add(offset, event)
        log += made(seen, some_wish(rng, seen, serial))
    ledger, reader = Ledger(), Ledger()
    verdicts = [ledger.add(offset, event) for offset, event in enumerate(log)]
    assert verdicts == [reader.add(offset, event) for offset, event in enumerate(log)]
    accepted = [judged.event for judged in verdicts if judged is not None and judged.verdict is Verdict.ACCEPTED]
    on_branches = [(e.branch, e.parent) for e in accepted if e.kind != "branched"]
    assert len(on_branches) == len(set(on_branches))
    assert {judged.verdict for judged in verdicts if judged is not None} <= {Verdict.ACCEPTED, Verdict.STALE, Verdict.BRANCH_EXISTS}


def race_for_the_head(ledger: Ledger, key: str, hosts: int) -> TopologyEvent:
    (event,) = events_of(ledger, Wish(Edit(lambda _: topology(hosts), key), key, "race"))
    return event


@pytest.mark.parametrize("seed", range(3))
def test_of_two_writers_on_one_head_exactly_one_wins_a_thousand_times(seed: int) -> None:
    rng, ledger = Random(seed), begun()
    readers = (begun(), begun())
    for race in range(1000):
        pair = [race_for_the_head(ledger, f"{race}-{name}", hosts=2 * race + 3 + name) for name in (0, 1)]
        rng.shuffle(pair)
        verdicts = []
        for event in pair:
            judged = ledger.add(ledger.offset, event)
            assert judged is not None
            assert all(reader.add(reader.offset, event) == judged for reader in readers)
            verdicts.append(judged.verdict)
        assert verdicts == [Verdict.ACCEPTED, Verdict.STALE]
        assert pair[0].parent is not None
        assert [a.event for a in newer_than(ledger, MAIN, pair[0].parent)] == [pair[0]]  # what the loser is told
