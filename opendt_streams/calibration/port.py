"""The port that every calibration method fills."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from opendt_streams.model.canonical import JSON
from opendt_streams.model.decision import Discrepancy, Score
from opendt_streams.model.power import PowerSample
from opendt_streams.model.result import WindowResult
from opendt_streams.model.topology import ModelType, PowerModel, Topology


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a decision at `instant_ms` may use: nothing from after it (PROTOCOL 6.3).

    `results` are the windows that end in (previous instant, instant], in order; `samples` those with previous instant < t <= instant, first
    per timestamp and meter, ordered by time and meter (for the first instant: all until then). `in_force` is the topology that the ledger
    held at the offset which the last of the results names.
    """

    instant_ms: int
    results: tuple[WindowResult, ...]
    samples: tuple[PowerSample, ...]
    in_force: Topology


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, since the event time at which that became certain. A kind has one fault at a time."""

    kind: str
    time_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a method says at an instant. `models` (by cluster index, host entry index) is None where the parameters are kept.

    `estimate` is the method's whole state to go on from, already rounded, so that going on from the log equals going on from memory.
    """

    estimate: Mapping[str, JSON]
    models: Mapping[tuple[int, int], PowerModel] | None
    reason: str
    score_in_force: Score | None = None
    score_before: Score | None = None
    score_after: Score | None = None
    interval_half_width: float | None = None
    discrepancy: Discrepancy | None = None
    alarms: tuple[Fault, ...] = ()


class Method(Protocol):
    """One way of calibrating. Pure: equal arguments, equal proposals."""

    @property
    def name(self) -> str: ...

    def decide(self, estimate: Mapping[str, JSON], evidence: Evidence) -> Proposal:
        """`estimate` is what the previous proposal said ({} at the first instant). Odd telemetry never raises: it freezes, and says why."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the engine in use can run; a method fits within it."""

    power_models: frozenset[ModelType]
