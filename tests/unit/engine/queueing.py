"""Random workloads that queue, with as many events at the same instants as real traces have, which know whole seconds only."""

from __future__ import annotations

import random
from dataclasses import dataclass

from opendt_streams.engine.native.placement.prefab import RANDOM, SCORES
from opendt_streams.model.carbon import CarbonTrace, carbon_trace
from opendt_streams.model.task import Task, fragments
from opendt_streams.model.topology import Cluster, HostGroup, PowerModel, Topology
from tests.unit.engine.workloads import ORIGIN_MS

POLICIES = (*SCORES, RANDOM)
_STEEP = [PowerModel("sqrt", 33.3, 100.1), PowerModel("mse", 31.0, 113.0, calibration_factor=0.5)]
_PLAIN = [PowerModel("linear", 50.0, 150.0), PowerModel("square", 33.3, 100.1)]


@dataclass(frozen=True)
class World:
    topology: Topology
    carbon: dict[str, CarbonTrace]
    tasks: list[Task]
    policy: str
    semantics: str
    step_ms: int


def random_world(seed: int, tasks: int, *, whole_seconds: bool = False, plain: bool = False, endless: bool = True) -> World:
    """`whole_seconds` everywhere, as in SWF and Slurm; `plain`: policy, semantics and power model that OpenDC runs by default.

    Not `endless`: no power model on which OpenDC v2.4f may never end.
    """
    draw = random.Random(seed)
    units = [[1000], [500], [5000], [1], [1000, 1000, 1000, 500, 250, 1]][0 if whole_seconds else draw.randrange(5)]

    def rounded(ms: float) -> int:
        unit = draw.choice(units)
        return round(ms / unit) * unit

    models = _PLAIN[:1] if plain else _STEEP[: 1 + endless] if draw.random() < 0.3 else _PLAIN
    groups = tuple(
        HostGroup(name, draw.randint(1, 3), 1, draw.choice([2, 4, 8]), 1000.0, draw.choice([500, 1000, 2000]), draw.choice(models))
        for name in "ABC"[: draw.randint(1, 3)]
    )
    mean_ms, load = draw.choice([3e3, 20e3, 60e3]), draw.choice([0.5, 0.9, 1.2, 2.0])
    at_ms, work = 0.0, []
    for number in range(tasks):
        at_ms += draw.expovariate(load * sum(g.count * g.cores_per_cpu for g in groups) / (2 * mean_ms))
        without_usage, pieces = draw.random() < 0.1, draw.choice([1, 1, 2, 3, 6])
        durations = [0 if draw.random() < 0.05 else rounded(draw.expovariate(pieces / mean_ms)) for _ in range(pieces)]
        usages = [0.0 if without_usage else draw.choice([0.0, 0.1, 0.7, 100.0, 333.3, 2500.0]) for _ in range(pieces)]
        memory = draw.choice([1, 100, 300, 700]) * 1000
        work.append(Task(number, ORIGIN_MS + rounded(at_ms), 0, draw.choice([1, 1, 2]), 0.0, memory, fragments(durations, usages)))
    carbon = {}
    if not plain and draw.random() < 0.4:
        steps = sorted({ORIGIN_MS + rounded(draw.uniform(-5e3, at_ms)) for _ in range(draw.randint(1, tasks // 4 + 2))})
        carbon = {"trace": carbon_trace(steps, [draw.uniform(1.0, 500.0) for _ in steps])}
    return World(
        Topology((Cluster("C", groups, carbon_trace="trace" if carbon else None),)),
        carbon,
        sorted(work, key=lambda t: t.submission_ms),
        "Mem" if plain else draw.choice(POLICIES),
        "2.4f" if plain else draw.choice(["2.4f", "2.4f", "2.4g+"]),
        draw.choice([1000, 5000, 30_000]),
    )
