"""What the scheduler asks of a placement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from opendt_streams.model.canonical import JSON


class Placement(Protocol):
    """Reservations of every host, by request, and the choice among them."""

    def copy(self) -> Placement: ...

    def best(self, cores: int, memory_mib: int, capacity_mhz: float = 0.0) -> int | None:
        """The host that the policy chooses, or None where the task fits nowhere now. `take` follows a choice at once."""

    def take(self, host: int, cores: int, memory_mib: int) -> None: ...

    def give(self, host: int, cores: int, memory_mib: int) -> None: ...

    def state(self) -> dict[str, JSON]:
        """What a restore needs besides the running tasks."""

    def follow(self, old: Placement, new_number: Mapping[int, int]) -> None:
        """After the running tasks have been taken: go on where `old` stopped, on other hardware. `new_number` of hosts that remain."""

    def resume(self, state: dict[str, Any]) -> None:
        """After the running tasks have been taken: go on from `state`."""
