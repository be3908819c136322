"""What OpenDC must be told again for the next window: everything that was submitted, until nothing of it matters any more."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from opendt_streams.engine.opendc.hardware import leaves_rests
from opendt_streams.engine.opendc.problem import Problem
from opendt_streams.engine.port import EngineSettings, EngineWindow, Submission
from opendt_streams.model.canonical import JSON
from opendt_streams.model.carbon import CarbonTrace
from opendt_streams.model.task import Task
from opendt_streams.model.topology import Topology

_QUANTUM_MS = 1000  # of the scheduler, counted from time 0


@dataclass(frozen=True, slots=True)
class Past:
    """`entered` is everything submitted since `base_ms`, the time 0 of invocations.

    Time 0 is the first window's start, or later where the datacenter was empty: nothing runs, waits or is about to be placed. It is then
    as it was at time 0, unless something remembers: the pools of 2.4g+ who was used, sums of demand their rests (opendc-semantics
    section 9).
    """

    base_ms: int
    entered: tuple[Submission, ...] = ()

    def joined_by(self, submissions: Sequence[Submission], now_ms: int, settings: EngineSettings, topology: Topology) -> Past:
        """With what enters from `now_ms` on."""
        on_second = (now_ms - settings.origin_ms) % _QUANTUM_MS == 0
        fresh = not self.entered and on_second and _forgets(settings, topology)
        return Past(now_ms if fresh else self.base_ms, (*self.entered, *submissions))

    def after(self, window: EngineWindow, settings: EngineSettings, topology: Topology, *, idle: bool) -> Past:
        """What of it matters after the window."""
        over = idle and not (window.running or window.queued)
        return replace(self, entered=()) if over and _forgets(settings, topology) else self

    def problem(self, settings: EngineSettings, topology: Topology, carbon: Mapping[str, CarbonTrace], until_ms: int) -> Problem:
        return Problem(topology, carbon, self.entered, self.base_ms, until_ms, settings.sample_interval_ms, settings.policy)

    def document(self) -> dict[str, JSON]:
        """References instead of tasks."""
        return {"base_ms": self.base_ms, "entered": [[s.reference, s.at_ms] for s in self.entered]}

    @staticmethod
    def of_document(document: Mapping[str, Any], task_of: Callable[[int], Task]) -> Past:
        entered = (Submission(task_of(reference), at_ms, reference) for reference, at_ms in document["entered"])
        return Past(document["base_ms"], tuple(entered))


def _forgets(settings: EngineSettings, topology: Topology) -> bool:
    return settings.semantics == "2.4f" and not leaves_rests(topology)
