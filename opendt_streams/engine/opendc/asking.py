"""A problem put to the real OpenDC, and its answer as rows."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from opendt_streams.engine.native.hosts import unique_names
from opendt_streams.engine.opendc.inputs import POWER_FILE, write_problem
from opendt_streams.engine.opendc.one_trace import one_trace_each, together
from opendt_streams.engine.opendc.problem import Problem
from opendt_streams.engine.opendc.rows import PowerRows, read_power
from opendt_streams.engine.opendc.runner import Runner
from opendt_streams.errors import SimulationError
from opendt_streams.model import times


def ask(runner: Runner, problem: Problem, label: str, attempts: int | None = None) -> PowerRows:
    """What OpenDC says to a problem: one invocation, or one for each carbon trace.

    Raises:
        SimulationError: see `Runner.ask`.
    """
    names = unique_names([c.name for c in problem.topology.clusters])

    def read(folder: Path) -> PowerRows:
        return read_power(folder / POWER_FILE, problem.origin_ms, problem.interval_ms, names)

    parts = enumerate(one_trace_each(problem))
    rows = together(problem, [runner.ask(f"{label}-{i}", partial(write_problem, part), read, attempts=attempts) for i, part in parts])
    if rows.until_ms < problem.until_ms:
        raise SimulationError(f"the real OpenDC ended at {times.iso(rows.until_ms)}, before {times.iso(problem.until_ms)}")
    return rows
