"""Which state each task shows in which row: shared by the tables that count or list tasks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from opendt_streams.engine.native.simulation import Simulation
from opendt_streams.model.task import Int64


@dataclass(frozen=True, slots=True, eq=False)
class TaskStates:
    """Columns over all tasks in order of submission. Rows are the first to show it; the number of rows where none does.

    `host` is -1 for a task that was refused, and then `placed_ms` means nothing: any time is possible, also before 1970. `finish_ms` is
    its end, or when it was refused.
    """

    host: Int64
    placed_ms: Int64
    finish_ms: Int64
    submitted_row: Int64
    placed_row: Int64
    finished_row: Int64


def task_states(simulation: Simulation) -> TaskStates:
    log, rows = simulation.log, simulation.rows
    runs, n = log.runs, len(log.tasks)
    host, placed, finish = np.full(n, -1), np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    at_pass = np.ones(n, dtype=np.bool_)  # refused, or ended where it was placed
    who = runs.reference
    host[who], placed[who], finish[who] = runs.host, runs.placed_ms, runs.end_ms
    at_pass[who] = runs.placed_ms == runs.end_ms
    for job, time_ms in log.terminated:
        finish[job.reference] = time_ms
    ran = host >= 0
    return TaskStates(
        host,
        placed,
        finish,
        rows.first_with(log.tasks.submission_ms, rows.sees_submissions),
        np.where(ran, rows.first_with(placed, rows.sees_passes), len(rows.time_ms)),
        np.where(at_pass, rows.first_with(finish, rows.sees_passes), rows.first_with(finish, rows.sees_ends)),
    )
