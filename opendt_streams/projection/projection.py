"""All datacenters of the topics that the API follows, and what concerns none of them alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from opendt_streams.projection.datacenter import Datacenter, DeadLetter, dead_letters
from opendt_streams.windows.grid import Grid
from opendt_streams.wire import topics
from opendt_streams.wire.record import Record

FOLLOWED: Final = (topics.LEDGER, topics.CALIBRATION, topics.RESULTS, topics.POWER, topics.PHYSICAL, topics.WORKLOAD, topics.DEAD_LETTER)
"""In the order in which they are caught up with: the ledger and its pins before what they explain."""


class Projection:
    """`datacenter_of` says whose a key is."""

    def __init__(self, grid: Grid, datacenter_of: Callable[[bytes | None], str]) -> None:
        self.grid, self._datacenter_of = grid, datacenter_of
        self.datacenters: dict[str, Datacenter] = {}
        self.dead_letters: dict[str, DeadLetter] = {}
        self.records = 0

    def take(self, record: Record) -> Datacenter | None:
        """The next record of a topic; whose it is, None for a dead letter."""
        self.records += 1
        if record.topic == topics.DEAD_LETTER:
            for identity, letter in dead_letters([record]).items():
                if identity not in self.dead_letters:
                    self.dead_letters[identity] = letter
                    self._of(record.key).letter(letter.topic, letter.place, letter.reason)
            return None
        datacenter = self._of(record.key)
        datacenter.take(record)
        return datacenter

    def _of(self, key: bytes | None) -> Datacenter:
        name = self._datacenter_of(key)
        datacenter = self.datacenters.get(name)
        if datacenter is None:
            datacenter = self.datacenters[name] = Datacenter(name, self.grid)
        return datacenter
