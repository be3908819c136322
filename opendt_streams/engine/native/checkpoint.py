"""The state of an engine as JSON: references instead of tasks, floats that round-trip through their shortest form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from opendt_streams.engine.native.job import prepare
from opendt_streams.engine.native.meter import Totals
from opendt_streams.engine.native.scheduler import Scheduler
from opendt_streams.engine.task_columns import TaskColumns
from opendt_streams.model.canonical import JSON
from opendt_streams.model.task import Task


def save(now_ms: int, requeued: int, totals: list[Totals], scheduler: Scheduler) -> dict[str, JSON]:
    runs = list(scheduler.running.values())
    document: dict[str, JSON] = {
        "now_ms": now_ms,
        "requeued": requeued,
        "energy_j": [t.energy_j for t in totals],
        "carbon_g": [t.carbon_g for t in totals],
        "pass_ms": scheduler.pass_ms,
        "queue": [job.reference for job in scheduler.queue],
        "running": {
            "reference": [r.job.reference for r in runs],
            "host": [r.host for r in runs],
            "placed_ms": [r.placed_ms for r in runs],
        },
    }
    placement = scheduler.placement.state()
    return document | {"placement": placement} if placement else document


def load(
    checkpoint: Mapping[str, Any], scheduler: Scheduler, semantics: str, task_of: Callable[[int], Task]
) -> tuple[int, int, list[Totals]]:
    """Fills a fresh scheduler of the same topology; returns (now_ms, requeued, totals)."""
    running, queue = checkpoint["running"], checkpoint["queue"]
    references = [*running["reference"], *queue]
    jobs = prepare(references, TaskColumns.of([task_of(reference) for reference in references]), semantics)
    for job, host, placed_ms in zip(jobs[: len(jobs) - len(queue)], running["host"], running["placed_ms"], strict=True):
        scheduler.place(job, host, placed_ms)
    scheduler.queue.extend(jobs[len(jobs) - len(queue) :])
    scheduler.pass_ms = checkpoint["pass_ms"]
    scheduler.placement.resume(checkpoint.get("placement", {}))
    totals = [Totals(e, c) for e, c in zip(checkpoint["energy_j"], checkpoint["carbon_g"], strict=True)]
    return checkpoint["now_ms"], checkpoint["requeued"], totals
