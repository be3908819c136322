"""Max-min fairness among the tasks of an overloaded host."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opendt_streams.engine.native.demand import collect_entries, host_steps
from opendt_streams.engine.native.job import Run, prepare
from opendt_streams.engine.native.sharing import task_steps
from opendt_streams.engine.native.spans import gather
from opendt_streams.engine.task_columns import TaskColumns
from tests.unit.engine.workloads import task

usages = st.lists(st.floats(0.1, 3000.0), min_size=1, max_size=6)


def grants(*hosts: list[float], capacity: float = 4000.0) -> list[list[float]]:
    """What tasks with these demands get, host by host."""
    demands = [(h, u) for h, host in enumerate(hosts) for u in host]
    jobs = prepare(range(len(demands)), TaskColumns.of([task(i, 0, [(1000, u)]) for i, (_, u) in enumerate(demands)]))
    runs = [Run(job, h, 0, 1000) for job, (h, _) in zip(jobs, demands, strict=True)]
    entries = collect_entries(gather(runs, 0, 1000), 0, 1000, len(hosts))
    found = task_steps(entries, host_steps(entries), np.full(len(hosts), capacity))
    shares: list[list[float]] = [[] for _ in hosts]
    for run, granted in zip(found.run.tolist(), found.granted_mhz.tolist(), strict=True):
        shares[entries.spans.host[run]].append(granted)
    return shares


def test_what_is_enough_is_granted_and_too_little_is_shared() -> None:
    assert grants([1000.0, 2000.0], [3000.0, 500.0, 2500.0]) == [[1000.0, 2000.0], [1750.0, 500.0, 1750.0]]


@given(usages, usages)
def test_laws_of_max_min(first: list[float], second: list[float]) -> None:
    for demands, granted in zip((first, second), grants(first, second), strict=True):
        assert sum(granted) == pytest.approx(min(sum(demands), 4000.0))
        assert all(g <= d for g, d in zip(granted, demands, strict=True))
        unmet = [g for g, d in zip(granted, demands, strict=True) if g < d]
        # Who gets less than asked for gets no less than anybody else.
        assert all(g == pytest.approx(max(granted)) for g in unmet)
