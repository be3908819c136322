"""What the real OpenDC found in shadow mode, as the simulator leaves it in the run folder."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any, Final

import orjson
import structlog

from opendt_streams.assembly import OPENDC_FOLDER, SHADOW_FILE
from opendt_streams.run.plan import Plan
from opendt_streams.run.supervisor import Supervisor
from opendt_streams.streams.service import Service

_LOOK_S: Final = 0.2

log = structlog.get_logger()


def read_shadow(run_dir: Path) -> dict[str, Any] | None:
    """The tally of checks; None in a run without."""
    try:
        tally: dict[str, Any] = orjson.loads((run_dir / OPENDC_FOLDER / SHADOW_FILE).read_bytes())
    except OSError:
        return None
    return tally


async def shadow_settled(plan: Plan, supervisor: Supervisor, stop: asyncio.Event) -> None:
    """Return when no check is under way any more: told to stop, the simulator gone, or none settled for longer than one may take."""
    patience_s = 2 * plan.settings.engine.opendc.timeout / 1000 + 60
    before, since = read_shadow(plan.run_dir), time.monotonic()
    while before is not None and before["waiting"] and not stop.is_set():
        if supervisor.children[Service.SIMULATOR].process.poll() is not None or time.monotonic() - since > patience_s:
            log.warning("checks of the real OpenDC are left undone", windows=before["waiting"])
            return
        await asyncio.sleep(_LOOK_S)
        now = read_shadow(plan.run_dir)
        before, since = now, since if now == before else time.monotonic()
