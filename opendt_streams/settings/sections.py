"""The settings: what there is, section by section, and what each value may be."""

from __future__ import annotations

import builtins
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from opendt_streams.calibration import GridSettings
from opendt_streams.calibration.grid import check
from opendt_streams.errors import BadConfiguration
from opendt_streams.settings.fields import Duration, Memory, Name, Retention, SomePath, Speed, Until
from opendt_streams.windows.grid import Grid


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class KafkaSettings(Section):
    namespace: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{0,100}$")]
    partitions: Annotated[int, Field(ge=1, le=1000)]
    replication_factor: Annotated[int, Field(ge=1, le=10)]
    datacenter_retention: Retention

    def topic(self, name: str) -> str:
        """The name that a topic has on the broker."""
        return f"{self.namespace}.{name}" if self.namespace else name


class WorkloadSettings(Section):
    directory: SomePath | None
    speed: Speed
    heartbeat: Duration
    power_batch: Duration
    max_ahead: Duration
    until: Until


class SimulatorSettings(Section):
    window: Duration
    sample_interval: Duration
    policy: str
    snapshot_every: Duration


class OpenDcSettings(Section):
    home: SomePath | None
    java: SomePath | None
    timeout: Duration
    memory: Annotated[Memory, Field(ge=64, le=2**20)]
    attempts: Annotated[int, Field(ge=1, le=100)]
    pool: Annotated[int, Field(ge=1, le=100)]
    keep: Annotated[int, Field(ge=0, le=10_000)]


class EngineSection(Section):
    name: Literal["native", "opendc"]
    semantics: Literal["2.4f", "2.4g+"]
    shadow_every: Annotated[int, Field(ge=0)]
    opendc: OpenDcSettings

    @property
    def needs_opendc(self) -> bool:
        """Whether the real OpenDC must be on this machine: as the engine, or as the shadow of the native one."""
        return self.name == "opendc" or self.shadow_every > 0


class GridSection(Section):
    property: str
    min_value: float
    max_value: float
    points: int
    window: Duration

    @model_validator(mode="after")
    def _makes_sense(self) -> GridSection:
        try:
            check(self.settings)
        except BadConfiguration as error:
            raise ValueError(str(error)) from None
        return self

    @builtins.property
    def settings(self) -> GridSettings:
        return GridSettings(self.property, self.min_value, self.max_value, self.points, self.window)


class LeastSquaresSection(Section):
    power_model: Literal["auto", "sqrt", "linear", "square", "cubic", "mse", "asymptotic", "busy-linear"]
    window: Duration


class CalibratorSettings(Section):
    method: Literal["recursive", "least-squares", "grid", "off"]
    publish_every: Duration
    max_wait: Duration
    grid: GridSection
    least_squares: LeastSquaresSection


class ApiSettings(Section):
    """`principals`: NAME:SHA256 of a token each; `cors`: origins of pages on other hosts that may read.

    `token_file`: of the operator's token, instead of the one in the run folder.
    """

    host: str
    port: Annotated[int, Field(ge=1, le=65_535)]
    principals: tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9._@-]{1,100}:[0-9a-f]{64}$")], ...]
    cors: tuple[str, ...]
    token_file: SomePath | None
    requests_per_second: Annotated[float, Field(gt=0, le=1e6)]
    tls_certificate: SomePath | None
    tls_key: SomePath | None


class StreamSettings(Section):
    max_jump: Duration
    dedup_horizon: Duration


class Settings(Section):
    """The effective settings. Durations are integers of milliseconds."""

    datacenter: Name | None
    broker: str | None
    kafka: KafkaSettings
    workload: WorkloadSettings
    simulator: SimulatorSettings
    engine: EngineSection
    calibrator: CalibratorSettings
    stream: StreamSettings
    api: ApiSettings

    @property
    def grid(self) -> Grid:
        return Grid(
            window_ms=self.simulator.window,
            sample_interval_ms=self.simulator.sample_interval,
            publish_every_ms=self.calibrator.publish_every,
            max_jump_ms=self.stream.max_jump,
            dedup_horizon_ms=self.stream.dedup_horizon,
        )
