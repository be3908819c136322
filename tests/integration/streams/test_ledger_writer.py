"""People's writers on a real log: its order decides who wins, every reader agrees, and the loser is told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from opendt_streams.broker import declare
from opendt_streams.errors import BadInput
from opendt_streams.model.canonical import JSON, canonical
from opendt_streams.model.event import MAIN, TopologyEvent
from opendt_streams.model.topology import Topology
from opendt_streams.settings import load
from opendt_streams.streams.clock import now_ms
from opendt_streams.streams.deployment import Deployment
from opendt_streams.streams.ledger_writer import Answer, LedgerWriter
from opendt_streams.streams.log import LogReader
from opendt_streams.streams.publisher import Publisher
from opendt_streams.topology.change import Edit, Revert, Wish, events_of
from opendt_streams.topology.ledger import Judged, Ledger, Verdict
from opendt_streams.wire import topics
from opendt_streams.wire.twin import event_value
from tests.unit.topology.ledgers import ROOT, event, topology

RACES = 1000
LONGEST_S = 90.0


@pytest.fixture
def deployment(tmp_path: Path, broker_url: str) -> Deployment:
    flags = {"datacenter": "demo", "broker": broker_url, "kafka.namespace": tmp_path.name}
    found = Deployment(tmp_path, load(None, flags).settings, broker_url)
    asyncio.run(begin(found, event_value(ROOT)))
    return found


async def begin(deployment: Deployment, *values: Mapping[str, JSON] | bytes) -> None:
    await declare(deployment.url, deployment.topic_settings(), deployment.settings.kafka.partitions)
    await somebody_writes(deployment, *values)


async def somebody_writes(deployment: Deployment, *values: Mapping[str, JSON] | bytes, datacenter: str = "demo") -> None:
    publisher = Publisher(deployment.url, deployment.settings.kafka, source="somebody", now_ms=now_ms)
    await publisher.start()
    for value in values:
        raw = value if isinstance(value, bytes) else canonical(value)
        await publisher.send_bytes(topics.LEDGER, raw, "i", "topology-event", datacenter, deployment.partition, {})
    await publisher.acknowledged()
    await publisher.stop()


@asynccontextmanager
async def writers(deployment: Deployment) -> AsyncIterator[tuple[LedgerWriter, LedgerWriter]]:
    async with LedgerWriter(deployment, source="opendt/cli") as one, LedgerWriter(deployment, source="opendt/api") as other:
        yield one, other


def edit(after: Topology, key: str, *, actor: str = "ann", **more: str) -> Wish:
    return Wish(Edit(lambda _: after, key), actor, "because", **more)


async def judged_by_a_reader(deployment: Deployment) -> list[Judged | None]:
    ledger = Ledger()
    async with LogReader(deployment.url, deployment.settings.kafka) as log:
        said = [(r.offset, r.message()) async for r in log.read(topics.LEDGER, deployment.partition)]
    return [ledger.add(offset, message) for offset, message in said if isinstance(message, TopologyEvent)]


async def test_two_writers_race_for_the_head_a_thousand_times(deployment: Deployment) -> None:
    began = time.monotonic()
    pairs: list[tuple[Answer, Answer]] = []
    async with writers(deployment) as (one, other):
        for race in range(RACES):
            both_read = asyncio.Barrier(2)

            async def run(writer: LedgerWriter, hosts: int, both_read: asyncio.Barrier = both_read) -> Answer:
                await writer.read()
                events = events_of(writer.ledger, edit(topology(hosts), f"{hosts}"))
                await both_read.wait()
                return await writer.submit(events)

            pairs.append(await asyncio.gather(run(one, 2 * race + 3), run(other, 2 * race + 4)))
    took = time.monotonic() - began

    first, second = await judged_by_a_reader(deployment), await judged_by_a_reader(deployment)
    assert first == second
    assert len(first) == 1 + 2 * RACES
    by_id = {judged.event.id: judged for judged in first if judged is not None}
    for pair in pairs:
        winner, loser = sorted(pair, key=lambda answer: not answer.accepted)
        assert (winner.verdict, loser.verdict) == (Verdict.ACCEPTED, Verdict.STALE)
        assert winner.parent == loser.parent
        assert winner.event is not None
        assert loser.event is not None
        assert [newer.accepted.event for newer in loser.since] == [winner.event]
        assert loser.since[0].changes == winner.changes
        assert loser.head.event == winner.event
        for answer in pair:
            assert answer.event is not None
            assert (by_id[answer.event.id].verdict, by_id[answer.event.id].offset) == (answer.verdict, answer.offset)
    assert sum(answer[0].accepted for answer in pairs) not in (0, RACES)  # else nobody raced
    assert took < LONGEST_S


async def test_an_answer_says_what_was_written_and_where(deployment: Deployment) -> None:
    async with LedgerWriter(deployment, source="opendt/cli") as writer:
        answer = await writer.write(edit(topology(3), "k"))
    assert answer.event is not None
    assert (answer.accepted, answer.offset, answer.parent, answer.head.event) == (True, 1, ROOT.id, answer.event)
    assert answer.changes == ("C/H0 count: 2 -> 3",)
    assert answer.patch == [{"op": "replace", "path": "/clusters/0/hosts/0/count", "value": 3}]
    assert answer.since == ()


async def test_what_is_written_says_where_it_comes_from(deployment: Deployment) -> None:
    async with LedgerWriter(deployment, source="opendt/cli") as writer:
        answer = await writer.write(edit(topology(3), "k"))
        assert answer.event is not None
    async with LogReader(deployment.url, deployment.settings.kafka) as log:
        record = [r async for r in log.read(topics.LEDGER, deployment.partition)][-1]
    assert record.key == b"demo"
    assert record.value == canonical(event_value(answer.event))
    said = dict(record.headers)
    assert said.pop("ce_time")
    assert said == {
        "ce_specversion": "1.0",
        "ce_id": answer.event.id,
        "ce_type": "opendt.topology-event.v1",
        "ce_source": "opendt/cli",
        "content-type": "application/json",
        "opendt_inputs": '{"sim.topology":1}',
        "opendt_ledger": "1",
    }


async def test_a_stale_parent_writes_nothing_and_hears_who_came_first(deployment: Deployment) -> None:
    async with writers(deployment) as (one, other):
        won = await one.write(edit(topology(3), "first"))
        then = await one.write(edit(topology(3, idle_w=60), "second"))
        lost = await other.write(edit(topology(4), "late", parent=ROOT.id))
    assert (lost.accepted, lost.event, lost.offset) == (False, None, None)
    assert [(n.accepted.event, n.changes) for n in lost.since] == [(won.event, won.changes), (then.event, then.changes)]
    assert all(newer.recorded for newer in lost.since)
    assert lost.head.event == then.event
    assert len(await judged_by_a_reader(deployment)) == 3


async def test_who_loses_the_race_for_a_branch_hears_who_made_it(deployment: Deployment) -> None:
    async with writers(deployment) as (one, other):
        await one.read()
        await other.read()
        mine = events_of(other.ledger, edit(topology(4), "mine", actor="bob", branch="what-if/x"))
        won = await one.write(edit(topology(3), "theirs", branch="what-if/x"))
        lost = await other.submit(mine)
    assert (won.accepted, lost.verdict) == (True, Verdict.STALE)
    assert [newer.accepted.event.kind for newer in lost.since] == ["branched", "edited"]
    assert lost.head.event == won.event
    verdicts = [judged.verdict for judged in await judged_by_a_reader(deployment) if judged is not None]
    assert verdicts == [Verdict.ACCEPTED] * 3 + [Verdict.BRANCH_EXISTS, Verdict.STALE]


async def test_a_branch_leaves_main_alone(deployment: Deployment) -> None:
    async with LedgerWriter(deployment, source="opendt/cli") as writer:
        answer = await writer.write(edit(topology(3), "k", branch="what-if/x"))
        assert answer.accepted
        assert answer.changes == ("C/H0 count: 2 -> 3",)
        assert writer.ledger.heads[MAIN].event == ROOT
        assert (await writer.effect(answer)).effective_ms is None


async def test_the_same_request_twice_is_written_once(deployment: Deployment) -> None:
    async with writers(deployment) as (one, other):
        first = await one.write(edit(topology(3), "k"))
        again = await other.write(edit(topology(3), "k"))
        assert (again.event, again.offset, again.accepted) == (first.event, first.offset, True)
        with pytest.raises(BadInput, match="another change"):
            await one.write(edit(topology(4), "k"))
    assert len(await judged_by_a_reader(deployment)) == 2


async def test_two_requests_at_once_of_one_writer_are_answered_one_after_the_other(deployment: Deployment) -> None:
    async with LedgerWriter(deployment, source="opendt/api") as writer:
        answers = await asyncio.gather(*(writer.write(edit(topology(n), f"k{n}")) for n in range(3, 9)))
    assert all(answer.accepted for answer in answers)
    assert [answer.offset for answer in answers] == list(range(1, 7))


async def test_garbage_and_other_datacenters_on_the_topic_disturb_nobody(deployment: Deployment) -> None:
    await somebody_writes(deployment, b"{", b'{"clusters":[]}')
    async with LedgerWriter(deployment, source="opendt/cli") as writer:
        answer = await writer.write(edit(topology(3), "k"))
        back = await writer.write(Wish(Revert(ROOT.id), "ann", "because"))
    assert (answer.accepted, answer.offset) == (True, 3)
    assert (back.accepted, back.offset, back.changes) == (True, 4, ("C/H0 count: 3 -> 2",))


async def test_each_datacenter_of_a_partition_has_a_ledger_of_its_own(tmp_path: Path, broker_url: str) -> None:
    flags: dict[str, object] = {"datacenter": "demo", "broker": broker_url, "kafka.namespace": tmp_path.name, "kafka.partitions": 2}
    deployment = Deployment(tmp_path, load(None, flags).settings, broker_url)
    await begin(deployment, event_value(ROOT))
    other_root = event("baselined", None, topology(7))
    await somebody_writes(deployment, event_value(other_root), datacenter="other")
    async with LedgerWriter(deployment, source="opendt/cli") as writer:
        answer = await writer.write(edit(topology(3), "k"))
    assert (answer.accepted, answer.parent, answer.offset) == (True, ROOT.id, 2)
