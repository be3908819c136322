"""The promises of PROTOCOL in random worlds: any interleaving, redelivery, crash, double worker, edit and silence.

`python -m tests.unit.twin.search SECONDS` searches longer.
"""

from __future__ import annotations

from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.twin.scenario import Faults
from tests.unit.twin.search import MIXES, check

PROFILE = settings(max_examples=600, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@PROFILE
@given(st.randoms(use_true_random=False), st.sampled_from(MIXES), st.integers(1, 3))
def test_the_promises_hold_in_any_world(rng: Random, faults: Faults, instants: int) -> None:
    violations, world = check(rng, instants, faults)
    assert violations == [], world.trace
