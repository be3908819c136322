"""The course of a whole experiment: which task runs where and when, which rows there are, and what else depends on the order of events.

There are two ways. The fast one knows when a task will end as soon as it is placed, and looks at single fragments only where that can
matter. The other follows OpenDC's engine through every fragment: for Perfect scaling, for the semantics of v2.4g+, and for the few
NoDelay workloads of which a number depends on how OpenDC orders equal times.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from opendt_streams.engine.native.hosts import Hosts
from opendt_streams.engine.native.job import Job, prepare
from opendt_streams.engine.native.last_row import LastRow, carbon_has_stepped, ends_without_length
from opendt_streams.engine.native.placement import Policy, placement
from opendt_streams.engine.native.queue.deadlines import Deadlines
from opendt_streams.engine.native.queue.every_fragment import EveryFragment
from opendt_streams.engine.native.queue.perfect import Perfect
from opendt_streams.engine.native.queue.pushes import Pushes
from opendt_streams.engine.native.queue.scaling import NoDelay, Scaling
from opendt_streams.engine.native.rows import Bools, Log, Rows, plan_rows
from opendt_streams.engine.native.running_sums import RunningSums, drifting_hosts
from opendt_streams.engine.native.scheduler import Finish, Scheduler
from opendt_streams.engine.native.spans import RunColumns
from opendt_streams.engine.native.task_ends import TaskEnds
from opendt_streams.engine.native.ticks import Ticks
from opendt_streams.engine.task_columns import TaskColumns
from opendt_streams.errors import SimulationError
from opendt_streams.model.task import Int64

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
    """What decides the course. `tasks` in order of submission, `jobs` as they are run; `carbon_ms`: the steps of each trace.

    `drifting`: per host whether the rests of sums show. The fragments are in the jobs alone: they are most of what lies in memory.
    """

    hosts: Hosts
    policy: Policy
    seed: int
    scaling: str
    semantics: str
    tasks: TaskColumns
    jobs: Sequence[Job]
    drifting: Bools
    carbon_ms: Sequence[Int64]
    interval_ms: int

    @staticmethod
    def of(
        hosts: Hosts,
        tasks: TaskColumns,
        carbon_ms: Sequence[Int64],
        interval_ms: int,
        policy: Policy = "Mem",
        seed: int = 0,
        scaling: str = "NoDelay",
        semantics: str = "2.4f",
    ) -> Setting:
        """Of tasks that all have fragments, in order of submission."""
        jobs = prepare(range(len(tasks)), tasks, semantics)
        drifting = drifting_hosts(hosts, tasks.cpu_usage_mhz)
        return Setting(hosts, policy, seed, scaling, semantics, tasks.without_fragments(), jobs, drifting, carbon_ms, interval_ms)

    @property
    def origin_ms(self) -> int:
        return int(self.tasks.submission_ms[0])


def course(setting: Setting) -> Course:
    """How it goes, to the end of the last task.

    Raises:
        SimulationError: a task waits for ever, or there are too many rows.
    """
    if setting.scaling == "Perfect":
        return follow_every_fragment(setting, Perfect(setting.hosts))
    if setting.semantics != "2.4f":
        return follow_every_fragment(setting, NoDelay())
    if setting.drifting.any():
        return follow_every_fragment(setting, Pushes())
    log, rows, finish = know_the_ends(setting)
    final_ms, at_deadline = int(rows.time_ms[-1]), finish.ended and not finish.after_engine
    stepped = carbon_has_stepped(log, final_ms, setting.carbon_ms) if at_deadline else False
    if stepped is None and len(log.runs.edges.starts_ms) > _MOST_FOLLOWED:
        stepped = True  # the step comes last in one of (number of tasks that end then) + 1 orders
    if stepped is None or ends_without_length(log, final_ms):
        return follow_every_fragment(setting, Pushes())
    last_row = LastRow(rows.last, (True,) * len(setting.carbon_ms), ended=True) if stepped else None
    return Course(log, rows, last_row)


def know_the_ends(setting: Setting) -> tuple[Log, Rows, Finish]:
    """The fast way. Ready for rows that come after changes; careful from the start if anything happens off the whole second."""
    long = any(job.longest_ms >= setting.interval_ms for job in setting.jobs) or any(len(steps) for steps in setting.carbon_ms)
    deadlines = TaskEnds(setting.origin_ms, setting.carbon_ms, follow=long)
    if any(job.off_second for job in setting.jobs):
        deadlines.be_careful({}, setting.origin_ms)
    return _run(setting, deadlines)


def follow_every_fragment(setting: Setting, scaling: Scaling) -> Course:
    """The slow way, exact in everything."""
    deadlines = EveryFragment(setting.origin_ms, setting.carbon_ms, scaling)
    log, rows, finish = _run(setting, deadlines, every_tick=True)
    stepped = tuple(ms == int(rows.time_ms[-1]) for ms in finish.stepped_ms)
    last_row = LastRow(rows.last, stepped, finish.ended)
    if not isinstance(scaling, Pushes):
        return Course(log, rows, last_row)
    sums = RunningSums.of(scaling.changes(), setting.drifting)
    if finish.ended:
        before, passed_on = scaling.seen_at_end
        seen = np.full(len(setting.hosts), before)
        seen[list(passed_on)] = list(passed_on.values())
        last_row = LastRow(rows.last, stepped, True, sums.after(seen))
    return Course(log, rows, last_row, sums if setting.drifting.any() else None)


def _run(setting: Setting, deadlines: Deadlines, *, every_tick: bool = False) -> tuple[Log, Rows, Finish]:
    tasks, origin_ms = setting.tasks, setting.origin_ms
    where = placement(setting.hosts, setting.policy, setting.semantics, setting.seed)
    ticks = Ticks(origin_ms, setting.interval_ms, setting.carbon_ms, every=every_tick)
    scheduler = Scheduler(setting.hosts, where, deadlines, origin_ms, total=len(tasks), ticks=ticks)
    happened = scheduler.advance(_FAR_MS, list(zip(tasks.submission_ms.tolist(), setting.jobs, strict=True)))
    if scheduler.finish is None:
        raise _waits_for_ever(scheduler.queue)
    perfect = setting.scaling == "Perfect"
    runs = RunColumns.executed(happened.placed) if perfect else RunColumns.of(happened.placed, setting.jobs[0].edges, tasks.count)
    log = Log(origin_ms, runs, tasks, happened.terminated)
    return log, plan_rows(log, ticks, scheduler.finish, setting.interval_ms), scheduler.finish


def _waits_for_ever(queue: Collection[Job]) -> SimulationError:
    job = next(iter(queue))
    return SimulationError(
        f"it fits no host of the topology, so it waits for ever with {len(queue) - 1} behind it ({job.cores} cores, {job.memory_mib} MiB)",
        where=f"task {job.id}",
        hint="Give it a host that has both, or take it out of the workload",
        task=job.id,
    )
