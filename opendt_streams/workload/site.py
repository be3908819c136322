"""What is small in a workload directory: topology.json, the carbon traces that it names, and workload.yaml."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import yaml

from opendt_streams.errors import BadInput
from opendt_streams.model import units
from opendt_streams.model.carbon import CarbonTrace, carbon_trace
from opendt_streams.model.opendc_topology import decode, not_modelled
from opendt_streams.model.topology import Topology
from opendt_streams.model.topology_json import read_topology
from opendt_streams.model.unmodelled import Unmodelled, unmodelled
from opendt_streams.workload.columns import Table
from opendt_streams.workload.findings import Findings

TOPOLOGY: Final = "topology.json"
DESCRIPTION: Final = "workload.yaml"
NO_CARBON_HINT: Final = "Without powerSource.carbonTracePath in the topology carbon is unknown."


@dataclass(frozen=True, slots=True)
class About:
    """workload.yaml. A missing file means no description and offset 0."""

    description: str = ""
    consumption_offset_ms: int = 0


def load_about(directory: Path, findings: Findings) -> About:
    path = directory / DESCRIPTION
    if not path.exists():
        return About()
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        findings.error(DESCRIPTION, f"this is not YAML ({' '.join(str(error).split())})", "a YAML mapping")
        return About()
    document = {} if document is None else document
    timing = document.get("timestamps") if isinstance(document, dict) else None
    timing = {} if timing is None else timing
    if not isinstance(document, dict) or not isinstance(timing, dict):
        findings.error(DESCRIPTION, "there is no mapping", "name, description and timestamps: {consumption_offset_ms: 0}")
        return About()
    offset = timing.get("consumption_offset_ms", 0)
    if isinstance(offset, bool) or not isinstance(offset, int):
        findings.error(DESCRIPTION, f"{offset!r}", "whole milliseconds", column="timestamps.consumption_offset_ms")
        offset = 0
    for key in sorted(set(map(str, timing)) - {"consumption_offset_ms"}):
        findings.warning(DESCRIPTION, "this key is not read", "consumption_offset_ms", column=f"timestamps.{key}")
    return About(str(document.get("description") or ""), offset)


def load_topology(directory: Path, findings: Findings) -> Topology | None:
    """The topology, its carbon traces named by bare file name: where else they lay on somebody's machine does not matter here."""
    try:
        data = (directory / TOPOLOGY).read_bytes()
        document = json.loads(data.decode("utf-8"))
    except FileNotFoundError:
        findings.error(TOPOLOGY, "the file is missing", "the datacenter's clusters and hosts")
        return None
    except (ValueError, OSError) as error:
        findings.error(TOPOLOGY, f"this is not JSON ({error})", "a JSON object with clusters")
        return None
    try:
        topology = read_topology(document)
    except BadInput as error:
        for each in _problems(document) or [error]:
            findings.error(TOPOLOGY, each.what, each.expected, column=each.where)
        return None
    _compare_with_opendc(data, document, findings)
    return Topology(tuple(replace(c, carbon_trace=_file_name(c.carbon_trace)) for c in topology.clusters))


def _compare_with_opendc(data: bytes, document: Any, findings: Findings) -> None:
    """Warns about what a twin reads and OpenDC does not, and the other way round. Batteries and GPUs are told elsewhere."""
    told = {part.where for part in unmodelled(document)}
    try:
        for ignored in (each for each in not_modelled(decode(data)) if each.where not in told):
            hint = "A twin runs without it; opendt engine run refuses the file."
            findings.warning(TOPOLOGY, ignored.what, ignored.expected, column=ignored.where, hint=hint)
    except BadInput as error:
        findings.warning(TOPOLOGY, f"OpenDC refuses this: {error.what}", error.expected, column=error.where, hint="It is not used here.")
    for c, cluster in enumerate(document["clusters"]):
        for h, host in enumerate(cluster["hosts"]):
            size = host["memory"]["memorySize"]
            if units.in_bits(size):
                what = f"{size!r} are bits, as OpenDC reads it: {units.mebibytes(size)} MiB"
                findings.warning(TOPOLOGY, what, "a capital B for bytes", column=f"clusters[{c}].hosts[{h}].memory.memorySize")


def load_unmodelled(directory: Path) -> tuple[Unmodelled, ...]:
    """What the topology has that the twin does not simulate; of a topology.json that could be read."""
    try:
        return unmodelled(json.loads((directory / TOPOLOGY).read_bytes()))
    except ValueError:
        return ()


def load_carbon(directory: Path, topology: Topology, findings: Findings) -> Mapping[str, CarbonTrace]:
    """The traces that the topology names, by file name."""
    names = sorted({c.carbon_trace for c in topology.clusters if c.carbon_trace is not None})
    traces = {name: load_trace(directory / name, findings) for name in names}
    return MappingProxyType({name: trace for name, trace in traces.items() if trace is not None})


def read_carbon_trace(path: Path) -> CarbonTrace:
    """One carbon trace file.

    Raises:
        BadInput: names the row and column of the first thing that is wrong.
    """
    trace = load_trace(path, Findings(path.parent, strict=True))
    if trace is None:
        raise AssertionError("a strict reading raises instead of giving up")
    return trace


def load_trace(path: Path, findings: Findings) -> CarbonTrace | None:
    if not path.is_file():
        expected = f"the carbon trace that {TOPOLOGY} names"
        findings.error(path.name, "the file is missing", expected, hint=NO_CARBON_HINT)
        return None
    table = Table.open(path, findings)
    if table is None:
        return None
    moments, intensity = table.instants("timestamp"), table.numbers("carbon_intensity")
    if moments is None or intensity is None:
        return None
    if not len(moments):
        findings.error(path.name, "the trace is empty", "at least one row", hint=NO_CARBON_HINT)
        return None
    steps = np.diff(moments)
    if (steps <= 0).any():
        row = int((steps <= 0).argmax()) + 1
        hint = "It is read in time order; of equal times the last row counts."
        findings.warning(path.name, "the time does not increase", "increasing times", row=row, column="timestamp", hint=hint)
    return carbon_trace(moments, intensity)


def _file_name(path: str | None) -> str | None:
    return None if path is None else path.replace("\\", "/").rsplit("/", 1)[-1]


# Stands in for the parts that are not being looked at.
_ANY_HOST: Final = {"cpu": {"coreCount": 1, "coreSpeed": 1}, "memory": {"memorySize": 1}}


def _problems(document: Any) -> list[BadInput]:
    """One problem per host entry and per cluster, by reading each alone; empty if the trouble is above them."""
    clusters = document.get("clusters") if isinstance(document, dict) else None
    found: list[BadInput | None] = []
    for i, cluster in enumerate(clusters if isinstance(clusters, list) else []):
        hosts = cluster.get("hosts") if isinstance(cluster, dict) else None
        if isinstance(hosts, list) and hosts:
            found += [_problem({"hosts": [host]}, i, j) for j, host in enumerate(hosts)]
            cluster = {**cluster, "hosts": [_ANY_HOST]}
        found.append(_problem(cluster, i, 0))
    return [problem for problem in found if problem is not None]


def _problem(cluster: object, index: int, host_index: int) -> BadInput | None:
    try:
        read_topology({"clusters": [cluster]})
    except BadInput as error:
        where = (error.where or "").replace("clusters[0]", f"clusters[{index}]", 1).replace("hosts[0]", f"hosts[{host_index}]", 1)
        return BadInput(error.what, expected=error.expected, where=where)
    return None
