"""`engine.semantics` reaches the engine of the twin."""

from __future__ import annotations

import pytest

from opendt_streams.engine.native import NATIVE
from opendt_streams.errors import BadConfiguration
from opendt_streams.settings import load
from opendt_streams.twin.simulator import Simulator


@pytest.fixture(autouse=True)
def _alone(no_settings_from_outside: None) -> None:
    pass


def test_it_arrives() -> None:
    older, newer = load().settings, load(flags={"engine.semantics": "2.4g+"}).settings
    assert (older.engine.semantics, newer.engine.semantics) == ("2.4f", "2.4g+")
    simulator = Simulator("DC", newer.grid, NATIVE, newer.simulator.policy, newer.engine.semantics)
    simulator.intake.first_ms = 0
    assert simulator.engine_settings().semantics == "2.4g+"


def test_other_semantics_are_refused() -> None:
    with pytest.raises(BadConfiguration, match=r"2\.4f.*2\.4g\+"):
        load(flags={"engine.semantics": "2.5"})
