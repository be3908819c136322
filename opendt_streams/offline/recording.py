"""What a calibrator sees of a datacenter, whatever it decides: windows with their load, and the messages of the meters.

Power parameters change no load (opendc-semantics section 14.4), so one simulation serves every method and every interval: the power of
a window on other parameters follows from its basis.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np

from opendt_streams.calibration.pairing import datacenter_power, newest_rows
from opendt_streams.errors import BadInput
from opendt_streams.model import times
from opendt_streams.model.power import PowerSample
from opendt_streams.model.result import WindowResult
from opendt_streams.model.task import Float64, Int64
from opendt_streams.model.topology import Topology
from opendt_streams.offline.load import Load
from opendt_streams.twin.telemetry import Telemetry
from opendt_streams.windows.grid import Grid
from opendt_streams.wire.messages import End, Heartbeat, PowerBatch, Silence

PowerMessage = PowerBatch | Heartbeat | End | Silence


@dataclass(frozen=True, slots=True)
class Hardware:
    """From window `first` (its index) on the datacenter was this; its power models are those before any calibration."""

    first: int
    topology: Topology


@dataclass(frozen=True, eq=False)
class Recording:
    """`windows` follow each other without a gap; `power` is dc.power in its order; `edits` counts people's changes of the topology,
    whose power parameters an offline run leaves out. `recorded` is the grid of the twin that said all this."""

    datacenter: str
    recorded: Grid
    windows: tuple[WindowResult, ...]
    hardware: tuple[Hardware, ...]
    power: tuple[PowerMessage, ...]
    edits: int = 0

    def __post_init__(self) -> None:
        if not self.windows:
            raise BadInput("there are no results to calibrate on", expected="a run, or a workload, of at least one window")

    @property
    def start_ms(self) -> int:
        return self.windows[0].window_start_ms

    @property
    def end_ms(self) -> int:
        return self.windows[-1].window_end_ms

    @cached_property
    def load(self) -> Load:
        """The load of all windows, ready to be evaluated on any power parameters."""
        return Load.of(self.windows)

    def grid(self, publish_every_ms: int) -> Grid:
        """The twin's grid with another publication interval.

        Raises:
            BadConfiguration: the window does not divide it.
        """
        return replace(self.recorded, publish_every_ms=publish_every_ms)

    def topology_at(self, window: int) -> Topology:
        return next(h.topology for h in reversed(self.hardware) if h.first <= window)

    @cached_property
    def measured(self) -> tuple[Int64, Float64]:
        """(times [ms], power of the whole datacenter [W]) of all samples, the first of a time and meter, in order of time."""
        kept: dict[tuple[int, str, str], PowerSample] = {}
        said = Telemetry(self.recorded.max_jump_ms)  # knows which messages count
        for offset, message in enumerate(self.power):
            counts = said.put(offset, message) is None
            for sample in message.samples if counts and isinstance(message, PowerBatch) else ():
                kept.setdefault((sample.time_ms, sample.meter.cluster or "", sample.meter.host_group or ""), sample)
        samples = [kept[key] for key in sorted(kept)]
        starts = [self.windows[h.first].window_start_ms for h in self.hardware[1:]]
        parts = _split(samples, starts)
        found = [datacenter_power(part, h.topology) for part, h in zip(parts, self.hardware, strict=True)]
        return np.concatenate([t for t, _ in found]), np.concatenate([w for _, w in found])

    @cached_property
    def rows(self) -> Int64:
        """The row that each measured sample pairs with (PROTOCOL 4.5), -1 where there is none."""
        return newest_rows(self.load.row_ms, self.measured[0], max_age_ms=self.recorded.sample_interval_ms)

    def of_samples(self, row_w: Float64) -> Float64:
        """A value per row as one per measured sample; NaN where it has no row."""
        return np.where(self.rows >= 0, row_w[np.maximum(self.rows, 0)], np.nan)

    @property
    def days(self) -> float:
        return (self.end_ms - self.start_ms) / times.DAY


def _split(samples: list[PowerSample], starts: Iterable[int]) -> list[list[PowerSample]]:
    """By the hardware that was there: samples at exactly a start belong to what was before."""
    at = [s.time_ms for s in samples]
    edges = [0, *(int(np.searchsorted(at, start, side="right")) for start in starts), len(samples)]
    return [samples[a:b] for a, b in pairwise(edges)]
