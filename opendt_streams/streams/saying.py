"""What goes wrong, into the log of the service that knows it first, while it happens. The topics hold all of it too."""

from __future__ import annotations

import math
from collections import Counter

import structlog

from opendt_streams.model import times
from opendt_streams.twin.outputs import DeadLetter, Output, Publish
from opendt_streams.twin.simulator import Simulator

log = structlog.get_logger()


class Saying:
    """Outputs that somebody should hear of. Of many of a kind the 1st, 2nd .. 10th, 20th .. 100th, 200th ... are told."""

    def __init__(self) -> None:
        self._count: Counter[str] = Counter()

    def say(self, output: Output, datacenter: str) -> None:
        if isinstance(output, DeadLetter):
            if (number := self._number(f"{datacenter} {output.topic}")) is not None:
                about = {"datacenter": datacenter, "topic": output.topic, "offset": output.offset, "number": number}
                log.warning("a message cannot be processed", **about, reason=output.reason)
        elif isinstance(output, Publish) and output.kind == "alarm":
            log.warning("alarm", datacenter=datacenter, kind=output.value["kind"], reason=output.value["text"])
        elif isinstance(output, Publish) and output.kind == "window-result":
            error = output.value.get("error")
            if error is not None and (number := self._number(f"{datacenter} window")) is not None:
                log.warning("a window has no answer", id=output.id, number=number, reason=error)

    def _number(self, kind: str) -> int | None:
        """Of its kind, if it is to be told."""
        self._count[kind] += 1
        number = self._count[kind]
        return number if number % 10 ** int(math.log10(number)) == 0 else None


class Waiting:
    """Snapshots that simulators wait for: told once each, when they are missing at two looks in a row."""

    def __init__(self) -> None:
        self._seen: dict[str, str | None] = {}
        self._told: set[tuple[str, str]] = set()

    def look(self, datacenter: str, machine: Simulator) -> None:
        awaited = machine.intake.awaited
        before, self._seen[datacenter] = self._seen.get(datacenter), awaited.snapshot if awaited is not None else None
        if awaited is None or awaited.snapshot is None or before != awaited.snapshot or (datacenter, awaited.snapshot) in self._told:
            return
        self._told.add((datacenter, awaited.snapshot))
        log.warning(
            "waiting for a snapshot that nobody sent on dc.topology",
            datacenter=datacenter,
            snapshot=awaited.snapshot,
            since=times.iso(awaited.time_ms),
            messages_behind=len(machine.intake.parked),
        )
