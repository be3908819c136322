"""The real OpenDC behind the engine port: window by window, with as few invocations as give the same rows.

Power, energy and carbon are OpenDC's. Counters, the utilisation basis and the state come from the native engine, which runs beside it on
the same inputs: OpenDC has no checkpoint, and exports no basis.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from opendt_streams.engine.native.engine import NativeEngine
from opendt_streams.engine.opendc.asking import ask
from opendt_streams.engine.opendc.hardware import hardware_change, unknown_model
from opendt_streams.engine.opendc.past import Past
from opendt_streams.engine.opendc.problem import Problem
from opendt_streams.engine.opendc.rows import PowerRows, as_exported
from opendt_streams.engine.opendc.runner import NoAnswer, Runner
from opendt_streams.engine.opendc.solved import Solved, same_but_later
from opendt_streams.engine.port import ClusterRows, EngineSettings, EngineWindow, Submission
from opendt_streams.errors import SimulationError
from opendt_streams.model import times
from opendt_streams.model.canonical import JSON
from opendt_streams.model.carbon import CarbonTrace
from opendt_streams.model.task import Task
from opendt_streams.model.topology import Topology
from opendt_streams.model.topology_json import read_topology, to_document


class OpenDcEngine:
    """An `Engine` (see port.py) that also `LooksAhead`."""

    def __init__(self, settings: EngineSettings, topology: Topology, carbon: Mapping[str, CarbonTrace], runner: Runner) -> None:
        self._settings, self._runner = settings, runner
        self._topology, self._carbon = topology, dict(carbon)
        self._native = NativeEngine(settings, topology, carbon)
        self._refused: str | None = None
        self._past = Past(settings.origin_ms)
        self._ahead: tuple[int, tuple[Submission, ...]] | None = None
        self._solved: Solved | None = None
        self._hopeless: tuple[Problem, SimulationError] | None = None  # the newest question that has no answer, today or later
        self._ahead_again_ms = settings.origin_ms  # looking ahead found no answer: not again before

    @property
    def now_ms(self) -> int:
        return self._native.now_ms

    @property
    def idle(self) -> bool:
        return self._native.idle

    def apply(self, topology: Topology, carbon: Mapping[str, CarbonTrace]) -> int:
        self._refused = hardware_change(self._topology, topology)
        if self._refused is not None:
            return 0
        requeued = self._native.apply(topology, carbon)
        self._topology, self._carbon = topology, dict(carbon)
        return requeued

    def expect(self, until_ms: int, submissions: Sequence[Submission]) -> None:
        self._ahead = until_ms, tuple(submissions)

    def advance(self, until_ms: int, submissions: Sequence[Submission]) -> EngineWindow:
        ahead, self._ahead = self._ahead, None
        wrong = self._refused or unknown_model(self._topology)
        if wrong is not None:
            raise SimulationError(wrong)
        native = copy.copy(self._native)  # it replaces its parts and never changes them, so the original stays as it was
        window = native.advance(until_ms, submissions)
        past = self._past.joined_by(submissions, self.now_ms, self._settings, self._topology)
        if past.entered:
            asked = past.problem(self._settings, self._topology, self._carbon, until_ms)
            clusters = self._rows(asked, ahead).between(self.now_ms, until_ms)
        else:  # nothing runs: f(0)
            clusters = tuple(as_exported(rows) for rows in window.clusters)
        self._native = native
        self._past = past.after(window, self._settings, self._topology, idle=native.idle)
        return replace(window, clusters=_named_as(window.clusters, clusters))

    def checkpoint(self) -> dict[str, JSON]:
        document: dict[str, JSON] = {"native": self._native.checkpoint(), "past": self._past.document()}
        if self._refused is not None:  # what it would be restored with is not what it simulates
            document |= {"refused": self._refused, "topology": to_document(self._topology)}
        return document

    def references(self) -> tuple[int, ...]:
        return tuple(sorted({s.reference for s in self._past.entered} | set(self._native.references())))

    @classmethod
    def restored(
        cls,
        settings: EngineSettings,
        topology: Topology,
        carbon: Mapping[str, CarbonTrace],
        checkpoint: Mapping[str, Any],
        task_of: Callable[[int], Task],
        runner: Runner,
    ) -> OpenDcEngine:
        if "topology" in checkpoint:
            topology = _with_known_traces(read_topology(checkpoint["topology"], "opendc"), carbon)
        engine = cls(settings, topology, carbon, runner)
        engine._native = NativeEngine.restored(settings, topology, carbon, checkpoint["native"], task_of)
        engine._past, engine._refused = Past.of_document(checkpoint["past"], task_of), checkpoint.get("refused")
        return engine

    # -- asking ----------------------------------------------------------------------------------------------------------

    def _rows(self, asked: Problem, ahead: tuple[int, tuple[Submission, ...]] | None) -> PowerRows:
        """Of a run that is there, of one that knows what comes later, else of one for just this.

        What comes later must not decide whether there is an answer: how much of it is known depends on how topics interleave.
        """
        if self._solved is not None and self._solved.answers(asked):
            return self._solved.rows
        if ahead is not None and ahead[0] > asked.until_ms >= self._ahead_again_ms:
            further = replace(asked, until_ms=ahead[0], submissions=(*asked.submissions, *ahead[1]))
            try:
                return self._solve(further, attempts=1)
            except SimulationError:
                self._ahead_again_ms = further.until_ms
        return self._solve(asked)

    def _solve(self, problem: Problem, attempts: int | None = None) -> PowerRows:
        if self._hopeless is not None and same_but_later(problem, self._hopeless[0], problem.until_ms):
            raise self._hopeless[1]
        label = times.iso(problem.until_ms).replace(":", "")
        try:
            rows = ask(self._runner, problem, label, attempts)
        except SimulationError as error:
            if attempts is None and not (isinstance(error, NoAnswer) and error.may_pass):
                self._hopeless = problem, error
            raise
        self._solved = Solved(problem, rows)
        return rows


def _named_as(native: Sequence[ClusterRows], rows: Sequence[ClusterRows]) -> tuple[ClusterRows, ...]:
    return tuple(replace(r, name=n.name) for n, r in zip(native, rows, strict=True))


def _with_known_traces(topology: Topology, carbon: Mapping[str, CarbonTrace]) -> Topology:
    return Topology(tuple(c if c.carbon_trace in carbon else replace(c, carbon_trace=None) for c in topology.clusters))
