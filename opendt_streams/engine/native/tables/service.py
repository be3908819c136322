"""Table `service`: one row of counters per tick."""

from __future__ import annotations

import numpy as np

from opendt_streams.engine.native.simulation import Piece, Simulation
from opendt_streams.engine.native.tables.columns import Columns
from opendt_streams.engine.native.tables.states import task_states
from opendt_streams.model.task import Int64


class ServiceTable:
    def __init__(self, simulation: Simulation) -> None:
        states = task_states(simulation)
        count = len(simulation.rows.time_ms)
        ran = states.host >= 0

        def so_far(first_row: Int64) -> Int64:
            return np.cumsum(np.bincount(first_row, minlength=count + 1)[:count])

        total, placed = so_far(states.submitted_row), so_far(states.placed_row[ran])
        completed, terminated = so_far(states.finished_row[ran]), so_far(states.finished_row[~ran])
        self._columns = {
            "hosts_up": np.full(count, len(simulation.hosts)),
            "hosts_down": np.zeros(count, dtype=np.int64),
            "tasks_total": total,
            "tasks_pending": total - placed - terminated,
            "tasks_active": placed - completed,
            "tasks_completed": completed,
            "tasks_terminated": terminated,
        }

    def rows(self, piece: Piece) -> Columns:
        mine: Columns = {"row": np.arange(piece.first, piece.end)}
        return mine | {name: column[piece.first : piece.end] for name, column in self._columns.items()}
