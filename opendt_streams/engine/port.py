"""The port that every simulation engine fills."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

from opendt_streams.model.canonical import JSON
from opendt_streams.model.carbon import CarbonTrace
from opendt_streams.model.result import GroupBasis
from opendt_streams.model.task import Float64, Int64, Task
from opendt_streams.model.topology import ModelType, Topology

NO_ANSWER: Final = "no answer of the engine"
"""How the text of a failure begins that is no function of the inputs, such as a time limit (docs/decisions/0013-no-answer.md)."""


@dataclass(frozen=True, slots=True)
class Submission:
    """A task that enters the queue at `at_ms` (after its own submission time where it came late).

    `reference` finds the task again: a checkpoint holds references, never copies (in the twin: the offset in dc.workload).
    """

    task: Task
    at_ms: int
    reference: int


@dataclass(frozen=True, slots=True, eq=False)
class ClusterRows:
    """One value per row, unrounded: power [W] as left limit, energy [J] and carbon [g] since the row before, intensity [g/kWh]."""

    name: str
    power_w: Float64
    energy_j: Float64
    carbon_intensity_g_per_kwh: Float64
    carbon_g: Float64


@dataclass(frozen=True, slots=True, eq=False)
class EngineWindow:
    """What happened in one `advance`: rows at the sample instants in (from, until], counts of that span, levels at its end."""

    row_ms: Int64
    clusters: tuple[ClusterRows, ...]
    basis: tuple[GroupBasis, ...]
    submitted: int
    completed: int
    terminated: int
    requeued: int
    running: int
    queued: int


class Engine(Protocol):
    """A simulation in progress. Deterministic: equal calls give equal bytes, however the time is cut into `advance` calls."""

    @property
    def now_ms(self) -> int:
        """Up to where it has been simulated."""

    @property
    def idle(self) -> bool:
        """Nothing runs, and what is queued (if anything) will never be placed on this topology."""

    def apply(self, topology: Topology, carbon: Mapping[str, CarbonTrace]) -> int:
        """From now on simulate this topology; `carbon` by the name that its clusters use. Returns the tasks put back in the queue.

        Running tasks stay on hosts that remain (same cluster index, host entry index and number within the entry); those of hosts that
        are gone go back to the head of the queue, in order of placement, and start over.
        """

    def advance(self, until_ms: int, submissions: Sequence[Submission]) -> EngineWindow:
        """Simulate (now, until]; `submissions` enter in [now, until), sorted by at_ms, ties in the given order.

        `until_ms` and `now_ms` lie on the grid of rows. What happens at exactly `until_ms` belongs to this span.

        Raises:
            SimulationError: these inputs cannot be simulated; the engine is then as it was before the call.
        """

    def checkpoint(self) -> dict[str, JSON]:
        """The whole state as JSON, with references instead of tasks."""

    def references(self) -> tuple[int, ...]:
        """References of all tasks that a restore of the present state needs, ascending."""


@runtime_checkable
class LooksAhead(Protocol):
    """An engine for which one long span is cheaper than several short ones."""

    def expect(self, until_ms: int, submissions: Sequence[Submission]) -> None:
        """The next calls of `advance` will come to `until_ms` on the same topology, and bring these `submissions` after their own.

        It is a hint for the next call: it changes no answer, nor whether there is one.
        """


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """What decides about results besides inputs. `origin_ms` is time 0 of the one-second scheduling quantum and of the grid of rows."""

    origin_ms: int
    sample_interval_ms: int
    policy: str = "Mem"
    semantics: str = "2.4f"
    seed: int = 0  # of the policy Random


class EngineKind(Protocol):
    """A factory of engines, and what such engines can run."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def power_models(self) -> frozenset[ModelType]:
        """The power models that it can run; the calibrator fits within them."""

    def start(self, settings: EngineSettings, topology: Topology, carbon: Mapping[str, CarbonTrace]) -> Engine: ...

    def restore(
        self,
        settings: EngineSettings,
        topology: Topology,
        carbon: Mapping[str, CarbonTrace],
        checkpoint: Mapping[str, JSON],
        task_of: Callable[[int], Task],
    ) -> Engine: ...
