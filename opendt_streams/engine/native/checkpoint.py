"""The state of a scheduler as JSON, with references instead of tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from opendt_streams.engine.native.job import prepare
from opendt_streams.engine.native.lasting import LastingScheduler
from opendt_streams.engine.native.moments import NEVER_MS
from opendt_streams.engine.task_columns import TaskColumns
from opendt_streams.model.canonical import JSON
from opendt_streams.model.task import Task


def save(scheduler: LastingScheduler) -> dict[str, JSON]:
    runs = list(scheduler.running.values())
    document: dict[str, JSON] = {
        "pass_ms": None if scheduler.pass_ms == NEVER_MS else scheduler.pass_ms,
        "queue": [job.reference for job in scheduler.queue],
        "running": {
            "reference": [r.job.reference for r in runs],
            "host": [r.host for r in runs],
            "placed_ms": [r.placed_ms for r in runs],
        },
        "order": scheduler.order(),
    }
    placement = scheduler.placement.state()
    return document | {"placement": placement} if placement else document


def load(checkpoint: Mapping[str, Any], scheduler: LastingScheduler, semantics: str, task_of: Callable[[int], Task]) -> None:
    """Fills a fresh scheduler of the same topology."""
    running, queue = checkpoint["running"], checkpoint["queue"]
    references = [*running["reference"], *queue]
    jobs = prepare(references, TaskColumns.of([task_of(reference) for reference in references]), semantics)
    count = len(jobs) - len(queue)
    placed = list(zip(jobs[:count], running["host"], running["placed_ms"], strict=True))
    pass_ms = checkpoint["pass_ms"]
    scheduler.resume(placed, jobs[count:], NEVER_MS if pass_ms is None else pass_ms, checkpoint["order"])
    scheduler.placement.resume(checkpoint.get("placement", {}))
