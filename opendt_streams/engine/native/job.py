"""Tasks as the engine runs them: when each fragment starts, counted from placement, and what it asks for."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from opendt_streams.engine.native.moments import EARLIEST, Moment
from opendt_streams.engine.task_columns import TaskColumns
from opendt_streams.errors import SimulationError
from opendt_streams.model.task import Float64, Int64

# Far beyond any datacenter, and small enough that sums of a task or a host can neither overflow nor become infinite.
_LONGEST_FRAGMENT_MS: Final = 10**13
_LARGEST_USAGE_MHZ: Final = 1e15

QUANTUM_MS: Final = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Edges:
    """Fragments of several jobs, one after the other. For each job one entry more than it has fragments: its end, which uses nothing.

    `clock` shows starts_ms to code that looks at single entries: plain integers, without the cost of NumPy's.
    """

    starts_ms: Int64
    usage_mhz: Float64
    clock: memoryview = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "clock", self.starts_ms.data)


@dataclass(slots=True, eq=False)
class Job:
    """A task, prepared: entries first..end-1 of `edges`. From starts_ms[i] after placement on it asks for usage_mhz[i].

    `lasts_ms` is the run time under NoDelay: the sum of the durations; with v2.4f it is 0 if no fragment uses anything
    (opendc-semantics section 5). Under Perfect scaling a job that has run says what was executed.
    """

    reference: int
    id: int
    cores: int
    memory_mib: int
    capacity_mhz: float
    lasts_ms: int
    off_second: bool  # some fragment starts or ends off the whole second, counted from placement
    longest_ms: int  # of its fragments
    edges: Edges
    first: int
    end: int

    def boundary_at(self, offset_ms: int) -> int:
        """The first entry after the start that begins there or later."""
        return bisect_left(self.edges.clock, offset_ms, self.first + 1, self.end)

    @property
    def starts_ms(self) -> Int64:
        return self.edges.starts_ms[self.first : self.end]

    @property
    def usage_mhz(self) -> Float64:
        return self.edges.usage_mhz[self.first : self.end]


@dataclass(slots=True, eq=False)
class Run:
    """A job on a host. `known`: the moment of the engine run that started it, at the instant of its placement.

    `cursor` is an entry of the job at or before the one in force: where the next search begins.
    """

    job: Job
    host: int
    placed_ms: int
    end_ms: int
    known: Moment = EARLIEST
    cursor: int = 0

    def boundary_after(self, now: int) -> int:
        """When the first of its fragments ends that does so after `now`."""
        at: int = self.job.edges.clock[self.job.boundary_at(now + 1 - self.placed_ms)]
        return self.placed_ms + at


def prepare(references: Sequence[int], tasks: TaskColumns, semantics: str = "2.4f") -> list[Job]:
    """Jobs of the tasks, in one pass over all their fragments.

    Raises:
        SimulationError: a task without fragments, or with numbers that no simulation can use. It names the task.
    """
    if not len(tasks):
        return []
    _check(tasks)
    end = np.cumsum(tasks.count + 1)
    first = end - tasks.count - 1
    starts, usage = np.zeros(end[-1], dtype=np.int64), np.zeros(end[-1])
    inner = np.ones(end[-1], dtype=np.bool_)
    inner[first] = False
    starts[inner] = tasks.duration_ms
    np.cumsum(starts, out=starts)
    starts -= np.repeat(starts[first], tasks.count + 1)
    inner[first], inner[end - 1] = True, False
    usage[inner] = tasks.cpu_usage_mhz
    lasts = starts[end - 1]
    if semantics == "2.4f":
        lasts = np.where(np.maximum.reduceat(usage, first) > 0, lasts, 0)
    off_second = np.logical_or.reduceat(starts % QUANTUM_MS != 0, first) & (lasts > 0)
    longest = np.maximum.reduceat(tasks.duration_ms, np.cumsum(tasks.count) - tasks.count)
    edges = Edges(starts, usage)
    columns = (tasks.id, tasks.cpu_count, tasks.memory_mib, tasks.cpu_capacity_mhz, lasts, off_second, longest, first, end)
    return [
        Job(reference, number, cores, memory, capacity, ms, off, most, edges, i, j)
        for reference, number, cores, memory, capacity, ms, off, most, i, j in zip(references, *(c.tolist() for c in columns), strict=True)
    ]


def _check(tasks: TaskColumns) -> None:
    empty = np.flatnonzero(tasks.count == 0)
    if len(empty):
        raise _refusal(tasks, int(empty[0]), "it has no fragments, so it cannot run", None)
    # Written so that NaN fails the comparisons.
    short = (tasks.duration_ms >= 0) & (tasks.duration_ms <= _LONGEST_FRAGMENT_MS)
    small = (tasks.cpu_usage_mhz >= 0) & (tasks.cpu_usage_mhz <= _LARGEST_USAGE_MHZ)
    wrong = np.flatnonzero(~(short & small))
    if len(wrong):
        task = int(np.searchsorted(np.cumsum(tasks.count), wrong[0], side="right"))
        if not short[wrong[0]]:
            raise _refusal(tasks, task, "a fragment's duration cannot be simulated", f"0 to {_LONGEST_FRAGMENT_MS:.0e} ms")
        raise _refusal(tasks, task, "a fragment's CPU usage cannot be simulated", f"0 to {_LARGEST_USAGE_MHZ:.0e} MHz")


def _refusal(tasks: TaskColumns, index: int, what: str, expected: str | None) -> SimulationError:
    number = int(tasks.id[index])
    return SimulationError(what, expected=expected, where=f"task {number}", task=number)
