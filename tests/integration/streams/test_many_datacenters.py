"""More datacenters than one: two partitions, a worker for each, and each datacenter as if it were alone."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from opendt_streams.model import times
from opendt_streams.wire import topics
from tests.integration.streams.harness import CALIBRATOR, DATACENTER, DC_MOCK, SIMULATOR, START_MS, Twin, instants, window_ends
from tests.integration.streams.undisturbed import Undisturbed

OTHER: Final = "north"  # Kafka's partitioner puts it where the first one is not
HOURS: Final = 3


async def test_each_datacenter_is_complete(undisturbed: Undisturbed, tmp_path: Path, broker_url: str) -> None:
    until = times.iso(START_MS + HOURS * times.HOUR)
    async with Twin(tmp_path, broker_url, undisturbed.settings | {"workload.until": until, "kafka.partitions": 2}) as twin:
        await twin.start(SIMULATOR, CALIBRATOR)
        await twin.start(SIMULATOR, copy="second")
        await twin.start(DC_MOCK)
        await twin.start(DC_MOCK, copy="second", datacenter=OTHER)
        await asyncio.gather(twin.ended(0), twin.ended(1))
        both = [await twin.logs(partition) for partition in (0, 1)]
    homes = {r.key.decode(): logs for logs in both for r in logs[topics.RESULTS] if r.key}
    assert set(homes) == {DATACENTER, OTHER}
    assert homes[DATACENTER] is not homes[OTHER]
    hours = [START_MS + hour * times.HOUR for hour in range(1, HOURS + 1)]
    for datacenter, logs in homes.items():
        assert {r.key for topic in topics.TWIN_TOPICS for r in logs[topic]} == {datacenter.encode()}
        assert window_ends(logs, datacenter)[: HOURS * 12] == window_ends(undisturbed.logs)[: HOURS * 12]
        assert instants(logs, datacenter)[:HOURS] == hours
        assert logs[topics.DEAD_LETTER] == []
