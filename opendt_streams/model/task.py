"""A task of the workload and the CPU demand that it is known to have, as columns."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Int64: TypeAlias = NDArray[np.int64]
Float64: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Fragments:
    """Demand of a task over time, in execution order: element i lasts duration_ms[i] at cpu_usage_mhz[i] (total of the task)."""

    duration_ms: Int64
    cpu_usage_mhz: Float64

    def __post_init__(self) -> None:
        for column in (self.duration_ms, self.cpu_usage_mhz):
            column.flags.writeable = False

    def __len__(self) -> int:
        return len(self.duration_ms)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Fragments)
            and np.array_equal(self.duration_ms, other.duration_ms)
            and np.array_equal(self.cpu_usage_mhz, other.cpu_usage_mhz)
        )

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Task:
    """One job. `mem_capacity` is in OpenDC's unit: the request in MiB is floor(mem_capacity / 1000 + 0.5)."""

    id: int
    submission_ms: int
    duration_ms: int
    cpu_count: int
    cpu_capacity_mhz: float
    mem_capacity: int
    fragments: Fragments

    @property
    def memory_mib(self) -> int:
        """Memory request as OpenDC rounds it (opendc-semantics section 5)."""
        return (self.mem_capacity + 500) // 1000

    def digest(self) -> str:
        """Hexadecimal digest of the whole content: equal content, equal digest."""
        head = f"{self.id}|{self.submission_ms}|{self.duration_ms}|{self.cpu_count}|{self.cpu_capacity_mhz!r}|{self.mem_capacity}|"
        h = hashlib.sha256(head.encode())
        h.update(self.fragments.duration_ms.astype("<i8").tobytes())
        h.update(self.fragments.cpu_usage_mhz.astype("<f8").tobytes())
        return h.hexdigest()[:16]


def fragments(duration_ms: object, cpu_usage_mhz: object) -> Fragments:
    """Fragments from any two equally long sequences."""
    return Fragments(np.array(duration_ms, dtype=np.int64), np.array(cpu_usage_mhz, dtype=np.float64))
