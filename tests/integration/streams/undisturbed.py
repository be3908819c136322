"""Half a day of the sample datacenter, run once a session with nothing going wrong: what the other runs are compared with."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from opendt_streams.model import times
from opendt_streams.workload.sample import write_sample
from tests.integration.streams.harness import CALIBRATOR, DC_MOCK, SIMULATOR, START_MS, Logs, Twin

END_MS: Final = START_MS + 12 * times.HOUR


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """`settings`: what another run over the same workload is made with; `logs`: the topics afterwards."""

    workload: Path
    twin: Twin
    logs: Logs

    @property
    def settings(self) -> dict[str, object]:
        return half_day(self.workload)


def half_day(workload: Path) -> dict[str, object]:
    return {"workload.directory": str(workload), "workload.until": times.iso(END_MS)}


_kept: dict[str, Undisturbed] = {}  # by broker: two conftests share the fixture, which pytest takes for two


@pytest.fixture(scope="session")
def undisturbed(broker_url: str, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    if broker_url not in _kept:
        workload = tmp_path_factory.mktemp("workload") / "sample"
        write_sample(workload, seed=1, days=1)
        twin = Twin(tmp_path_factory.mktemp("undisturbed"), broker_url, half_day(workload))
        _kept[broker_url] = Undisturbed(workload, twin, asyncio.run(_run(twin)))
    return _kept[broker_url]


async def _run(twin: Twin) -> Logs:
    async with twin:
        await twin.start(SIMULATOR, CALIBRATOR, DC_MOCK)
        await twin.ended()
        await twin.finished(DC_MOCK)
        return await twin.logs()
