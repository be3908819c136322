"""The promises of PROTOCOL in random worlds: any interleaving, redelivery, crash, double worker, edit and silence.

`python -m tests.unit.twin.search SECONDS` searches longer.
"""

from __future__ import annotations

from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opendt_streams.engine.native import NATIVE
from tests.unit.twin.scenario import Faults
from tests.unit.twin.search import MIXES, check

ALWAYS_THE_SAME = settings(deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@settings(ALWAYS_THE_SAME, max_examples=350)
@given(st.integers(0, 2**32).map(Random), st.sampled_from(MIXES), st.integers(1, 4))
def test_the_promises_hold_in_any_world(rng: Random, faults: Faults, instants: int) -> None:
    violations, world = check(rng, instants, faults)
    assert violations == [], world.trace


@settings(ALWAYS_THE_SAME, max_examples=70)
@given(st.randoms(use_true_random=False), st.sampled_from(MIXES), st.integers(1, 2))
def test_the_promises_hold_in_worlds_that_shrink(rng: Random, faults: Faults, instants: int) -> None:
    """Hypothesis draws every single choice here, so what it finds it also makes small."""
    violations, world = check(rng, instants, faults)
    assert violations == [], world.trace


@settings(ALWAYS_THE_SAME, max_examples=25)
@given(st.integers(0, 2**32).map(Random), st.sampled_from(MIXES), st.integers(1, 2))
def test_the_promises_hold_with_our_own_engine(rng: Random, faults: Faults, instants: int) -> None:
    violations, world = check(rng, instants, faults, NATIVE)
    assert violations == [], world.trace
