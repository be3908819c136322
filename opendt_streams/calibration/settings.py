"""What decides about a method besides its evidence: plain numbers, wherever they were configured."""

from __future__ import annotations

from dataclasses import dataclass, field

from opendt_streams.calibration.port import Capabilities
from opendt_streams.errors import BadConfiguration
from opendt_streams.model import times
from opendt_streams.model.topology import MODEL_TYPES


@dataclass(frozen=True, slots=True)
class CalibrationSettings:
    """Instants are multiples of `publish_every_ms`; results have a row every `sample_interval_ms`; `capabilities` are the engine's."""

    publish_every_ms: int = times.HOUR
    sample_interval_ms: int = 30 * times.SECOND
    capabilities: Capabilities = field(default=Capabilities(frozenset(MODEL_TYPES)))

    def __post_init__(self) -> None:
        if not 0 < self.sample_interval_ms <= self.publish_every_ms:
            raise BadConfiguration(
                f"rows every {self.sample_interval_ms} ms and decisions every {self.publish_every_ms} ms",
                expected="both positive, and rows at least as often as decisions",
            )
