"""The sample's jobs: when they come, how large and long they are, and what they demand."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from opendt_streams.model.task import Int64
from opendt_streams.workload.sample_site import GIB

DAY_S: Final = 86_400
STEP_S: Final = 30  # length of a fragment, as SURF's
CORE_MHZ: Final = 2100  # a core's full demand: the slowest host's speed, so that demand never exceeds a host

_JOBS_PER_HOST_DAY: Final = 4.5
_RUNNING_AT_START_PER_HOST: Final = 0.4
_CORES: Final = (1, 2, 4, 8, 16, 24, 32, 64)
_CORES_SHARE: Final = (0.06, 0.06, 0.08, 0.10, 0.41, 0.12, 0.15, 0.02)
_WITHOUT_FRAGMENTS: Final = 0.05
_ZERO_USAGE: Final = 0.02
_ODD_FIRST_FRAGMENT: Final = 0.05
_SERVICE: Final = 0.15  # demand follows the time of day
_QUIET: Final = 0.15  # waits most of the time
_PHASE_STEPS: Final = 24.0  # mean length of a phase of constant demand
_LONGEST_S: Final = 2 * DAY_S


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """Times in whole seconds since the start: OpenDC places at whole seconds, so a job starts at the instant of its submission.

    duration_ms and usage_mhz: the fragments, shape (f,); none for a job that left no trace.
    """

    start_s: int
    length_s: int
    cores: int
    memory_mib: int
    duration_ms: Int64
    usage_mhz: Int64

    @property
    def end_s(self) -> int:
        """When it frees its host. OpenDC (v2.4f) ends a job that never demands anything as soon as it is placed."""
        return self.start_s + (int(self.duration_ms.sum()) // 1000 if self.usage_mhz.any() else 0)


def sample_jobs(rng: np.random.Generator, days: int, hosts: int) -> list[Job]:
    """Jobs by submission time: some running at the start, then at most one per second with a daily and weekly cycle."""
    horizon_s = days * DAY_S
    running = max(2, round(hosts * _RUNNING_AT_START_PER_HOST))
    arrivals = _arrivals(rng, days, max(1, round(hosts * days * _JOBS_PER_HOST_DAY)))
    jobs = [_job(rng, 0, horizon_s, median_s=6 * 3600.0) for _ in range(running)]
    return jobs + [_job(rng, int(start), horizon_s, median_s=2700.0) for start in arrivals]


def daily(seconds: float) -> float:
    """-1 at two in the morning, 1 at two in the afternoon."""
    return math.cos(2 * math.pi * (seconds / DAY_S - 14 / 24))


def _arrivals(rng: np.random.Generator, days: int, count: int) -> Int64:
    minutes = np.arange(days * 1440)
    weights = np.array([(1 + 0.75 * daily(60.0 * m)) * (0.55 if m // 1440 % 7 >= 5 else 1.0) for m in minutes.tolist()])
    chosen = rng.choice(minutes, size=count, p=weights / weights.sum())
    # Two jobs in the same second would make the placement depend on more than it needs to.
    seconds = np.unique(chosen * 60 + rng.integers(0, 60, size=count))
    return seconds[seconds > 0]


def _job(rng: np.random.Generator, start_s: int, horizon_s: int, median_s: float) -> Job:
    cores = int(rng.choice(_CORES, p=_CORES_SHARE))
    wanted_s = median_s * math.exp(1.5 * float(rng.standard_normal()))
    length_s = int(min(max(1.0, wanted_s), _LONGEST_S, horizon_s - start_s))
    memory_mib = int(rng.integers(180, 250)) * GIB if cores >= 16 else int(rng.integers(2, 16)) * GIB
    return job_of(rng, start_s, length_s, cores, memory_mib)


def job_of(rng: np.random.Generator, start_s: int, length_s: int, cores: int, memory_mib: int) -> Job:
    """A job of this size, with a demand that is drawn."""
    fate, odd, steps = float(rng.random()), float(rng.random()), length_s // STEP_S + 1
    usage = _demand(rng, start_s, steps) * (cores * CORE_MHZ // 100)
    durations = np.full(steps, STEP_S * 1000, dtype=np.int64)
    if odd < _ODD_FIRST_FRAGMENT and steps > 1:
        durations[0] = 1000 * int(rng.integers(1, STEP_S))
    durations[-1] = length_s * 1000 - durations[:-1].sum()
    if durations[-1] <= 0:
        durations, usage = durations[:-1], usage[:-1]
    if start_s and fate < _WITHOUT_FRAGMENTS:
        durations, usage = durations[:0], usage[:0]
    elif start_s and fate < _WITHOUT_FRAGMENTS + _ZERO_USAGE:
        usage = usage * 0
    return Job(start_s, length_s, cores, memory_mib, durations, usage)


def _demand(rng: np.random.Generator, start_s: int, steps: int) -> Int64:
    """Percent of the job's cores per step: constant over phases of random length."""
    kind = float(rng.random())
    phases = rng.geometric(1 / _PHASE_STEPS, size=2 + int(2 * steps / _PHASE_STEPS))
    level: list[float] = []
    at_s = float(start_s)
    for length in phases.tolist():
        luck = float(rng.random())
        if kind < _SERVICE:
            level.append(45 + 35 * daily(at_s) + 10 * luck)
        elif kind < _SERVICE + _QUIET:
            level.append(1 + 12 * luck * luck)
        else:
            level.append(100.0 if luck < 0.45 else 5 + 20 * luck if luck > 0.93 else 60 + 40 * luck)
        at_s += length * STEP_S
    percent = np.repeat(np.rint(level).astype(np.int64), phases)
    # Rarely the phases drawn are too short for the job; the last one then goes on.
    return np.concatenate((percent, np.full(max(0, steps - len(percent)), percent[-1])))[:steps]
