"""The course of a whole experiment: which task runs where and when, which rows there are, and what else depends on the order of events.

There are two ways. The fast one knows when a task will end as soon as it is placed, and looks at single fragments only where that can
matter. The other is OpenDC's event queue, one fragment after the other: for Perfect scaling, for the semantics of v2.4g+, and for the few
NoDelay workloads of which a number depends on how OpenDC orders equal times.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from opendt_streams.engine.native.hosts import Hosts
from opendt_streams.engine.native.job import Job, prepare
from opendt_streams.engine.native.last_row import LastRow, carbon_has_stepped, ends_without_length
from opendt_streams.engine.native.ordering import OpenDCScheduler
from opendt_streams.engine.native.placement import Policy, placement
from opendt_streams.engine.native.queue.event_queue import EventQueue
from opendt_streams.engine.native.queue.perfect import Perfect
from opendt_streams.engine.native.queue.pushes import Pushes
from opendt_streams.engine.native.queue.scaling import NoDelay
from opendt_streams.engine.native.rows import Bools, Log, Rows, plan_rows
from opendt_streams.engine.native.running_sums import RunningSums, changes_mhz, drifting_hosts, plain_order
from opendt_streams.engine.native.spans import RunColumns
from opendt_streams.engine.task_columns import TaskColumns
from opendt_streams.errors import SimulationError
from opendt_streams.model.task import Float64, Int64

_FAR_MS: Final = 2**62
_MOST_FOLLOWED: Final = 300_000  # fragments whose ends are followed one by one, about a second, for the sake of one intensity


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """`sums` where they show; `last_row` where it has seen a part of its instant only."""

    log: Log
    rows: Rows
    last_row: LastRow | None = None
    sums: RunningSums | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """What decides the course. `tasks` with fragments only, in order of submission; `carbon_ms`: the steps of each trace."""

    hosts: Hosts
    policy: Policy
    seed: int
    scaling: str
    semantics: str
    tasks: TaskColumns
    carbon_ms: Sequence[Int64]
    interval_ms: int


def course(setting: Setting) -> Course:
    """How it goes, to the end of the last task.

    Raises:
        SimulationError: a task waits for ever, or there are too many rows.
    """
    tasks = setting.tasks
    jobs = prepare(range(len(tasks)), tasks, setting.semantics)
    submissions = list(zip(tasks.submission_ms.tolist(), jobs, strict=True))
    if setting.scaling == "NoDelay" and setting.semantics == "2.4f":
        return _without_delay(setting, submissions)
    scaling = Perfect(setting.hosts) if setting.scaling == "Perfect" else NoDelay()
    queue = _queue(setting, submissions, scaling)
    perfect = setting.scaling == "Perfect"
    runs = RunColumns.executed(queue.runs) if perfect else RunColumns.of(queue.runs, jobs[0].edges, tasks.count)
    return Course(Log(_origin_ms(setting), runs, tasks, queue.terminated), queue.rows(), queue.last_row)


def _without_delay(setting: Setting, submissions: Sequence[tuple[int, Job]]) -> Course:
    tasks, edges = setting.tasks, submissions[0][1].edges
    where = placement(setting.hosts, setting.policy, setting.semantics, setting.seed)
    scheduler = OpenDCScheduler(setting.hosts, where, _origin_ms(setting), setting.carbon_ms)
    happened = scheduler.advance(_FAR_MS, submissions)
    _refuse_waiting(scheduler.queue)
    log = Log(_origin_ms(setting), RunColumns.of(happened.placed, edges, tasks.count), tasks, happened.terminated)
    finished = scheduler.finished_at_deadline, scheduler.finished_after_changes
    rows = plan_rows(log, happened.placed, setting.interval_ms, scheduler.engine, *finished)

    drifting = drifting_hosts(setting.hosts, tasks.cpu_usage_mhz)
    final_ms = int(rows.time_ms[-1])
    stepped = carbon_has_stepped(log, final_ms, setting.carbon_ms) if scheduler.finished_at_deadline else False
    if stepped is None and len(edges.starts_ms) > _MOST_FOLLOWED:
        stepped = True  # the step comes last in one of (number of tasks that end then) + 1 orders
    by_order = stepped is None or ends_without_length(log, final_ms)
    last_row = LastRow(rows.last, (True,) * len(setting.carbon_ms), ended=True) if stepped else None
    if not (by_order or drifting.any()):
        return Course(log, rows, last_row)
    changes = changes_mhz(edges, np.cumsum(tasks.count + 1) - tasks.count - 1)
    entries = None if by_order else plain_order(log.runs, changes, drifting)
    if entries is None:
        return _in_opendcs_order(setting, submissions, changes, drifting)
    return Course(log, rows, last_row, RunningSums.of(log.runs, changes, entries, drifting))


def _in_opendcs_order(setting: Setting, submissions: Sequence[tuple[int, Job]], changes: Float64, drifting: Bools) -> Course:
    pushes = Pushes(submissions[0][1].edges, changes)
    queue = _queue(setting, submissions, pushes)
    runs = RunColumns.of(queue.runs, submissions[0][1].edges, setting.tasks.count)
    sums = RunningSums.of(runs, changes, np.array(pushes.entries, dtype=np.int64), drifting)
    last_row = queue.last_row
    if last_row is not None and last_row.ended:
        before, passed_on = pushes.seen_at_end
        seen = np.full(len(setting.hosts), before)
        seen[list(passed_on)] = list(passed_on.values())
        last_row = replace(last_row, demand_mhz=sums.after(seen))
    log = Log(_origin_ms(setting), runs, setting.tasks, queue.terminated)
    return Course(log, queue.rows(), last_row, sums if drifting.any() else None)


def _queue(setting: Setting, submissions: Sequence[tuple[int, Job]], scaling: Perfect | NoDelay | Pushes) -> EventQueue:
    where = placement(setting.hosts, setting.policy, setting.semantics, setting.seed)
    queue = EventQueue(setting.hosts, where, scaling, submissions, setting.carbon_ms, setting.interval_ms)
    queue.run()
    _refuse_waiting(queue.queue)
    return queue


def _origin_ms(setting: Setting) -> int:
    return int(setting.tasks.submission_ms[0])


def _refuse_waiting(queue: Collection[Job]) -> None:
    for job in queue:
        raise SimulationError(
            f"it fits no host of the topology, so it waits for ever with {len(queue) - 1} behind it ({job.cores} cores, "
            f"{job.memory_mib} MiB)",
            where=f"task {job.id}",
            hint="Give it a host that has both, or take it out of the workload",
            task=job.id,
        )
