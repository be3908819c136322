"""Audit replay of runs in which nothing went well: people edited, services were killed, messages came twice, and two simulators ran."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from opendt_streams.audit.evidence import Evidence, TopicWriter
from opendt_streams.audit.replay.machines import logged_machines
from opendt_streams.audit.replay.replayer import Replayer
from opendt_streams.audit.replay.snapshots import Snapshots
from opendt_streams.audit.replay.span import WHOLE, Span
from opendt_streams.audit.replay.verdict import Recorded, Verdict, judge
from opendt_streams.audit.unrepeatable import unrepeatable
from opendt_streams.model import times
from opendt_streams.streams.copy import copy_topics
from opendt_streams.streams.ledger_writer import LedgerWriter
from opendt_streams.topology.change import Edit, Wish
from opendt_streams.topology.patching import patched
from opendt_streams.twin.machine import Machine
from opendt_streams.twin.simulator import Simulator
from opendt_streams.wire import topics
from opendt_streams.wire.encode import end_message
from opendt_streams.wire.messages import ResultRecorded
from tests.integration.streams.edited import HOURS, decided, send_hour
from tests.integration.streams.harness import CALIBRATOR, SIMULATOR, START_MS, Twin
from tests.integration.streams.producer import Producer, producer
from tests.integration.streams.undisturbed import Undisturbed


async def test_an_undisturbed_run_is_computed_again(undisturbed: Undisturbed, tmp_path: Path) -> None:
    verdict = await replayed(undisturbed.twin, tmp_path)
    assert verdict.ok, verdict.findings
    assert unrepeatable(Evidence(tmp_path)) == []


async def test_a_disturbed_run_is_computed_again(undisturbed: Undisturbed, tmp_path: Path, broker_url: str) -> None:
    async with Twin(tmp_path / "disturbed", broker_url, undisturbed.settings) as twin, producer(twin) as kafka:
        await twin.start(SIMULATOR, CALIBRATOR)
        for hour in range(HOURS + 1):
            await send_hour(kafka, undisturbed.logs, hour)
            if hour:
                await decided(twin, hour)
            await _disturb(twin, kafka, undisturbed, hour)
        for topic in (topics.WORKLOAD, topics.POWER):
            await kafka.send(topic, end_message(), b"demo")
        await kafka.arrived()
        await twin.ended()
    verdict = await replayed(twin, tmp_path / "evidence")
    assert verdict.ok, verdict.findings
    evidence = Evidence(tmp_path / "evidence")
    assert any(m.result.tasks.duplicate for r in evidence.own(topics.RESULTS) if isinstance(m := r.message(), ResultRecorded))
    assert unrepeatable(evidence) == ["people changed the topology while it ran: ann 2 times"]


async def _disturb(twin: Twin, kafka: Producer, source: Undisturbed, hour: int) -> None:
    match hour:
        case 2 | 6:
            async with LedgerWriter(twin.deployment, source="opendt/cli") as writer:
                patch = [{"op": "replace", "path": "/clusters/0/hosts/0/count", "value": 10 + hour}]
                answer = await writer.write(Wish(Edit(lambda now: patched(now, patch), key=str(hour)), actor="ann", reason="more work"))
                assert answer.accepted
        case 3:
            await twin.restart(SIMULATOR)
        case 4:
            await twin.restart(CALIBRATOR)
        case 5:
            for earlier in range(1, hour):  # all of it once more: late, and known
                await send_hour(kafka, source.logs, earlier)
        case 8:
            await twin.start(SIMULATOR, copy="-twice")
            await twin.restart(CALIBRATOR, SIMULATOR)


async def replayed(twin: Twin, folder: Path) -> Verdict:
    await copy_topics(twin.deployment, folder)
    return judge(Evidence(folder), Recorded(), WHOLE, lambda _: None)


async def test_a_replay_that_begins_with_a_snapshot_says_what_a_whole_one_says(undisturbed: Undisturbed, tmp_path: Path) -> None:
    await copy_topics(undisturbed.twin.deployment, tmp_path / "evidence")
    evidence, folder = Evidence(tmp_path / "evidence"), tmp_path / "snapshots"
    settings = undisturbed.twin.deployment.settings
    snapshots = Snapshots(folder, evidence, settings, every_ms=times.HOUR)
    whole = Replayer(evidence, logged_machines(evidence), keep=_simulators(snapshots)).run()
    assert whole.equal
    span = Span(from_ms=START_MS + 7 * times.HOUR)
    resumed = Replayer(evidence, logged_machines(evidence, folder), span=span).run()
    from_the_start = Replayer(evidence, logged_machines(evidence), span=span).run()
    assert resumed.equal
    assert START_MS < resumed.resumed_ms[SIMULATOR] <= START_MS + 7 * times.HOUR
    assert SIMULATOR not in from_the_start.resumed_ms
    for topic in topics.TWIN_TOPICS:
        assert resumed.topics[topic].computed.hexdigest() == from_the_start.topics[topic].computed.hexdigest()


async def test_a_snapshot_of_other_records_is_not_used(undisturbed: Undisturbed, tmp_path: Path) -> None:
    await copy_topics(undisturbed.twin.deployment, tmp_path / "evidence")
    evidence, folder = Evidence(tmp_path / "evidence"), tmp_path / "snapshots"
    snapshots = Snapshots(folder, evidence, undisturbed.twin.deployment.settings, every_ms=12 * times.HOUR)
    Replayer(evidence, logged_machines(evidence), keep=_simulators(snapshots)).run()
    assert logged_machines(evidence, folder).resume(SIMULATOR, START_MS + times.HOUR) is not None
    records = list(evidence.records(topics.WORKLOAD))
    with TopicWriter(evidence.folder, topics.WORKLOAD) as writer:
        for record in records:
            writer.put(replace(record, timestamp_ms=record.timestamp_ms + 1))
    assert logged_machines(evidence, folder).resume(SIMULATOR, START_MS + times.HOUR) is None


def _simulators(snapshots: Snapshots) -> Callable[[Machine], None]:
    return lambda machine: snapshots.offer(machine) if isinstance(machine, Simulator) else None
