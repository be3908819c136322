"""The real OpenDC behind the engine port: window by window, with as few invocations as give the same rows.

Power, energy and carbon are OpenDC's. Counters, the utilisation basis and the state come from the native engine, which runs beside it on
the same inputs: OpenDC has no checkpoint, and exports no basis.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from opendt_streams.engine.native.engine import NativeEngine
from opendt_streams.engine.native.hosts import unique_names
from opendt_streams.engine.opendc.hardware import hardware_change, leaves_rests, unknown_model
from opendt_streams.engine.opendc.inputs import POWER_FILE, write_problem
from opendt_streams.engine.opendc.one_trace import one_trace_each, together
from opendt_streams.engine.opendc.problem import Problem
from opendt_streams.engine.opendc.rows import PowerRows, as_exported, read_power
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

_QUANTUM_MS = 1000  # of the scheduler, counted from time 0


class OpenDcEngine:
    """An `Engine` (see port.py) that also `LooksAhead`.

    `_entered` is everything submitted since `_base_ms`, the time 0 of invocations: the first window's start, or later where nothing from
    before matters any more.
    """

    def __init__(self, settings: EngineSettings, topology: Topology, carbon: Mapping[str, CarbonTrace], runner: Runner) -> None:
        self._settings, self._runner = settings, runner
        self._topology, self._carbon = topology, dict(carbon)
        self._native = NativeEngine(settings, topology, carbon)
        self._refused: str | None = None
        self._entered: tuple[Submission, ...] = ()
        self._base_ms = settings.origin_ms
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
        entered = (*self._entered, *submissions)
        base_ms = self._base_ms if self._entered else self._fresh_base_ms()
        if entered:
            asked = self._problem(base_ms, entered, until_ms)
            clusters = self._rows(asked, ahead).between(self.now_ms, until_ms)
        else:  # nothing runs: f(0)
            clusters = tuple(as_exported(rows) for rows in window.clusters)
        self._native, self._base_ms = native, base_ms
        self._entered = () if self._all_over(window) else entered
        return replace(window, clusters=_named_as(window.clusters, clusters))

    def checkpoint(self) -> dict[str, JSON]:
        document: dict[str, JSON] = {
            "native": self._native.checkpoint(),
            "base_ms": self._base_ms,
            "entered": [[s.reference, s.at_ms] for s in self._entered],
        }
        if self._refused is not None:  # what it would be restored with is not what it simulates
            document |= {"refused": self._refused, "topology": to_document(self._topology)}
        return document

    def references(self) -> tuple[int, ...]:
        return tuple(sorted({s.reference for s in self._entered} | set(self._native.references())))

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
        engine._base_ms, engine._refused = checkpoint["base_ms"], checkpoint.get("refused")
        engine._entered = tuple(Submission(task_of(reference), at_ms, reference) for reference, at_ms in checkpoint["entered"])
        return engine

    # -- asking ----------------------------------------------------------------------------------------------------------

    def _problem(self, base_ms: int, entered: tuple[Submission, ...], until_ms: int) -> Problem:
        settings = self._settings
        return Problem(self._topology, self._carbon, entered, base_ms, until_ms, settings.sample_interval_ms, settings.policy)

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
        names = unique_names([c.name for c in self._topology.clusters])

        def read(folder: Path) -> PowerRows:
            return read_power(folder / POWER_FILE, problem.origin_ms, problem.interval_ms, names)

        label = times.iso(problem.until_ms).replace(":", "")
        try:
            answers = [
                self._runner.ask(f"{label}-{i}", partial(write_problem, part), read, attempts=attempts)
                for i, part in enumerate(one_trace_each(problem))
            ]
        except SimulationError as error:
            if attempts is None and not (isinstance(error, NoAnswer) and error.may_pass):
                self._hopeless = problem, error
            raise
        rows = together(problem, answers)
        if rows.until_ms < problem.until_ms:
            raise SimulationError(f"the real OpenDC ended at {times.iso(rows.until_ms)}, before {times.iso(problem.until_ms)}")
        self._solved = Solved(problem, rows)
        return rows

    # -- forgetting ------------------------------------------------------------------------------------------------------

    def _fresh_base_ms(self) -> int:
        """Time 0 where nothing was submitted that still matters: now, if the scheduler's seconds stay where they are."""
        return self.now_ms if self._may_forget() and (self.now_ms - self._settings.origin_ms) % _QUANTUM_MS == 0 else self._base_ms

    def _may_forget(self) -> bool:
        """Whether an empty datacenter is as it was at time 0. The pools of 2.4g+ remember who was used."""
        return self._settings.semantics == "2.4f" and not leaves_rests(self._topology)

    def _all_over(self, window: EngineWindow) -> bool:
        return self._may_forget() and self.idle and not (window.running or window.queued)


def _named_as(native: Sequence[ClusterRows], rows: Sequence[ClusterRows]) -> tuple[ClusterRows, ...]:
    return tuple(replace(r, name=n.name) for n, r in zip(native, rows, strict=True))


def _with_known_traces(topology: Topology, carbon: Mapping[str, CarbonTrace]) -> Topology:
    return Topology(tuple(c if c.carbon_trace in carbon else replace(c, carbon_trace=None) for c in topology.clusters))
