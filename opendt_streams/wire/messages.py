"""What a message says, once it is decoded: the inputs of the state machines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from opendt_streams.model.carbon import CarbonTrace
from opendt_streams.model.decision import Alarm, Decision
from opendt_streams.model.event import TopologyEvent
from opendt_streams.model.power import PowerSample
from opendt_streams.model.result import WindowResult
from opendt_streams.model.task import Task
from opendt_streams.model.topology import Topology
from opendt_streams.model.unmodelled import Unmodelled


@dataclass(frozen=True, slots=True)
class Invalid:
    """A message that breaks its contract, and why. `digest` is the sha256 of its bytes."""

    reason: str
    digest: str


@dataclass(frozen=True, slots=True)
class TaskSubmitted:
    task: Task


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Everything before `time_ms` has been said. `snapshot` names the physical topology by its message's sha256, if at all."""

    time_ms: int
    snapshot: str | None = None


@dataclass(frozen=True, slots=True)
class End:
    """The stream is over."""


@dataclass(frozen=True, slots=True)
class PowerBatch:
    samples: tuple[PowerSample, ...]


@dataclass(frozen=True, slots=True)
class Silence:
    """The calibrator's note in dc.power: until here nothing came that reaches `instant_ms`."""

    instant_ms: int


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """The physical topology with the carbon traces that it names. `digest`: of the message's bytes; `content`: of what it means;
    `unmodelled`: what it has besides, which is not simulated."""

    digest: str
    content: str
    topology: Topology
    carbon: Mapping[str, CarbonTrace]
    unmodelled: tuple[Unmodelled, ...] = ()


@dataclass(frozen=True, slots=True)
class ResultRecorded:
    """A window result, and the ledger offset that the simulator had folded when it wrote it."""

    result: WindowResult
    ledger: int


@dataclass(frozen=True, slots=True)
class ResultsEnded:
    unplaceable: int


@dataclass(frozen=True, slots=True)
class ResumePoint:
    """Where a calibrator that restarts from a decision goes on reading (PROTOCOL 6.6).

    `power` is the offset of the dc.power message that reached the instant (read again), `watermark_ms`, `refused_ms` and `ended` the state
    of the watermark before it; samples before `fresh` have been counted already; `results` is the offset after the last result used.
    """

    power: int
    fresh: int
    watermark_ms: int | None
    refused_ms: int | None
    results: int
    ended: bool = False


@dataclass(frozen=True, slots=True)
class DecisionRecorded:
    """A decision, the ledger offset that it pins, and where to resume from it."""

    decision: Decision
    pin: int
    resume: ResumePoint


@dataclass(frozen=True, slots=True)
class AlarmRecorded:
    alarm: Alarm


@dataclass(frozen=True, slots=True)
class CalibrationEnded:
    pass


Message: TypeAlias = (
    Invalid | TaskSubmitted | Heartbeat | End | PowerBatch | Silence | Snapshot | TopologyEvent
    | ResultRecorded | ResultsEnded | DecisionRecorded | AlarmRecorded | CalibrationEnded
)  # fmt: skip
