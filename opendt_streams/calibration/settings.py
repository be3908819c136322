"""What decides about a method besides its evidence: plain numbers, wherever they were configured."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from opendt_streams.calibration.port import Capabilities
from opendt_streams.errors import BadConfiguration
from opendt_streams.model import times
from opendt_streams.model.topology import MODEL_TYPES, ModelType


@dataclass(frozen=True, slots=True)
class GridSettings:
    """`grid` tries `points` values of a power parameter from `min_value` to `max_value`, and takes the one with the least MAPE over
    `window_ms`. `property` is OpenDT's dotted path below a host. The defaults are OpenDT's published experiment."""

    property: str = "cpuPowerModel.calibrationFactor"
    min_value: float = 3.0
    max_value: float = 9.0
    points: int = 10
    window_ms: int = times.HOUR

    def __post_init__(self) -> None:
        if not (math.isfinite(self.min_value) and math.isfinite(self.max_value) and self.min_value < self.max_value):
            raise BadConfiguration(
                f"a grid from {self.min_value:g} to {self.max_value:g}", expected="min_value below max_value", where="calibrator.grid"
            )
        if not 2 <= self.points <= 1000 or self.window_ms <= 0:
            raise BadConfiguration(
                f"a grid of {self.points} points over {self.window_ms} ms",
                expected="2 to 1000 points and a positive window",
                where="calibrator.grid",
            )


@dataclass(frozen=True, slots=True)
class LeastSquaresSettings:
    """`power_model` is what is fitted over the newest `window_ms`; None: busy-linear where the engine runs it, else asymptotic."""

    power_model: ModelType | None = None
    window_ms: int = 2 * times.HOUR


@dataclass(frozen=True, slots=True)
class CalibrationSettings:
    """Instants are multiples of `publish_every_ms`; results have a row every `sample_interval_ms`; `capabilities` are the engine's."""

    publish_every_ms: int = times.HOUR
    sample_interval_ms: int = 30 * times.SECOND
    capabilities: Capabilities = field(default=Capabilities(frozenset(MODEL_TYPES)))
    grid: GridSettings = field(default=GridSettings())
    least_squares: LeastSquaresSettings = field(default=LeastSquaresSettings())

    def __post_init__(self) -> None:
        if not 0 < self.sample_interval_ms <= self.publish_every_ms:
            raise BadConfiguration(
                f"rows every {self.sample_interval_ms} ms and decisions every {self.publish_every_ms} ms",
                expected="both positive, and rows at least as often as decisions",
            )
