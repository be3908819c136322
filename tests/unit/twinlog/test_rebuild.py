"""The twinning log is a projection: made anew from the topics alone it is the same, byte for byte."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opendt_streams.twinlog.digest import twinlog_digest
from opendt_streams.twinlog.rebuild import rebuild
from opendt_streams.twinlog.writer import TwinLog
from tests.unit.twin.logs import DATACENTER
from tests.unit.twin.scenario import GRID
from tests.unit.twinlog.disk import Impatient, contents
from tests.unit.twinlog.worlds import by_topic, logs_of, reading


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 10_000))
def test_live_and_rebuilt_are_the_same_files(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    folder, logs = tmp_path_factory.mktemp("twinlog"), logs_of(seed)
    live = rebuild(TwinLog(folder / "live", Impatient()), DATACENTER, GRID, reading(logs, Random(seed)))
    rebuilt = rebuild(TwinLog(folder / "rebuilt", Impatient()), DATACENTER, GRID, by_topic(logs))
    assert live.complete == rebuilt.complete
    files = contents(folder / "rebuilt")
    checkpoints = [contents(folder / name).pop("recorder.json") for name in ("live", "rebuilt")]
    assert {k: v for k, v in contents(folder / "live").items() if k != "recorder.json"} == {
        k: v for k, v in files.items() if k != "recorder.json"
    }
    assert checkpoints[0] == checkpoints[1]
    assert twinlog_digest(folder / "live") == twinlog_digest(folder / "rebuilt")


def test_rebuilding_over_what_is_there_changes_nothing(tmp_path: Path) -> None:
    logs = logs_of(5)
    rebuild(TwinLog(tmp_path, Impatient()), DATACENTER, GRID, by_topic(logs))
    before = contents(tmp_path)
    rebuild(TwinLog(tmp_path, Impatient()), DATACENTER, GRID, by_topic(logs))
    assert contents(tmp_path) == before
