"""Series that grow: times in ascending order and values beside them, so that a range is two binary searches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from opendt_streams.model.task import Float64, Int64

_FIRST_CAPACITY = 1_024


class Columns:
    """Rows of named float64 values at int64 times (milliseconds). The first row of a time stands."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self._length = 0
        self._time = np.empty(_FIRST_CAPACITY, dtype=np.int64)
        self._values = np.empty((len(names), _FIRST_CAPACITY))

    def __len__(self) -> int:
        return self._length

    @property
    def time_ms(self) -> Int64:
        return self._time[: self._length]

    def values(self, name: str) -> Float64:
        column: Float64 = self._values[self.names.index(name), : self._length]
        return column

    def append(self, time_ms: ArrayLike, *values: ArrayLike) -> None:
        """Rows later than all before them, in ascending order; others go the slow way of `insert`."""
        times = np.asarray(time_ms, dtype=np.int64)
        if not len(times):
            return
        block = np.asarray(values, dtype=np.float64)
        if (self._length and times[0] <= self._time[self._length - 1]) or (np.diff(times) <= 0).any():
            for i, time in enumerate(times.tolist()):
                self.insert(time, block[:, i].tolist())
            return
        end = self._length + len(times)
        self._reserve(end)
        self._time[self._length : end] = times
        self._values[:, self._length : end] = block
        self._length = end

    def insert(self, time_ms: int, values: Sequence[float]) -> None:
        """One row wherever it belongs; nothing if there is one of this time."""
        at = int(np.searchsorted(self.time_ms, time_ms))
        if at < self._length and self._time[at] == time_ms:
            return
        self._reserve(self._length + 1)
        self._time[at + 1 : self._length + 1] = self._time[at : self._length].copy()
        self._values[:, at + 1 : self._length + 1] = self._values[:, at : self._length].copy()
        self._time[at] = time_ms
        self._values[:, at] = values
        self._length += 1

    def between(self, after_ms: int, until_ms: int) -> slice:
        """Rows with after < time <= until."""
        lo, hi = np.searchsorted(self.time_ms, [after_ms, until_ms], side="right")
        return slice(int(lo), int(hi))

    def _reserve(self, length: int) -> None:
        capacity = len(self._time)
        if length <= capacity:
            return
        grown = max(length, 2 * capacity) - capacity
        self._time = np.concatenate((self._time, np.empty(grown, dtype=np.int64)))
        self._values = np.concatenate((self._values, np.empty((len(self.names), grown))), axis=1)
