"""`opendt topology log | show` over a run's topics."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from opendt_streams.cli.topology import app
from opendt_streams.errors import OpenDTError
from opendt_streams.model import times
from opendt_streams.wire import topics
from opendt_streams.wire.messages import DecisionRecorded, ResultRecorded
from tests.integration.streams.harness import DATACENTER, START_MS
from tests.integration.streams.undisturbed import Undisturbed


def topology(*arguments: str) -> tuple[int, str]:
    """Exit code and what is said, errors answered as `opendt` answers them."""
    result = CliRunner().invoke(app, list(arguments))
    if isinstance(result.exception, OpenDTError):
        return result.exception.exit_code, str(result.exception)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout


def answer(undisturbed: Undisturbed, *arguments: str) -> dict[str, Any]:
    code, said = topology(*arguments, "--run-dir", str(undisturbed.twin.folder), "--json")
    assert code == 0
    return dict(json.loads(said))


def test_the_log_names_every_event_and_from_when_windows_used_it(undisturbed: Undisturbed) -> None:
    events = answer(undisturbed, "log")["events"]
    assert [e["offset"] for e in events] == list(range(len(undisturbed.logs[topics.LEDGER])))
    assert {e["kind"] for e in events} == {"baselined", "calibrated"}
    assert all(e["accepted"] and e["recorded"] and e["changes"] for e in events)
    results = [m.result for r in undisturbed.logs[topics.RESULTS] if isinstance(m := r.message(), ResultRecorded)]
    used = {r.topology_event: r.window_start_ms for r in reversed(results)}  # the first window of each
    first_used = {e["id"]: e["effective"] for e in events if e["id"] in used}
    assert first_used == {event: times.iso(window_ms) for event, window_ms in used.items()}
    assert len(used) > 5


def test_show_is_what_the_newest_decision_says(undisturbed: Undisturbed) -> None:
    decisions = [m.decision for r in undisturbed.logs[topics.CALIBRATION] if isinstance(m := r.message(), DecisionRecorded)]
    newest = next(d for d in reversed(decisions) if d.topology_event)
    shown = answer(undisturbed, "show")
    assert shown["event"]["id"] == newest.topology_event
    host = shown["topology"]["clusters"][0]["hosts"][0]
    assert host["cpuPowerModel"] == newest.parameters["0/0"]


@pytest.mark.parametrize("hour", [0, 1, 5])
def test_show_effective_is_what_the_windows_used(undisturbed: Undisturbed, hour: int) -> None:
    time_ms = START_MS + hour * times.HOUR + 12 * times.MINUTE
    said = (r.message() for r in undisturbed.logs[topics.RESULTS])
    used = next(m.result for m in said if isinstance(m, ResultRecorded) and m.result.window_end_ms > time_ms)
    assert answer(undisturbed, "show", "--effective", times.iso(time_ms))["event"]["id"] == used.topology_event


def test_people_get_tables(undisturbed: Undisturbed) -> None:
    folder = ("--run-dir", str(undisturbed.twin.folder))
    assert all(word in topology("log", *folder)[1] for word in (DATACENTER, "by calibrator", "cpuPowerModel.idlePower"))
    assert all(word in topology("show", *folder)[1] for word in (DATACENTER, "busy-linear", "thin"))


@pytest.mark.parametrize("arguments", [("log",), ("show",), ("show", "--effective", "yesterday")])
def test_a_folder_without_a_run_is_wrong_use(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert topology(*arguments, "--run-dir", str(tmp_path))[0] == 2
    assert topology(*arguments, "--run-dir", str(tmp_path / "none"))[0] == 2
