"""`kill -9` at any moment changes nothing: the topics say what they say in a run that was left in peace."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from opendt_streams.model.event import TopologyEvent
from opendt_streams.topology.history import History, Pins, Written
from opendt_streams.wire import topics
from tests.integration.streams.harness import CALIBRATOR, DC_MOCK, SIMULATOR, Logs, Twin, values
from tests.integration.streams.undisturbed import Undisturbed


@pytest.mark.parametrize("seed", [1, 3])
async def test_simulator_and_calibrator_die_in_mid_run(seed: int, undisturbed: Undisturbed, tmp_path: Path, broker_url: str) -> None:
    rng = Random(seed)
    windows = len(undisturbed.logs[topics.RESULTS]) - 1
    async with Twin(tmp_path, broker_url, undisturbed.settings) as twin:
        await twin.start(SIMULATOR, CALIBRATOR, DC_MOCK)
        for window in sorted(rng.sample(range(1, windows), 2)):
            await twin.count(topics.RESULTS, window)
            await twin.restart(*rng.choice([(SIMULATOR,), (CALIBRATOR,), (SIMULATOR, CALIBRATOR)]))
        await twin.ended()
        logs = await twin.logs()
    assert values(logs, topics.RESULTS) == values(undisturbed.logs, topics.RESULTS)
    assert values(logs, topics.CALIBRATION) == values(undisturbed.logs, topics.CALIBRATION)
    assert accepted(logs) == accepted(undisturbed.logs)
    assert logs[topics.DEAD_LETTER] == []


def accepted(logs: Logs) -> list[str]:
    """Ids of the accepted topology events, in order: each is the digest of everything that the event says."""
    records = [(r.offset, r.message()) for r in logs[topics.LEDGER]]
    history = History([Written(o, None, m) for o, m in records if isinstance(m, TopologyEvent)], Pins({}, 1, None))
    return [entry.event.id for entry in history.entries if entry.accepted]
