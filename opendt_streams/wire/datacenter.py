"""Messages that a datacenter sends, in our own form and in OpenDT's (opendt-compat section 1.1)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from opendt_streams.wire.fields import Count, DurationMs, NotNegative, OpenDTTime, TaskId, Time, Wire


class FragmentColumns(Wire):
    """All fragments of a task as columns: element i lasts duration_ms[i] at cpu_usage_mhz[i] (of the whole task)."""

    duration_ms: list[DurationMs]
    cpu_usage_mhz: list[NotNegative]

    @model_validator(mode="after")
    def _equally_long(self) -> FragmentColumns:
        if len(self.duration_ms) != len(self.cpu_usage_mhz):
            raise ValueError(f"columns of unequal length: {len(self.duration_ms)} duration_ms, {len(self.cpu_usage_mhz)} cpu_usage_mhz")
        return self


class OpenDTFragment(Wire):
    duration: DurationMs
    cpu_usage: NotNegative
    cpu_count: Count = 0


class _TaskFields(Wire):
    id: TaskId
    duration: DurationMs
    cpu_count: Count
    cpu_capacity: NotNegative = 0.0
    mem_capacity: Annotated[int, Field(ge=0, le=2**62)]


class TaskBody(_TaskFields):
    submission_time: Time
    fragments: FragmentColumns


class OpenDTTaskBody(_TaskFields):
    submission_time: OpenDTTime
    fragments: list[OpenDTFragment] = Field(default_factory=list)


class TaskMessage(Wire):
    """A task at its submission, with the whole of its future demand."""

    message_type: Literal["task"] = "task"
    task: TaskBody


class OpenDTTaskMessage(Wire):
    """The same as OpenDT writes it: a list of fragment objects."""

    message_type: Literal["task"] = "task"
    task: OpenDTTaskBody


class HeartbeatMessage(Wire):
    """Everything before `timestamp` has been sent. `snapshot`: sha256 of the dc.topology message that is in force."""

    message_type: Literal["heartbeat"] = "heartbeat"
    timestamp: Time
    snapshot: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None


class EndMessage(Wire):
    """The stream is over: nothing follows."""

    message_type: Literal["end"] = "end"


class MeterBody(Wire):
    """What the meter measures; without any field the whole datacenter."""

    cluster: str | None = None
    host_group: str | None = None


class PowerColumns(Wire):
    """Samples of one meter, that of the message; with columns `cluster` or `host_group` of several, one of them per row."""

    timestamp_ms: Annotated[list[Time], Field(min_length=1)]
    power_w: list[NotNegative]
    cluster: list[str | None] | None = None
    host_group: list[str | None] | None = None

    @model_validator(mode="after")
    def _equally_long(self) -> PowerColumns:
        if len(self.timestamp_ms) != len(self.power_w):
            raise ValueError(f"columns of unequal length: {len(self.timestamp_ms)} timestamp_ms, {len(self.power_w)} power_w")
        for name, column in (("cluster", self.cluster), ("host_group", self.host_group)):
            if column is not None and len(column) != len(self.power_w):
                raise ValueError(f"columns of unequal length: {len(column)} {name}, {len(self.power_w)} power_w")
        return self


class PowerMessage(Wire):
    """One power sample [W]."""

    message_type: Literal["power"] = "power"
    timestamp: Time
    power_draw: NotNegative
    meter: MeterBody = MeterBody()


class PowerBatchMessage(Wire):
    """Power samples as columns."""

    message_type: Literal["power"] = "power"
    samples: PowerColumns
    meter: MeterBody = MeterBody()


class OpenDTPowerMessage(Wire):
    """A sample as OpenDT writes it: without a message type, naive time means UTC, the energy is not read."""

    message_type: None = None
    timestamp: OpenDTTime
    power_draw: NotNegative


class SilenceMessage(Wire):
    """Written by the calibrator: dc.power fell silent before it reached `instant`."""

    message_type: Literal["silence"] = "silence"
    instant: Time


class CarbonColumns(Wire):
    """A carbon trace: intensity_g_per_kwh[i] holds from timestamp_ms[i] on."""

    timestamp_ms: Annotated[list[Time], Field(min_length=1)]
    intensity_g_per_kwh: list[NotNegative]

    @model_validator(mode="after")
    def _equally_long(self) -> CarbonColumns:
        if len(self.timestamp_ms) != len(self.intensity_g_per_kwh):
            raise ValueError(f"columns of unequal length: {len(self.timestamp_ms)} times, {len(self.intensity_g_per_kwh)} intensities")
        return self


class SnapshotMessage(Wire):
    """The physical topology, with the carbon traces that it names, by file name; the rest is carried for whom it concerns."""

    message_type: Literal["topology-snapshot"] = "topology-snapshot"
    timestamp: OpenDTTime
    topology: dict[str, Any]
    carbon: dict[str, CarbonColumns] = Field(default_factory=dict)
    slos: dict[str, Any] | None = None
    software_stack: dict[str, Any] | None = None
    configuration: dict[str, Any] | None = None
