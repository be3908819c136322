"""dc-mock has no state of its own: the topics are."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from opendt_streams.wire import topics
from tests.integration.streams.harness import DC_MOCK, Twin
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
