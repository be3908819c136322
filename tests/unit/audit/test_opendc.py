"""A run that the real OpenDC simulated: what a replay needs for it, and what it takes over from the record."""

from __future__ import annotations

from pathlib import Path

import pytest

from opendt_streams.audit.replay.machines import on_this_machine
from opendt_streams.engine.opendc.installation import VARIABLE
from opendt_streams.errors import Unavailable
from opendt_streams.settings import Settings, load
from tests.contract.engine.standing_in import stand_in


def logged(home: Path | None = None) -> Settings:
    return load(flags={"engine.name": "opendc", "engine.opendc.home": None if home is None else str(home)}).settings


@pytest.fixture(autouse=True)
def no_opendc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


def test_without_opendc_it_says_what_it_needs() -> None:
    with pytest.raises(Unavailable, match=r"the real OpenDC simulated this run, so a replay needs it: .*OPENDC_HOME"):
        on_this_machine(logged())


def test_this_machines_own_goes_before_where_the_run_had_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = logged(tmp_path / "theirs")
    with pytest.raises(Unavailable, match="theirs"):
        on_this_machine(theirs)
    monkeypatch.setenv(VARIABLE, str(stand_in(tmp_path / "ours", "answers")))
    here = on_this_machine(theirs)
    assert here.engine.opendc.home is None
    assert here.engine.model_copy(update={"opendc": theirs.engine.opendc}) == theirs.engine


def test_a_native_run_needs_nothing() -> None:
    settings = load().settings
    assert on_this_machine(settings) is settings
