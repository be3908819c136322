"""What the real OpenDC is asked: everything that was submitted so far, from time 0 of the grid of rows on.

OpenDC's time 0 is its first submission, it ends with its last task, and it never ends where a task waits for ever (opendc-semantics
sections 3, 10 and 11.4). Two tasks of ours and one rule make it answer for exactly the windows of the twin:

* A task that is too big for every host is refused in the pass of its instant and touches nothing else. One opens the run at the first
  window's start, unless a task does; another ends it after the last row that is asked for, however early the real tasks end.
* The first task that no host can take, though none of its requests alone is too large, blocks the queue for ever. It and all that comes
  later never start, so they are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Final

from opendt_streams.engine.port import Submission
from opendt_streams.engine.task_columns import TaskColumns
from opendt_streams.model.carbon import CarbonTrace
from opendt_streams.model.task import Task, fragments
from opendt_streams.model.topology import HostGroup, Topology

_MOST_CORES: Final = 2**31 - 1  # OpenDC's Int


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """Rows are wanted every `interval_ms` after `origin_ms`, at least up to `until_ms`. `submissions` are sorted by `at_ms`."""

    topology: Topology
    carbon: Mapping[str, CarbonTrace]
    submissions: tuple[Submission, ...]
    origin_ms: int
    until_ms: int
    interval_ms: int
    policy: str = "Mem"

    def tasks(self) -> TaskColumns:
        """All tasks of the run in order of submission, numbered from 0: ids of the twin may be larger than OpenDC's."""
        groups = [g for _, _, g in self.topology.host_groups]
        too_big = min(max(g.cores for g in groups) + 1, _MOST_CORES)
        entering = [replace(s.task, submission_ms=s.at_ms) for s in startable(groups, self.submissions)]
        if not entering or entering[0].submission_ms > self.origin_ms:
            entering.insert(0, _marker(self.origin_ms, too_big))
        ends_ms = max(self.until_ms + 1, entering[-1].submission_ms)
        entering.append(_marker(ends_ms, too_big))
        return TaskColumns.of([replace(t, id=i, cpu_count=min(t.cpu_count, _MOST_CORES)) for i, t in enumerate(entering)])


def startable(groups: Sequence[HostGroup], submissions: Iterable[Submission]) -> list[Submission]:
    """Those before the first one that blocks the queue for ever."""
    most_cores, most_memory = max(g.cores for g in groups), max(g.memory_mib for g in groups)

    def blocks(task: Task) -> bool:
        cores, memory = task.cpu_count, task.memory_mib
        refused = cores > most_cores or memory > most_memory
        return not refused and not any(cores <= g.cores and memory <= g.memory_mib for g in groups)

    return list(takewhile(lambda s: not blocks(s.task), submissions))


def _marker(at_ms: int, cores: int) -> Task:
    return Task(0, at_ms, 1, cores, 0.0, 0, fragments([1], [0.0]))
