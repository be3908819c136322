"""What the sample's power meter shows: jobs placed on hosts, the true power law, drift, noise and a meter that holds its value."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from opendt_streams.model.task import Float64, Int64
from opendt_streams.workload.sample_jobs import DAY_S, Job
from opendt_streams.workload.sample_site import SampleGroup

SAMPLE_S: Final = 30
NOISE: Final = 0.003  # standard deviation of a reading, relative
DRIFT: Final = 0.006  # amplitude of the slow wave on all watts, relative
DRIFT_PERIOD_S: Final = 60 * 3600
LONGEST_HOLD: Final = 12  # samples; SURF's meter: 16
RESOLUTION_W: Final = 0.1
REFRESH: Final = 0.4  # chance that a sample is a new reading

_RAM_OVERCOMMIT: Final = 1.5


def place(jobs: Sequence[Job], groups: Sequence[SampleGroup]) -> list[int | None]:
    """Host (in topology order) of each job, None for one that finds no room at its submission.

    OpenDC's default policy `Mem` (opendc-semantics section 6): among hosts with the cores free and memory up to 1.5 times, the one with
    most free memory, the first of equals. Jobs come by submission time, whole seconds, and never queue: there is no more to it.
    """
    cores = np.repeat([g.cores for g in groups], [g.count for g in groups])
    memory = np.repeat([g.memory_mib for g in groups], [g.count for g in groups])
    free_cores, free_memory = cores.copy(), memory.copy()
    slack = memory * (_RAM_OVERCOMMIT - 1)
    running: list[tuple[int, int, int]] = []  # end, host, index of the job
    placed: list[int | None] = []
    for index, job in enumerate(jobs):
        while running and running[0][0] <= job.start_s:
            _, host, ended = heapq.heappop(running)
            free_cores[host] += jobs[ended].cores
            free_memory[host] += jobs[ended].memory_mib
        fits = (free_cores >= job.cores) & (memory >= job.memory_mib) & (free_memory + slack >= job.memory_mib)
        if not fits.any():
            placed.append(None)
            continue
        host = int(np.where(fits, free_memory, -math.inf).argmax())
        placed.append(host)
        if job.end_s > job.start_s:
            free_cores[host] -= job.cores
            free_memory[host] -= job.memory_mib
            heapq.heappush(running, (job.end_s, host, index))
    return placed


def sample_instants(days: int) -> Int64:
    """Seconds since the start, shape (n,): every 30 s up to and including the end."""
    return np.arange(SAMPLE_S, days * DAY_S + 1, SAMPLE_S, dtype=np.int64)


def host_utilisation(jobs: Sequence[Job], capacity_mhz: int, instants: Int64) -> Float64:
    """Utilisation (n,) of a host with these jobs at the instants, each as the left limit."""
    demand = np.zeros(len(instants), dtype=np.int64)
    for job in jobs:
        edges = job.start_s * 1000 + np.cumsum(job.duration_ms)
        lo, hi = np.searchsorted(instants * 1000, [job.start_s * 1000, edges[-1]], side="right")
        demand[lo:hi] += job.usage_mhz[np.searchsorted(edges, instants[lo:hi] * 1000, side="left")]
    return np.minimum(demand, capacity_mhz) / capacity_mhz


def true_power(jobs: Sequence[Job], placed: Sequence[int | None], groups: Sequence[SampleGroup], instants: Int64) -> Float64:
    """Watts of the whole datacenter (n,) by the true law, without drift and noise."""
    by_host: dict[int, list[Job]] = {}
    for job, host in zip(jobs, placed, strict=True):
        if host is not None and job.end_s > job.start_s:
            by_host.setdefault(host, []).append(job)
    watts = np.zeros(len(instants))
    first = 0
    for group in groups:
        law = group.truth
        watts += group.count * law.idle_w
        for host in range(first, first + group.count):
            if host in by_host:
                u = host_utilisation(by_host[host], group.capacity_mhz, instants)
                watts += law.busy_w * np.minimum(1.0, group.cores * u) + law.slope_w * u
        first += group.count
    return watts


def drift(instants: Int64) -> Float64:
    """The slow wave as a factor (n,) on the true law."""
    return np.asarray(1 + DRIFT * np.sin(2 * math.pi * instants / DRIFT_PERIOD_S))


def noise_floor_percent(true_w: Float64, shown_w: Float64) -> float:
    """The MAPE of the truth against what the meter shows of it [%]: its noise, its steps, and that it repeats itself."""
    some = shown_w > 0
    return round(100 * float(np.mean(np.abs(true_w[some] - shown_w[some]) / shown_w[some])), 6)


def readings(rng: np.random.Generator, watts: Float64, instants: Int64) -> Float64:
    """What the meter shows: the drifting truth with noise, and most samples repeating the one before. Rounded to 0.1 W."""
    fresh, noise = rng.random(len(watts)) < REFRESH, rng.standard_normal(len(watts))
    values = [
        round(watt * (1 + DRIFT * math.sin(2 * math.pi * second / DRIFT_PERIOD_S)) * (1 + NOISE * error), 1)
        for watt, second, error in zip(watts.tolist(), instants.tolist(), noise.tolist(), strict=True)
    ]
    return held(values, fresh.tolist(), LONGEST_HOLD, RESOLUTION_W)


def held(values: Sequence[float], fresh: Sequence[bool], longest: int, resolution_w: float) -> Float64:
    """A meter that takes on a new value where `fresh`, or after `longest` samples with the same one."""
    shown: list[float] = []
    age = longest
    for value, new in zip(values, fresh, strict=True):
        if new or age >= longest:
            # A new reading differs from the old one, or two holds would look like one that is too long.
            shown.append(round(value + resolution_w, 6) if shown and value == shown[-1] else value)
            age = 1
        else:
            shown.append(shown[-1])
            age += 1
    return np.array(shown)
