"""What the meters say."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Meter:
    """What a meter measures: one host group, one cluster, or (both None) the whole datacenter."""

    cluster: str | None = None
    host_group: str | None = None

    def measures(self, cluster: str, host_group: str) -> bool:
        """Whether it measures the host groups of this name in the clusters of that one."""
        return self.cluster in (None, cluster) and self.host_group in (None, host_group)

    @property
    def name(self) -> str:
        """In words: datacenter, C01, C01/thin; */thin for a host group of any cluster."""
        if self.host_group is not None:
            return f"{self.cluster or '*'}/{self.host_group}"
        return self.cluster or "datacenter"


WHOLE_DATACENTER = Meter()


@dataclass(frozen=True, slots=True)
class PowerSample:
    """Power at an instant, in watts."""

    time_ms: int
    power_w: float
    meter: Meter = WHOLE_DATACENTER
