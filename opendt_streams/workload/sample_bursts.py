"""Jobs of a site that queues: enough of them for a given load, coming in bursts that are more than the hosts can take at once."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from opendt_streams.errors import BadInput
from opendt_streams.model.task import Float64
from opendt_streams.workload import sample_jobs
from opendt_streams.workload.sample_jobs import DAY_S, Job
from opendt_streams.workload.sample_site import GIB

MOST_LOAD: Final = 2.0
_BURST_HOURS: Final = {9: 5.0, 14: 4.0, 20: 6.0}  # hours of the day, and how many times the usual come in them
_ARRAY: Final = 0.35  # chance that another job comes in the same second, as in the array jobs of a scheduler
_ROUND: Final = 0.5  # share of jobs whose length is whole minutes, and of arrivals on one: ends and arrivals share instants then
_CORES: Final = (1, 2, 4, 8, 16)  # every kind of host has 16: several jobs share one
_CORES_SHARE: Final = (0.18, 0.2, 0.25, 0.25, 0.12)
_MEDIAN_S: Final = 2400.0
_SPREAD: Final = 1.1  # standard deviation of the logarithm of the length
_LONGEST_S: Final = DAY_S // 2
_MOST_GIB_PER_CORE: Final = 8


def check_load(load: float) -> None:
    """
    Raises:
        BadInput: no load, or so much that the queue would only grow.
    """
    if not 0 < load <= MOST_LOAD:
        expected = f"more than 0, at most {MOST_LOAD:g}: the cores asked for, over those that there are"
        raise BadInput(f"a load of {load:g}", expected=expected, where="--load")


def burst_jobs(rng: np.random.Generator, days: int, cores: int, load: float) -> list[Job]:
    """Jobs by submission time in whole seconds, the first at 0, that ask for `load` times what `cores` cores have in these days.

    What a job asks for is its cores for its length; a job that leaves no trace, or demands nothing, asks for nothing.
    """
    left = load * cores * days * DAY_S
    until = np.cumsum(_weights(days))
    jobs: list[Job] = []
    while left > 0:
        minute = min(int(np.searchsorted(until, rng.random() * until[-1], side="right")), len(until) - 1)
        second = int(rng.integers(0, 60))
        start_s = 60 * minute + (0 if float(rng.random()) < _ROUND else second) if jobs else 0
        for _ in range(int(rng.geometric(1 - _ARRAY))):
            job = _job(rng, start_s)
            left -= job.cores * (job.end_s - job.start_s)
            jobs.append(job)
    return sorted(jobs, key=lambda job: job.start_s)  # stable: jobs of one second as they were drawn


def _weights(days: int) -> Float64:
    """Of each minute: the day's wave, quiet weekends, and the bursts."""
    wave = [1 + 0.5 * sample_jobs.daily(60.0 * minute) for minute in range(days * 1440)]
    more = [(0.6 if minute // 1440 % 7 >= 5 else 1.0) * _BURST_HOURS.get(minute // 60 % 24, 1.0) for minute in range(days * 1440)]
    return np.asarray(np.array(wave) * np.array(more))


def _job(rng: np.random.Generator, start_s: int) -> Job:
    cores = int(rng.choice(_CORES, p=_CORES_SHARE))
    length_s = int(min(max(1.0, _MEDIAN_S * math.exp(_SPREAD * float(rng.standard_normal()))), _LONGEST_S))
    if float(rng.random()) < _ROUND:
        length_s = max(1, length_s // 60) * 60
    memory_mib = cores * int(rng.integers(1, _MOST_GIB_PER_CORE + 1)) * GIB
    return sample_jobs.job_of(rng, start_s, length_s, cores, memory_mib)
