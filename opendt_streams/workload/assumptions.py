"""The units and time bases that the twin assumes of a workload directory (the traps: opendt-compat section 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from opendt_streams.model.times import iso
from opendt_streams.workload.power import CONSUMPTION
from opendt_streams.workload.reader import Parts
from opendt_streams.workload.site import DESCRIPTION, TOPOLOGY
from opendt_streams.workload.tasks import FRAGMENTS, TASKS


@dataclass(frozen=True, slots=True)
class Assumption:
    """How the twin understands a column (in a JSON file: a key)."""

    file: str
    column: str
    unit: str
    note: str = ""


_TASKS: Final = (
    Assumption(TASKS, "submission_time", "ms, UTC", "time without a zone means UTC"),
    Assumption(TASKS, "duration", "ms", "for information: fragments decide when a task ends"),
    Assumption(TASKS, "cpu_count", "cores", "reserved from placement to end"),
    Assumption(TASKS, "cpu_capacity", "MHz", "of the whole task, not per core"),
    Assumption(TASKS, "mem_capacity", "MiB / 1000", "divided by 1000, rounded: the request in MiB"),
    Assumption(FRAGMENTS, "id", "", "is the id of the task; file order is the order of execution"),
    Assumption(FRAGMENTS, "duration", "ms"),
    Assumption(FRAGMENTS, "cpu_usage", "MHz", "of the whole task, not per core"),
)
_TOPOLOGY: Final = (
    Assumption(TOPOLOGY, "cpu.coreSpeed", "MHz", "where the number is bare"),
    Assumption(TOPOLOGY, "memory.memorySize", "MiB", "where the number is bare; not bytes"),
    Assumption(TOPOLOGY, "cpuPowerModel.*Power", "W", "per host"),
)
_POWER: Final = (
    Assumption(CONSUMPTION, "power_draw", "W", "at the instant; of the whole datacenter, where no column names a part"),
    Assumption(CONSUMPTION, "cluster, host_group", "", "optional: names in the topology of what the sample's meter measures"),
    Assumption(CONSUMPTION, "energy_usage", "", "not read"),
)


def assumptions(parts: Parts) -> tuple[Assumption, ...]:
    """For the files that are there."""
    found = [*_TASKS, *_TOPOLOGY]
    if parts.power is not None:
        base = (
            f"an integer counts from the earliest submission plus consumption_offset_ms of {DESCRIPTION} "
            f"({parts.about.consumption_offset_ms}), a timestamp is absolute; first sample {iso(int(parts.power.time_ms[0]))}"
        )
        found += [Assumption(CONSUMPTION, "timestamp", "ms, UTC", base), *_POWER]
    for name in parts.carbon:
        found += [
            Assumption(name, "timestamp", "ms, UTC", "the value holds from here to the next"),
            Assumption(name, "carbon_intensity", "g/kWh", "CO2 equivalent"),
        ]
    return tuple(found)
