"""The search is sharp: every other reading of the protocol, put into the machines, breaks a promise within a few worlds."""

from __future__ import annotations

from itertools import count
from typing import Final

import pytest

from tests.unit.twin.other_readings import READINGS
from tests.unit.twin.search import seeded

MOST_WORLDS: Final = 250


@pytest.mark.parametrize("name", READINGS)
def test_another_reading_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    reading = READINGS[name]
    reading.patch(monkeypatch)
    for seed in count():
        assert seed < MOST_WORLDS, "no world breaks"
        if seeded(seed, reading.faults)[0]:
            break
