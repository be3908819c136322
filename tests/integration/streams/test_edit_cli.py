"""`opendt topology edit | revert` on a run that goes on: what people change reaches the windows, and only when the log says so."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from opendt_streams.model import times
from opendt_streams.model.basis import basis_power_w
from opendt_streams.model.event import MAIN, TopologyEvent
from opendt_streams.model.result import WindowResult
from opendt_streams.topology.ledger import Accepted, Ledger
from opendt_streams.twinlog.digest import TopicDigest
from opendt_streams.wire import topics
from opendt_streams.wire.messages import DecisionRecorded, ResultRecorded
from opendt_streams.workload.site import TOPOLOGY
from tests.integration.streams import pure
from tests.integration.streams.edited import AGAIN_HOSTS, IDLE_W, MORE_HOSTS, Edited, edited_run, newer_hardware, topology
from tests.integration.streams.harness import DATACENTER, START_MS, Logs, Twin, values
from tests.integration.streams.undisturbed import Undisturbed, half_day

CHANGES = ("power", "structure", "what-if", "revert", "again")


@pytest.fixture(scope="module", params=["off", "recursive"])
def edited(request: pytest.FixtureRequest, undisturbed: Undisturbed, broker_url: str, tmp_path_factory: pytest.TempPathFactory) -> Edited:
    settings = half_day(undisturbed.workload) | {"calibrator.method": request.param}
    twin = Twin(tmp_path_factory.mktemp(f"edited-{request.param}"), broker_url, settings)
    return asyncio.run(edited_run(twin, undisturbed.logs))


def folded(logs: Logs) -> Ledger:
    ledger = Ledger()
    for record in logs[topics.LEDGER]:
        message = record.message()
        assert isinstance(message, TopologyEvent)
        ledger.add(record.offset, message)
    return ledger


def results(logs: Logs) -> list[WindowResult]:
    return [m.result for r in logs[topics.RESULTS] if isinstance(m := r.message(), ResultRecorded)]


def pins(logs: Logs) -> dict[int, int]:
    return {m.decision.instant_ms: m.pin for r in logs[topics.CALIBRATION] if isinstance(m := r.message(), DecisionRecorded)}


def lineage(ledger: Ledger, event: str) -> list[str]:
    found: list[str] = []
    at: Accepted | None = ledger.accepted(event)
    while at is not None:
        found.append(at.event.id)
        at = ledger.accepted(at.event.parent or "")
    return found


def effective_ms(run: Edited, name: str) -> int:
    return min(instant for instant, pin in pins(run.logs).items() if pin > run.answers[name]["offset"])


def test_every_change_is_accepted_while_the_run_goes_on(edited: Edited) -> None:
    for name in CHANGES:
        assert (edited.answers[name]["exit_code"], edited.answers[name]["accepted"]) == (0, True)
        assert edited.answers[name]["head"] == edited.answers[name]["event"]
    kinds = {a.event.reason: a.event.kind for a in folded(edited.logs).main if a.event.actor == "ann"}
    assert kinds == {"power": "edited", "structure": "edited", "revert": "reverted", "again": "edited"}
    assert len(values(edited.logs, topics.LEDGER)) == len(edited.logs[topics.LEDGER])


def test_the_answers_say_what_changes_and_from_when_at_the_earliest(edited: Edited) -> None:
    said = edited.answers
    assert any("idlePower" in line and line.endswith("-> 111") for line in said["power"]["changes"])
    assert {"op": "replace", "path": "/clusters/0/hosts/0/cpuPowerModel/idlePower", "value": IDLE_W} in said["power"]["patch"]
    for name, hour in (("power", 2), ("structure", 4), ("again", 8)):
        assert said[name]["earliest"] == times.iso(START_MS + (hour + 1) * times.HOUR)
        assert said[name]["effective"] is None
        assert effective_ms(edited, name) >= times.parse(said[name]["earliest"])
    assert said["what-if"]["earliest"] is None
    assert "beside main" in said["what-if"]["effect"]


def test_who_builds_on_an_old_event_is_told_what_came_since(edited: Edited) -> None:
    stale, ledger = edited.answers["stale"], folded(edited.logs)
    assert (stale["exit_code"], stale["accepted"], stale["event"], stale["offset"]) == (1, False, None, None)
    assert stale["parent"] == edited.answers["power"]["event"]
    assert stale["head"] == edited.answers["structure"]["event"] == stale["since"][-1]["event"]
    assert [newer["event"] for newer in stale["since"]] == lineage(ledger, stale["head"])[: len(stale["since"])][::-1]
    assert (stale["since"][-1]["actor"], stale["since"][-1]["reason"]) == ("ann", "structure")
    assert any("count" in line for line in stale["since"][-1]["changes"])
    assert all(newer["recorded"] for newer in stale["since"])


def test_windows_use_the_head_of_main_that_their_instant_pins(edited: Edited) -> None:
    ledger, pinned = folded(edited.logs), pins(edited.logs)
    assert ledger.main[0].event.kind == "baselined"
    for result in results(edited.logs):
        instant = times.floor(result.window_start_ms, times.HOUR)
        head = ledger.head_at(pinned[instant]) if instant in pinned else ledger.main[0]
        assert head is not None
        assert result.topology_event == head.event.id


def test_windows_are_simulated_on_what_people_wrote(edited: Edited) -> None:
    """Hosts and power of every window are those of the topology that it names."""
    ledger = folded(edited.logs)
    for result in results(edited.logs):
        used = ledger.accepted(result.topology_event)
        assert used is not None
        groups = [group for _, _, group in used.topology.host_groups]
        assert [basis.hosts for basis in result.basis] == [group.count for group in groups]
        assert result.total is not None
        power_w = np.sum([basis_power_w(basis, group.power_model) for basis, group in zip(result.basis, groups, strict=True)], axis=0)
        assert result.total.power_w == pytest.approx(power_w, abs=0.01)


def test_a_change_is_used_from_the_first_instant_that_pins_it_and_not_before(edited: Edited) -> None:
    ledger = folded(edited.logs)
    for name in ("power", "structure", "revert", "again"):
        event, start_ms = edited.answers[name]["event"], effective_ms(edited, name)
        using = [r.window_start_ms for r in results(edited.logs) if event in lineage(ledger, r.topology_event)]
        assert min(using) == start_ms


def test_structure_stays_until_it_is_reverted_or_the_hardware_changes(edited: Edited, undisturbed: Undisturbed) -> None:
    ledger = folded(edited.logs)
    before = ledger.main[0].topology.clusters[0].host_groups[0].count
    baselines = [a for a in ledger.main if a.event.kind == "baselined"]
    assert len(baselines) == 2  # people's edits alone bring no baseline
    assert "structural edits by people are overridden" in baselines[1].event.reason
    assert baselines[1].topology.without_power_models() == newer_hardware(undisturbed.logs).without_power_models()
    found = {edited.answers[name]["event"]: name for name in CHANGES} | {baselines[1].event.id: "hardware"}
    counts = []
    for accepted in ledger.main:
        name = found.get(accepted.event.id)
        counts += [(name, accepted.topology.clusters[0].host_groups[0].count)] if name else []
    assert counts == [
        ("power", before), ("structure", before + MORE_HOSTS), ("revert", before), ("again", AGAIN_HOSTS), ("hardware", before - 1)
    ]  # fmt: skip
    hosts = [r.basis[0].hosts for r in results(edited.logs)]
    assert [n for n, later in pairwise([*hosts, 0]) if n != later] == [before, before + MORE_HOSTS, before, AGAIN_HOSTS, before - 1]


def test_a_what_if_leaves_no_trace_on_main(edited: Edited) -> None:
    def digest(*, with_branch: bool) -> str:
        topic = TopicDigest()
        for record in edited.logs[topics.LEDGER]:
            message = record.message()
            assert isinstance(message, TopologyEvent)
            if with_branch or message.branch == MAIN:
                topic.feed(DATACENTER, record.offset, record.value, message)
        return topic.hexdigest()

    ledger = folded(edited.logs)
    branch = ledger.heads["what-if/none"]
    assert branch.event.id == edited.answers["what-if"]["event"]
    assert branch.topology.clusters[0].host_groups[0].count == 1
    used = {r.topology_event for r in results(edited.logs)}
    assert not any(branch.event.id in lineage(ledger, event) for event in used | {ledger.heads[MAIN].event.id})
    assert digest(with_branch=True) == digest(with_branch=False)


def test_live_workers_say_what_the_pure_machines_say_of_the_same_log(edited: Edited) -> None:
    settings = edited.twin.deployment.settings
    assert pure.simulated(edited.logs, settings) == values(edited.logs, topics.RESULTS)
    assert pure.decided(edited.logs, settings) == values(edited.logs, topics.CALIBRATION)
    assert edited.logs[topics.DEAD_LETTER] == []


# -- on a run that is over ---------------------------------------------------------------------------------------------------


def test_a_complete_run_takes_edits_and_says_that_no_window_will_use_them(edited: Edited) -> None:
    run_dir = str(edited.twin.folder)
    code, said = topology("revert", "--run-dir", run_dir, "--to", edited.answers["structure"]["event"], "--actor", "bob")
    assert code == 0
    lines = said.splitlines()
    assert "reverted on main by bob: accepted" in lines[0]
    assert any("count" in line for line in lines[1:-1])
    assert lines[-1] == "In effect: in no window: the run is complete"


def test_people_are_told_in_words_who_came_first(edited: Edited) -> None:
    patch = [{"op": "remove", "path": "/clusters/0/hosts/0"}]
    arguments = ("--run-dir", str(edited.twin.folder), "--patch", "-", "--reason", "r")
    code, said = topology("edit", *arguments, "--parent", edited.answers["power"]["event"][:8], said=patch)
    assert code == 1
    assert "edited by ann at 2" in said
    assert "count: " in said
    assert said.splitlines()[-1].startswith("To build on that, look at it and state --parent ")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "neither a patch nor a topology"),
        (("--patch", "-", "--topology", "-"), "two changes at once"),
        (("--patch", "nowhere.json"), "--patch nowhere.json: cannot be read"),
        (("--patch", "-", "--parent", "00000000"), "holds no event 00000000"),
        (("--patch", "-", "--parent", "main"), "'main' is no event"),
        (("--patch", "-", "--branch", "plan"), "'plan' is no branch"),
        (("--topology", "-"), "the topology: list where an object belongs"),
        (("--patch", "-", "--actor", "\x1b[31m"), "actor"),
        (("--patch", "-"), "patch[0] /nowhere"),
    ],
)
def test_wrong_use_says_what_is_wrong_and_writes_nothing(edited: Edited, arguments: tuple[str, ...], told: str) -> None:
    patch = [{"op": "remove", "path": "/nowhere"}]
    code, said = topology("edit", "--run-dir", str(edited.twin.folder), "--reason", "r", *arguments, said=patch)
    assert code == 2
    assert told in said


def test_a_workloads_own_topology_file_is_a_topology(edited: Edited, undisturbed: Undisturbed) -> None:
    file = undisturbed.workload / TOPOLOGY
    arguments = ("--run-dir", str(edited.twin.folder), "--topology", str(file), "--reason", "as bought")
    assert topology("edit", *arguments, "--branch", "what-if/bought")[0] == 0
    code, said = topology("edit", *arguments, "--branch", "what-if/bought")
    assert code == 2
    assert "changes nothing" in said


def test_no_run_and_no_broker_are_told_apart(tmp_path: Path) -> None:
    assert topology("revert", "--run-dir", str(tmp_path), "--to", "0" * 64)[0] == 2
    (tmp_path / "config.yaml").write_text("datacenter: demo\nbroker: kafka://127.0.0.1:1\n")
    assert topology("revert", "--run-dir", str(tmp_path), "--to", "0" * 64)[0] == 3
