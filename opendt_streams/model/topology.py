"""The hardware: clusters of host groups, their power models and power sources. Reading and writing JSON is `topology_json`'s."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias, get_args

ModelType: TypeAlias = Literal["constant", "sqrt", "linear", "square", "cubic", "mse", "asymptotic", "busy-linear"]
MODEL_TYPES: Final[tuple[ModelType, ...]] = get_args(ModelType)


@dataclass(frozen=True, slots=True)
class PowerModel:
    """Watts of one host as a function of its CPU utilisation (formulas: opendc-semantics section 8; `busy-linear`: DESIGN section 5).

    Which fields count depends on `model_type`: `constant` uses power_w; `mse` calibration_factor; `asymptotic` asym_util and dvfs;
    `busy-linear` busy_power_w and slope_power_w instead of max_power_w. The others are carried along unread.
    """

    model_type: ModelType = "linear"
    idle_power_w: float = 200.0
    max_power_w: float = 400.0
    power_w: float = 400.0
    calibration_factor: float = 1.0
    asym_util: float = 0.0
    dvfs: bool = True
    busy_power_w: float = 0.0
    slope_power_w: float = 0.0


@dataclass(frozen=True, slots=True)
class HostGroup:
    """`count` equal hosts: one entry of a cluster's `hosts`."""

    name: str
    count: int
    cpu_count: int
    cores_per_cpu: int
    core_speed_mhz: float
    memory_mib: int
    power_model: PowerModel

    @property
    def cores(self) -> int:
        """Cores of one host."""
        return self.cpu_count * self.cores_per_cpu

    @property
    def capacity_mhz(self) -> float:
        """CPU capacity of one host."""
        return self.cores * self.core_speed_mhz


@dataclass(frozen=True, slots=True)
class Cluster:
    name: str
    host_groups: tuple[HostGroup, ...]
    power_source: str | None = None
    carbon_trace: str | None = None  # as the topology names it: a path, of which the twin uses the file name


@dataclass(frozen=True, slots=True)
class Topology:
    clusters: tuple[Cluster, ...]

    @property
    def host_groups(self) -> tuple[tuple[int, int, HostGroup], ...]:
        """(cluster index, host entry index, group) in topology order."""
        return tuple((c, h, g) for c, cluster in enumerate(self.clusters) for h, g in enumerate(cluster.host_groups))

    @property
    def host_count(self) -> int:
        return sum(g.count for _, _, g in self.host_groups)

    def without_power_models(self) -> Topology:
        """The same hardware with every power model at its default: equal for two topologies that differ in power parameters only."""
        return self.with_power_models({})

    def with_power_models(self, models: dict[tuple[int, int], PowerModel], default: PowerModel | None = PowerModel()) -> Topology:
        """The same hardware with the power models of (cluster, host entry) replaced; others become `default`, or stay where it is None."""
        return Topology(
            tuple(
                replace(
                    cluster,
                    host_groups=tuple(
                        replace(g, power_model=models.get((c, h), g.power_model if default is None else default))
                        for h, g in enumerate(cluster.host_groups)
                    ),
                )
                for c, cluster in enumerate(self.clusters)
            )
        )
