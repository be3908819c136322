"""Tasks as the engine runs them: when each fragment starts, counted from placement, and what it asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from opendt_streams.errors import SimulationError
from opendt_streams.model.task import Float64, Int64, Task

# Far beyond any datacenter, and small enough that sums of a task or a host can neither overflow nor become infinite.
_LONGEST_FRAGMENT_MS: Final = 10**13
_LARGEST_USAGE_MHZ: Final = 1e15

_ZERO_MS: Final = np.zeros(1, dtype=np.int64)
_ZERO_MHZ: Final = np.zeros(1)


@dataclass(slots=True, eq=False)
class Job:
    """A task, prepared. Entry i of the columns says: from starts_ms[i] after placement it asks for usage_mhz[i]; the last entry is its end.

    `lasts_ms` is the run time under NoDelay: the sum of the durations, and 0 if no fragment uses anything (opendc-semantics section 5).
    """

    reference: int
    task: Task
    cores: int
    memory_mib: int
    lasts_ms: int
    starts_ms: Int64
    usage_mhz: Float64


@dataclass(slots=True, eq=False)
class Run:
    """A job on a host, placed in the scheduling pass of that number.

    `cursor` is an entry of the job at or before the one in force: where the next search begins.
    """

    job: Job
    host: int
    placed_ms: int
    end_ms: int
    pass_number: int = 0
    cursor: int = 0


def prepare(tasks: Sequence[tuple[int, Task]]) -> list[Job]:
    """Jobs of (reference, task) pairs, in one pass over all their fragments.

    Raises:
        SimulationError: a task without fragments, or with numbers that no simulation can use. It names the task.
    """
    if not tasks:
        return []
    counts = np.array([len(task.fragments) for _, task in tasks], dtype=np.int64)
    durations: list[Int64] = []
    usages: list[Float64] = []
    for _, task in tasks:
        durations += (_ZERO_MS, task.fragments.duration_ms)
        usages += (task.fragments.cpu_usage_mhz, _ZERO_MHZ)
    duration, usage = np.concatenate(durations), np.concatenate(usages)
    _check(tasks, counts, duration, usage)
    first = np.cumsum(counts + 1) - (counts + 1)
    starts = np.cumsum(duration)
    starts -= np.repeat(starts[first], counts + 1)
    lasts = np.where(np.maximum.reduceat(usage, first) > 0, starts[first + counts], 0)
    return [
        Job(reference, task, task.cpu_count, task.memory_mib, ms, starts[i : i + n + 1], usage[i : i + n + 1])
        for (reference, task), i, n, ms in zip(tasks, first.tolist(), counts.tolist(), lasts.tolist(), strict=True)
    ]


def _check(tasks: Sequence[tuple[int, Task]], counts: Int64, duration: Int64, usage: Float64) -> None:
    # Written so that NaN fails the comparisons.
    if (
        counts.min() > 0
        and duration.min() >= 0
        and duration.max() <= _LONGEST_FRAGMENT_MS
        and usage.min() >= 0
        and usage.max() <= _LARGEST_USAGE_MHZ
    ):
        return
    for _, task in tasks:
        where = f"task {task.id}"
        if not len(task.fragments):
            raise SimulationError("it has no fragments, so it cannot run", where=where)
        if not (task.fragments.duration_ms.min() >= 0 and task.fragments.duration_ms.max() <= _LONGEST_FRAGMENT_MS):
            raise SimulationError("a fragment's duration cannot be simulated", expected=f"0 to {_LONGEST_FRAGMENT_MS:.0e} ms", where=where)
        if not (task.fragments.cpu_usage_mhz.min() >= 0 and task.fragments.cpu_usage_mhz.max() <= _LARGEST_USAGE_MHZ):
            raise SimulationError("a fragment's CPU usage cannot be simulated", expected=f"0 to {_LARGEST_USAGE_MHZ:.0e} MHz", where=where)
