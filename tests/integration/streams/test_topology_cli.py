"""`opendt topology log | show | diff | verify` and `opendt audit as-of` over a run's topics."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonpatch
import pytest
import typer
from typer.testing import CliRunner

from opendt_streams.cli.audit_asof import as_of
from opendt_streams.cli.topology import app
from opendt_streams.errors import OpenDTError
from opendt_streams.model import times
from opendt_streams.wire import topics
from opendt_streams.wire.messages import DecisionRecorded, ResultRecorded
from tests.integration.streams.harness import DATACENTER, START_MS
from tests.integration.streams.undisturbed import Undisturbed


def topology(*arguments: str, command: typer.Typer = app) -> tuple[int, str]:
    """Exit code and what is said, errors answered as `opendt` answers them."""
    result = CliRunner().invoke(command, list(arguments))
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


def test_show_believed_is_the_ledger_as_it_was(undisturbed: Undisturbed) -> None:
    ledger = undisturbed.logs[topics.LEDGER]
    third = ledger[2]
    event = json.loads(third.value or b"")
    between = times.iso(ledger[3].timestamp_ms - 1)
    for believed in ("2", event["id"], event["id"][:8], times.iso(third.timestamp_ms), between):
        shown = answer(undisturbed, "show", "--believed", believed)
        assert shown["event"]["id"] == event["id"]
        assert shown["topology"] == answer(undisturbed, "diff", "0", "2")["b"]["topology"]
    assert answer(undisturbed, "show", "--believed", "2")["believed"] == times.iso(third.timestamp_ms)


def test_of_what_was_not_decided_then_it_says_so(undisturbed: Undisturbed) -> None:
    folder = ("--run-dir", str(undisturbed.twin.folder))
    late = times.iso(START_MS + 5 * times.HOUR + 12 * times.MINUTE)
    assert topology("show", "--effective", late, *folder)[0] == 0
    code, said = topology("show", "--effective", late, "--believed", "2", *folder)
    assert code == 2
    assert "is not decided as of 2" in said


def test_the_patch_makes_one_topology_of_the_other(undisturbed: Undisturbed) -> None:
    for a, b in (("0", "head"), ("head~1", "head"), ("head", "1"), ("head", "head")):
        different = answer(undisturbed, "diff", a, b)
        before, after = different["a"]["topology"], different["b"]["topology"]
        assert jsonpatch.apply_patch(before, different["patch"]) == after
        assert bool(different["patch"]) == bool(different["changes"]) == (before != after)
    assert answer(undisturbed, "diff")["b"]["event"]["id"] == answer(undisturbed, "show")["event"]["id"]


def test_the_ledger_of_a_run_is_intact(undisturbed: Undisturbed) -> None:
    said = answer(undisturbed, "verify")
    events = answer(undisturbed, "log")["events"]
    assert (said["ok"], said["problems"], said["accepted"]) == (True, [], len(events))
    assert said["heads"] == {"main": events[-1]["id"]}
    assert said["digest"] in topology("verify", "--run-dir", str(undisturbed.twin.folder))[1]


def test_as_of_shows_what_was_known_beside_what_is_true(undisturbed: Undisturbed) -> None:
    command = typer.Typer()
    command.command()(as_of)
    folder = ("--run-dir", str(undisturbed.twin.folder))
    time = times.iso(START_MS + 3 * times.HOUR + 12 * times.MINUTE)
    said = json.loads(topology("--believed", "2", "--effective", time, "--json", *folder, command=command)[1])
    assert said["shown"]["event"] is None
    assert said["true"]["event"]["id"] == answer(undisturbed, "show", "--effective", time)["event"]["id"]
    assert said["true"]["window"]["simulated"] and said["changed"]
    people = topology("--believed", "2", *folder, command=command)[1]
    assert all(word in people for word in (DATACENTER, "shown at", "true now", "busy-linear"))


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("show", "--believed", "100000"), "no offset 100000"),
        (("show", "--believed", "00000000"), "holds no event"),
        (("show", "--believed", "2000-01-01T00:00:00Z"), "held nothing"),
        (("show", "--branch", "what-if/none"), "no branch what-if/none"),
        (("show", "--branch", "what-if/none", "--effective", "2024-03-04T12:00:00Z"), "no window uses what-if/none"),
        (("log", "--branch", "what-if/none"), "no event names the branch what-if/none; expected main"),
        (("diff", "0", "somewhere"), "B: 'somewhere' is not a time"),
        (("diff", "head~1000"), "come before the head"),
    ],
)
def test_what_is_not_there_is_wrong_use(undisturbed: Undisturbed, arguments: tuple[str, ...], complaint: str) -> None:
    code, said = topology(*arguments, "--run-dir", str(undisturbed.twin.folder))
    assert code == 2
    assert complaint in said


def test_people_get_tables(undisturbed: Undisturbed) -> None:
    folder = ("--run-dir", str(undisturbed.twin.folder))
    assert all(word in topology("log", *folder)[1] for word in (DATACENTER, "by calibrator", "cpuPowerModel.idlePower"))
    assert all(word in topology("show", *folder)[1] for word in (DATACENTER, "busy-linear", "thin"))


@pytest.mark.parametrize("arguments", [("log",), ("show",), ("show", "--effective", "yesterday"), ("diff",), ("verify",)])
def test_a_folder_without_a_run_is_wrong_use(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert topology(*arguments, "--run-dir", str(tmp_path))[0] == 2
    assert topology(*arguments, "--run-dir", str(tmp_path / "none"))[0] == 2
