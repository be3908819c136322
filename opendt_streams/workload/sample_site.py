"""The sample's datacenter: hardware, what its datasheet says and how it really draws power."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from opendt_streams.errors import BadInput
from opendt_streams.model.canonical import JSON

GIB: Final = 1024  # MiB
SMALLEST_SITE: Final = 4  # hosts: one per group


@dataclass(frozen=True, slots=True)
class TruePower:
    """Watts of a host at utilisation u: idle + busy min(1, cores u) + slope u (field-guide section 1.1)."""

    idle_w: float
    busy_w: float
    slope_w: float


@dataclass(frozen=True, slots=True)
class SampleGroup:
    """Equal hosts. The datasheet, which is all the twin is told, draws idle + (max - idle)(2u - u^exponent)."""

    cluster: str
    name: str
    count: int
    cores: int
    core_speed_mhz: int
    memory_mib: int
    datasheet_idle_w: float
    datasheet_max_w: float
    truth: TruePower

    @property
    def capacity_mhz(self) -> int:
        return self.cores * self.core_speed_mhz


DATASHEET_EXPONENT: Final = 1.2
CARBON_FILES: Final = {"C01": "carbon.parquet", "C02": "carbon-C02.parquet"}


def sample_groups(hosts: int) -> tuple[SampleGroup, ...]:
    """`hosts` hosts in four groups in topology order.

    The truth lies 8 % above the datasheet when idle; 26 % of the datasheet's range is drawn as soon as one core is busy, 74 % of it
    follows the load: three factors common to all groups, give or take 2 %, because one meter cannot tell groups apart.
    """
    if hosts < SMALLEST_SITE:
        raise BadInput(f"{hosts} hosts are too few", expected=f"at least {SMALLEST_SITE}, one per host group", where="--hosts")
    wide, fat, fast = (max(1, hosts * percent // 100) for percent in (27, 7, 16))
    thin = hosts - wide - fat - fast
    # Most free memory is placed on first (policy Mem): fat, then fast, then thin; wide hosts get the jobs of 32 cores.
    return (
        SampleGroup("C01", "thin", thin, 16, 2100, 256 * GIB, 60.0, 250.0, TruePower(65.0, 49.0, 141.0)),
        SampleGroup("C01", "wide", wide, 32, 2600, 256 * GIB, 95.0, 420.0, TruePower(104.0, 86.0, 238.0)),
        SampleGroup("C02", "fat", fat, 64, 2250, 320 * GIB, 150.0, 640.0, TruePower(161.0, 126.0, 366.0)),
        SampleGroup("C02", "fast", fast, 24, 3000, 288 * GIB, 80.0, 360.0, TruePower(87.0, 74.0, 208.0)),
    )


def topology_document(groups: tuple[SampleGroup, ...]) -> dict[str, JSON]:
    """topology.json: readable by OpenDT and OpenDC, so with the datasheet as an `mse` model."""
    names = sorted({g.cluster for g in groups})
    clusters: list[JSON] = [
        {
            "name": name,
            "hosts": [_host_document(g) for g in groups if g.cluster == name],
            "powerSource": {"carbonTracePath": carbon_file(name)},
        }
        for name in names
    ]
    return {"clusters": clusters}


def carbon_file(cluster: str) -> str:
    """Clusters C01, C03, ... share a carbon trace, and C02, C04, ... the other."""
    return CARBON_FILES["C01" if int(cluster[1:]) % 2 else "C02"]


def truth_document(groups: tuple[SampleGroup, ...]) -> dict[str, JSON]:
    """The true parameters per host, by group name."""
    return {g.name: {"idlePower": g.truth.idle_w, "busyPower": g.truth.busy_w, "slopePower": g.truth.slope_w} for g in groups}


def _host_document(group: SampleGroup) -> dict[str, JSON]:
    return {
        "name": group.name,
        "count": group.count,
        "cpu": {"coreCount": group.cores, "coreSpeed": group.core_speed_mhz},
        "memory": {"memorySize": group.memory_mib},
        "cpuPowerModel": {
            "modelType": "mse",
            "power": group.datasheet_max_w,
            "idlePower": group.datasheet_idle_w,
            "maxPower": group.datasheet_max_w,
            "calibrationFactor": DATASHEET_EXPONENT,
        },
    }
