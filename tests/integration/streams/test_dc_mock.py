"""dc-mock has no state of its own: the topics are."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from opendt_streams.model import times
from opendt_streams.model.canonical import canonical
from opendt_streams.wire import topics
from opendt_streams.wire.messages import Heartbeat
from opendt_streams.wire.record import Record
from opendt_streams.wire.twin import results_end_value
from tests.integration.streams.harness import DATACENTER, DC_MOCK, START_MS, Twin
from tests.integration.streams.producer import producer
from tests.integration.streams.undisturbed import Undisturbed

UNHURRIED: Final = 15_000.0  # simulated seconds per second: half a day in three


async def test_killed_and_restarted_it_goes_on_where_the_topics_end(undisturbed: Undisturbed, tmp_path: Path, broker_url: str) -> None:
    settings = undisturbed.settings | {"workload.speed": UNHURRIED, "workload.max_ahead": "1d"}
    whole = {topic: [r.value for r in undisturbed.logs[topic]] for topic in topics.DATACENTER_TOPICS}
    async with Twin(tmp_path, broker_url, settings) as twin:
        await twin.start(DC_MOCK)
        await twin.count(topics.WORKLOAD, len(whole[topics.WORKLOAD]) // 3)
        assert twin.alive(DC_MOCK)
        await twin.restart(DC_MOCK)
        await twin.finished(DC_MOCK)
        await twin.start(DC_MOCK)  # once more, with everything said
        await twin.finished(DC_MOCK)
        logs = await twin.logs()
    for topic in topics.DATACENTER_TOPICS:
        assert [r.value for r in logs[topic]] == whole[topic]
        assert [int(r.headers["opendt_sequence"]) for r in logs[topic]] == list(range(len(whole[topic])))


async def test_it_stays_so_far_ahead_of_the_results_and_no_further(undisturbed: Undisturbed, tmp_path: Path, broker_url: str) -> None:
    """What is on sim.results and no result says nothing about how far the results are."""
    async with Twin(tmp_path, broker_url, undisturbed.settings | {"workload.max_ahead": "6h"}) as twin, producer(twin) as kafka:
        await twin.start(DC_MOCK)
        await twin.until(topics.WORKLOAD, lambda r: r.message() == Heartbeat(START_MS + 6 * times.HOUR, _named(r)))
        for said in (b"{", b"", None, canonical(results_end_value(DATACENTER, unplaceable=0))):
            await kafka.send(topics.RESULTS, said, DATACENTER.encode())
            await kafka.arrived()
        await twin.finished(DC_MOCK)
        logs = await twin.logs()
    released_ms = logs[topics.RESULTS][-1].timestamp_ms
    beats = [(m.time_ms, r.timestamp_ms) for r in logs[topics.WORKLOAD] if isinstance(m := r.message(), Heartbeat)]
    assert len(beats) == 12 * 60 + 1
    assert all((sent_ms >= released_ms) == (time_ms > START_MS + 6 * times.HOUR) for time_ms, sent_ms in beats)


def _named(record: Record) -> str | None:
    message = record.message()
    return message.snapshot if isinstance(message, Heartbeat) else None
