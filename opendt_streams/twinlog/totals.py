"""Energy and carbon of a run. A total names its span: up to where the data ended, and apart from it what only the drain brought.

In the drain nothing new arrives and nothing is measured any more; it shows how what had been accepted would end (PROTOCOL 4.6).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import fsum
from typing import Any, Final

from opendt_streams.model import times
from opendt_streams.model.result import Series, WindowResult
from opendt_streams.model.rounding import significant_sum

_JOULES_PER_KWH: Final = 3_600_000
_GRAMS_PER_KG: Final = 1000
NOTHING: Final[dict[str, float | None]] = {"energy_kwh": None, "carbon_kg": None}


@dataclass(slots=True)
class Sum:
    """Energy [J], and carbon [g]: None once any part of it is unknown."""

    energy_j: float = 0.0
    carbon_g: float | None = 0.0

    def add(self, series: Series) -> None:
        self.energy_j += fsum(series.energy_j)
        self.carbon_g = None if self.carbon_g is None or series.carbon_g is None else self.carbon_g + fsum(series.carbon_g)

    @property
    def energy_kwh(self) -> float:
        return significant_sum([self.energy_j / _JOULES_PER_KWH])

    @property
    def carbon_kg(self) -> float | None:
        return None if self.carbon_g is None else significant_sum([self.carbon_g / _GRAMS_PER_KG])

    def document(self) -> dict[str, float | None]:
        return {"energy_kwh": self.energy_kwh, "carbon_kg": self.carbon_kg}


@dataclass(slots=True)
class Part:
    """Consecutive windows; `answered` are those with rows. Clusters by name, those of one name together."""

    windows: int = 0
    answered: int = 0
    length_ms: int = 0
    total: Sum = field(default_factory=Sum)
    clusters: dict[str, Sum] = field(default_factory=dict)

    def add(self, result: WindowResult) -> None:
        self.windows += 1
        self.length_ms += result.window_end_ms - result.window_start_ms
        if result.total is None:
            return
        self.answered += 1
        self.total.add(result.total)
        for cluster in result.clusters:
            self.clusters.setdefault(cluster.name, Sum()).add(cluster.series)

    def document(self, beside: Part) -> dict[str, float | None]:
        """Null where there were windows, but none with an answer. No time at all makes 0, of carbon only where it is known `beside`."""
        if self.windows and not self.answered:
            return dict(NOTHING)
        carbon_known = self.windows or beside.total.carbon_g is not None
        return self.total.document() if carbon_known else {**self.total.document(), "carbon_kg": None}


@dataclass(slots=True)
class Totals:
    """Of all windows taken so far, which are consecutive."""

    from_ms: int | None = None
    until_ms: int | None = None  # where the data ended, or have come to so far
    data: Part = field(default_factory=Part)
    drain: Part = field(default_factory=Part)

    def take(self, result: WindowResult) -> None:
        if self.from_ms is None:
            self.from_ms = self.until_ms = result.window_start_ms
        if not result.drain:
            self.until_ms = result.window_end_ms
        (self.drain if result.drain else self.data).add(result)

    def document(self) -> dict[str, Any]:
        """Members of the summary. Without a single window nothing is known."""
        return {
            "span": {"from": times.iso_or_none(self.from_ms), "until": times.iso_or_none(self.until_ms)},
            **(NOTHING if self.from_ms is None else self.data.document(self.drain)),
            "clusters": {name: total.document() for name, total in self.data.clusters.items()},
            "drain": {"seconds": self.drain.length_ms / times.SECOND, **self.drain.document(self.data)},
            "failed_windows": self.data.windows + self.drain.windows - self.data.answered - self.drain.answered,
        }
