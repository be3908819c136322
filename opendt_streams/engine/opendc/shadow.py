"""Shadow mode: the native engine answers, the real OpenDC checks every n-th window. What it finds is told and changes nothing.

For the twin this is the native engine: its name, its answers, and (besides what a check needs after a restart) its state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from opendt_streams.engine.native import NATIVE
from opendt_streams.engine.opendc.check import Question
from opendt_streams.engine.opendc.checker import Checker
from opendt_streams.engine.opendc.hardware import hardware_change, unknown_model
from opendt_streams.engine.opendc.past import Past
from opendt_streams.engine.port import Engine, EngineSettings, EngineWindow, Submission
from opendt_streams.model.canonical import JSON
from opendt_streams.model.carbon import CarbonTrace
from opendt_streams.model.task import Task
from opendt_streams.model.topology import ModelType, Topology

Interesting = Callable[[int, int], bool]


@dataclass(frozen=True, slots=True)
class ShadowKind:
    """Native engines whose windows are checked: every n-th of those for which `interesting(start_ms, end_ms)`."""

    checker: Checker
    every: int
    interesting: Interesting = lambda _start_ms, _end_ms: True

    @property
    def name(self) -> str:
        return NATIVE.name

    @property
    def version(self) -> str:
        return NATIVE.version

    @property
    def power_models(self) -> frozenset[ModelType]:
        return NATIVE.power_models

    def start(self, settings: EngineSettings, topology: Topology, carbon: Mapping[str, CarbonTrace]) -> Engine:
        engine = NATIVE.start(settings, topology, carbon)
        return ShadowedEngine(engine, self, settings, topology, carbon, Past(settings.origin_ms))

    def restore(
        self,
        settings: EngineSettings,
        topology: Topology,
        carbon: Mapping[str, CarbonTrace],
        checkpoint: Mapping[str, Any],
        task_of: Callable[[int], Task],
    ) -> Engine:
        engine = NATIVE.restore(settings, topology, carbon, checkpoint, task_of)
        saved = checkpoint.get("shadow")
        past = None if saved is None else Past.of_document(saved, task_of)
        return ShadowedEngine(engine, self, settings, topology, carbon, past)


class ShadowedEngine:
    """An `Engine`. `past` is None where OpenDC cannot be told what happened: after a change of hardware, or a restart without its past.

    It can again once the datacenter is empty.
    """

    def __init__(
        self,
        native: Engine,
        kind: ShadowKind,
        settings: EngineSettings,
        topology: Topology,
        carbon: Mapping[str, CarbonTrace],
        past: Past | None,
    ) -> None:
        self._native, self._kind, self._settings = native, kind, settings
        self._topology, self._carbon, self._past = topology, dict(carbon), past
        self._windows = 0

    @property
    def now_ms(self) -> int:
        return self._native.now_ms

    @property
    def idle(self) -> bool:
        return self._native.idle

    def apply(self, topology: Topology, carbon: Mapping[str, CarbonTrace]) -> int:
        if hardware_change(self._topology, topology) is not None and self._past is not None and self._past.entered:
            self._past = None
        self._topology, self._carbon = topology, dict(carbon)
        return self._native.apply(topology, carbon)

    def advance(self, until_ms: int, submissions: Sequence[Submission]) -> EngineWindow:
        start_ms = self.now_ms
        window = self._native.advance(until_ms, submissions)
        if self._past is not None:
            self._past = self._past.joined_by(submissions, start_ms, self._settings, self._topology)
        if self._kind.interesting(start_ms, until_ms):
            self._windows += 1
            if self._windows % self._kind.every == 0:
                self._ask(start_ms, until_ms, window)
        past = self._past or Past(self._settings.origin_ms, tuple(submissions))
        after = past.after(window, self._settings, self._topology, idle=self.idle)
        if self._past is not None or (not after.entered and self.idle and not (window.running or window.queued)):
            self._past = after
        return window

    def checkpoint(self) -> dict[str, JSON]:
        return self._native.checkpoint() | ({} if self._past is None else {"shadow": self._past.document()})

    def references(self) -> tuple[int, ...]:
        past = () if self._past is None else self._past.entered
        return tuple(sorted({s.reference for s in past} | set(self._native.references())))

    def _ask(self, start_ms: int, until_ms: int, window: EngineWindow) -> None:
        if self._past is None or unknown_model(self._topology) is not None:
            self._kind.checker.skip()
            return
        problem = self._past.problem(self._settings, self._topology, self._carbon, until_ms)
        self._kind.checker.put(Question(problem, start_ms, window.clusters, self._settings.semantics))
