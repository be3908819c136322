"""What the meters say."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Meter:
    """What a meter measures: one host group, one cluster, or (both None) the whole datacenter."""

    cluster: str | None = None
    host_group: str | None = None


WHOLE_DATACENTER = Meter()


@dataclass(frozen=True, slots=True)
class PowerSample:
    """Power at an instant, in watts."""

    time_ms: int
    power_w: float
    meter: Meter = WHOLE_DATACENTER
