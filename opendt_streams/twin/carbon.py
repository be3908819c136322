"""Which carbon trace a cluster has: the one of the physical topology's snapshot with the file name that the cluster's topology says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from opendt_streams.model.carbon import CarbonTrace
from opendt_streams.model.topology import Topology
from opendt_streams.wire.decode import file_name


def with_traces(topology: Topology, sent: Mapping[str, CarbonTrace]) -> tuple[Topology, dict[str, CarbonTrace]]:
    """The topology as an engine can take it, and the traces by the names it uses.

    OpenDT's producers name a trace but send none, and an edit may name another folder or a file that nobody sent: a cluster whose trace is
    not there has none for the engine either, and its carbon is unknown.
    """
    by_file = {file_name(name): trace for name, trace in sent.items()}
    found = {c.carbon_trace: by_file.get(file_name(c.carbon_trace)) for c in topology.clusters if c.carbon_trace is not None}
    traces = {name: trace for name, trace in found.items() if trace is not None}
    clusters = tuple(c if c.carbon_trace is None or c.carbon_trace in traces else replace(c, carbon_trace=None) for c in topology.clusters)
    return Topology(clusters), traces
