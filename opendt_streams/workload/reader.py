"""A workload directory as one immutable value: what a datacenter will have said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from opendt_streams.model.carbon import CarbonTrace
from opendt_streams.model.topology import Topology
from opendt_streams.model.unmodelled import Unmodelled
from opendt_streams.workload import site
from opendt_streams.workload.findings import Findings
from opendt_streams.workload.power import PowerSeries, load_power
from opendt_streams.workload.tasks import TaskTable, load_tasks


@dataclass(frozen=True, slots=True, eq=False)
class Workload:
    """`carbon` holds the traces that the topology's clusters name, by file name; `power` is None where nothing was measured; `unmodelled`
    is what the topology has that the twin does not simulate."""

    name: str
    description: str
    topology: Topology
    carbon: Mapping[str, CarbonTrace]
    tasks: TaskTable
    power: PowerSeries | None
    unmodelled: tuple[Unmodelled, ...] = ()


@dataclass(frozen=True, slots=True)
class Parts:
    """What could be read of a directory; None where an error was found (and for `power` where there is none)."""

    about: site.About
    topology: Topology | None
    carbon: Mapping[str, CarbonTrace]
    tasks: TaskTable | None
    power: PowerSeries | None
    unmodelled: tuple[Unmodelled, ...] = ()


def read_workload(directory: Path) -> Workload:
    """Reads and checks a workload directory (formats: opendt-compat section 3).

    Raises:
        BadInput: names the file, row and column of the first thing that is wrong.
    """
    parts = load_parts(directory, Findings(directory, strict=True))
    if parts.topology is None or parts.tasks is None:
        raise AssertionError("a strict reading raises instead of giving up")
    name = directory.resolve().name
    return Workload(name, parts.about.description, parts.topology, parts.carbon, parts.tasks, parts.power, parts.unmodelled)


def load_parts(directory: Path, findings: Findings) -> Parts:
    if not directory.is_dir():
        findings.error("", "there is no such directory", "a workload directory", hint="`opendt data sample --out DIR --seed 1` makes one.")
        return Parts(site.About(), None, {}, None, None)
    about = site.load_about(directory, findings)
    topology = site.load_topology(directory, findings)
    carbon = site.load_carbon(directory, topology, findings) if topology is not None else {}
    tasks = load_tasks(directory, findings)
    # Without tasks the time base is unknown, but the other columns can still be checked.
    start_ms = int(tasks.submission_ms[0]) if tasks is not None else 0
    power = load_power(directory, start_ms + about.consumption_offset_ms, findings)
    return Parts(about, topology, carbon, tasks, power, site.load_unmodelled(directory) if topology is not None else ())
