"""What the scheduler asks of whatever wakes OpenDC's engine: ends of fragments and of tasks, and steps of carbon traces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from opendt_streams.engine.native.job import Run
from opendt_streams.engine.native.moments import Moment
from opendt_streams.model.canonical import JSON
from opendt_streams.model.task import Int64


class Deadlines(Protocol):
    """`running` are the runs on hosts by their numbers, which grow in order of placement."""

    @property
    def next_ms(self) -> int:
        """The next instant at which something must be done; NEVER_MS if there is none."""

    @property
    def stepped_ms(self) -> Sequence[int]:
        """When each carbon trace took its last step; nothing, if they are not followed step by step."""

    @property
    def careful(self) -> bool:
        """Whether `entered` is exact everywhere. Else something off the whole second must be announced by `be_careful`."""

    def be_careful(self, started: Mapping[int, Run], now: int) -> None:
        """A task with fragments that end off the whole second has been submitted."""

    def entered(self, now: int, running: Mapping[int, Run], *, exactly: bool = False) -> Moment | None:
        """When the engine run of this instant was entered in the queue; None if there is none.

        Without care, and not `exactly`: it may be left out, or said to have come early, where that can decide nothing.
        """

    def run(self, moment: Moment, starting: Sequence[int], running: Mapping[int, Run]) -> Iterator[int]:
        """Let the engine run: what is due goes on, then the runs that start begin. Gives those that end, one by one."""


class LastingDeadlines(Deadlines, Protocol):
    """What a twin asks besides. `started` are those of the runs that an engine run has started."""

    def copy(self) -> LastingDeadlines: ...

    def trace(self, carbon_ms: Sequence[Int64], started: Mapping[int, Run], now: int) -> None:
        """Other carbon traces from now on, where everything that was due has been done."""

    def begin(self, started: Mapping[int, Run], now: int) -> None:
        """Follow these runs from `now` on, where everything that was due has been done: in order of placement, where order matters."""

    def move(self, started: Mapping[int, Run], now: int) -> None:
        """These runs are left after a change of the hardware, maybe on hosts with other numbers."""

    def state(self, running: Mapping[int, Run]) -> dict[str, JSON]:
        """What a restore needs besides the runs."""

    def resume(self, state: Mapping[str, Any], started: Mapping[int, Run], now: int, *, due: bool) -> None:
        """Go on from `state`, with the runs numbered from 0; `due`: the engine run of `now` is still to come."""
