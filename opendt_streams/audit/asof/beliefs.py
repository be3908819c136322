"""What the twin knew about a time in the datacenter at some moment, as data; and what is different between two such answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from opendt_streams.audit.asof.beliefs_topics import Decided, Simulated
from opendt_streams.model import times
from opendt_streams.model.canonical import JSON
from opendt_streams.model.event import TopologyEvent
from opendt_streams.model.topology import Topology
from opendt_streams.topology.events import parameters
from opendt_streams.topology.words import changes


@dataclass(frozen=True, slots=True)
class Event:
    """The topology event that windows at that time use."""

    offset: int
    recorded: str | None
    event: TopologyEvent
    topology: Topology


@dataclass(frozen=True, slots=True)
class Measurement:
    time_ms: int
    power_w: float


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Means of the scores that the decisions give the hours before them, weighted by samples; skill is that of the two means."""

    decisions: int
    samples: int
    mape_percent: float | None
    share_under_10_percent: float | None
    bias_percent: float | None
    persistence_mape_percent: float | None
    skill: float | None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far everything had come, whatever the question is about."""

    newest_window_end_ms: int | None
    workload_watermark_ms: int | None
    power_watermark_ms: int | None
    ledger_offset: int


@dataclass(frozen=True, slots=True)
class Belief:
    """What was known about a time T.

    Attributes:
        event: what windows at T use; None where that was not decided, and `undecided` says why.
        window_ms: start and end of the window that holds T.
        window: its result, None while it was not simulated.
        simulated, measured: the newest power at or before T, of the twin and of the meters.
        decision: the newest one of an instant at or before T; accuracy: over all of these.
        progress: how far the twin had come.
    """

    event: Event | None
    undecided: str | None
    window_ms: tuple[int, int]
    window: Simulated | None
    simulated: Measurement | None
    measured: Measurement | None
    decision: Decided | None
    accuracy: Accuracy
    progress: Progress

    def document(self) -> dict[str, Any]:
        """For machines: times in ISO 8601, power in W, energy in J."""
        return {
            "event": None if self.event is None else _event(self.event),
            "undecided": self.undecided,
            "power_parameters": self.parameters,
            "window": {
                "start": times.iso(self.window_ms[0]),
                "end": times.iso(self.window_ms[1]),
                "simulated": self.window is not None,
                "power": _measurement(self.simulated),
                "energy_j": self.window.energy_j if self.window else None,
                "carbon_g": self.window.carbon_g if self.window else None,
                "topology_event": self.window.topology_event if self.window else None,
                "drain": self.window.drain if self.window else None,
                "error": self.window.error if self.window else None,
            },
            "measured_power": _measurement(self.measured),
            "decision": None if self.decision is None else _decision(self.decision),
            "accuracy": asdict(self.accuracy),
            "progress": {
                "newest_window_end": times.iso_or_none(self.progress.newest_window_end_ms),
                "workload_watermark": times.iso_or_none(self.progress.workload_watermark_ms),
                "power_watermark": times.iso_or_none(self.progress.power_watermark_ms),
                "ledger_offset": self.progress.ledger_offset,
            },
        }

    @property
    def parameters(self) -> Mapping[str, Mapping[str, JSON]] | None:
        return None if self.event is None else parameters(self.event.topology)


def differences(then: Belief, now: Belief) -> list[str]:
    """What came to be known later, in words; nothing where it is the same. How far the twin came in general does not count."""
    return [*_events(then, now), *_windows(then, now), *_measured(then, now), *_decisions(then, now)]


def _events(then: Belief, now: Belief) -> Iterator[str]:
    if now.event is None or (then.event is not None and then.event.event.id == now.event.event.id):
        return
    made = f"{now.event.event.kind} {now.event.event.id[:12]} by {now.event.event.actor}"
    if then.event is None:
        yield f"what windows use was not decided; it is {made}"
        return
    yield f"windows use {made}, not {then.event.event.kind} {then.event.event.id[:12]}"
    yield from changes(then.event.topology, now.event.topology)


def _windows(then: Belief, now: Belief) -> Iterator[str]:
    if then.window is None and now.window is not None:
        yield "the window was not simulated yet"
    if then.simulated != now.simulated:
        yield f"simulated power: {_watts(then.simulated)} -> {_watts(now.simulated)}"


def _measured(then: Belief, now: Belief) -> Iterator[str]:
    if then.measured != now.measured:
        yield f"measured power: {_watts(then.measured)} -> {_watts(now.measured)}"


def _decisions(then: Belief, now: Belief) -> Iterator[str]:
    if then.decision != now.decision and now.decision is not None:
        before = "none" if then.decision is None else f"that of {times.iso(then.decision.instant_ms)}"
        yield f"last decision: {before} -> that of {times.iso(now.decision.instant_ms)}, {now.decision.outcome}: {now.decision.reason}"
    if then.accuracy != now.accuracy:
        yield f"accuracy: {_accuracy(then.accuracy)} -> {_accuracy(now.accuracy)}"


def _event(found: Event) -> dict[str, Any]:
    event = found.event
    return {
        "offset": found.offset,
        "recorded": found.recorded,
        "id": event.id,
        "kind": event.kind,
        "actor": event.actor,
        "reason": event.reason,
        "cause": event.cause,
    }


def _decision(decided: Decided) -> dict[str, Any]:
    return {
        "instant": times.iso(decided.instant_ms),
        "outcome": decided.outcome,
        "reason": decided.reason,
        "topology_event": decided.topology_event,
        "pin": decided.pin,
        "score_in_force": None if decided.score_in_force is None else asdict(decided.score_in_force),
        "interval_half_width": decided.interval_half_width,
    }


def _measurement(found: Measurement | None) -> dict[str, Any] | None:
    return None if found is None else {"time": times.iso(found.time_ms), "power_w": found.power_w}


def _watts(found: Measurement | None) -> str:
    return "none" if found is None else f"{found.power_w:,.0f} W at {times.iso(found.time_ms)}"


def _accuracy(found: Accuracy) -> str:
    return "none" if found.mape_percent is None else f"MAPE {found.mape_percent:.3g} % over {found.samples} samples"
