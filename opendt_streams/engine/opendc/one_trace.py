"""Several carbon traces, one after the other: OpenDC takes a carbon trace for one cluster of a topology only.

(v2.4f ends with "Duplicate service class CarbonModel" otherwise.) Carbon flows back into nothing, so a run for each cluster that has a
trace gives power, energy and that cluster's carbon exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from opendt_streams.engine.opendc.problem import Problem
from opendt_streams.engine.opendc.rows import PowerRows
from opendt_streams.model.topology import Topology


def one_trace_each(problem: Problem) -> list[Problem]:
    """The runs that answer the problem: one for every cluster with a trace, at least one."""
    traced = [c for c, cluster in enumerate(problem.topology.clusters) if cluster.carbon_trace is not None]
    if len(traced) <= 1:
        return [problem]
    return [replace(problem, topology=_with_trace_of(problem.topology, c)) for c in traced]


def together(problem: Problem, answers: Sequence[PowerRows]) -> PowerRows:
    """One answer from those to `one_trace_each`: every cluster from the run that had its trace."""
    if len(answers) == 1:
        return answers[0]
    runs = iter(answers)
    traced = [cluster.carbon_trace is not None for cluster in problem.topology.clusters]
    chosen = {
        name: (next(runs) if has_trace else answers[0]).clusters[name] for name, has_trace in zip(answers[0].clusters, traced, strict=True)
    }
    return replace(answers[0], until_ms=min(a.until_ms for a in answers), clusters=chosen)


def _with_trace_of(topology: Topology, kept: int) -> Topology:
    clusters = (cluster if c == kept else replace(cluster, carbon_trace=None) for c, cluster in enumerate(topology.clusters))
    return Topology(tuple(clusters))
