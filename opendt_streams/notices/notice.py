"""One thing that a user must know."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from opendt_streams.model import times

KINDS: Final = {
    "window-failed": "windows that could not be simulated, or got no answer of the engine",
    "waiting-for-snapshot": "heartbeats name a snapshot that nobody sent",
    "waiting-for-topology": "there is no valid topology to simulate",
    "waiting-for-heartbeat": "tasks came, but no heartbeat: time has not begun",
    "waiting-for-power": "dc.power has stayed behind dc.workload: decisions wait for it",
    "meter-unknown": "a meter of a cluster or host group that there is not",
    "meter-level": "a meter that shows many times more or less than its hosts draw: another unit",
    "meter-clock": "a meter whose curve is that of another time",
    "meter-not-believed": "the calibrator's alarm: a meter is stuck, jumps, falls silent, or shows what cannot be",
    "reading-impossible": "readings that no host can draw, left out everywhere",
    "reading-odd": "readings that are hard to believe, though they count",
    "reading-zero": "readings of 0 W, which no score counts",
    "no-power": "no meter said anything: nothing is scored or calibrated",
    "power-coverage": "the meters cover a part of the time only",
    "power-outside": "readings before the first or after the last window",
    "telemetry-silent": "instants at which parameters were kept since dc.power said nothing",
    "reading-late": "readings that came after the decision that could have used them",
    "parameter-bound": "the calibrator's alarm: the data wants parameters beyond their physical bounds",
    "calibration": "another alarm of the calibrator",
    "battery-not-modelled": "batteries, which are not simulated",
    "gpu-not-modelled": "GPUs, which are not simulated",
    "carbon-unknown": "clusters whose carbon intensity nobody knows",
    "carbon-hole": "a carbon trace with a hole in the time that is simulated",
    "carbon-span": "a carbon trace that does not cover the time that is simulated",
    "no-tasks": "dc.workload ended without a task",
    "task-unplaceable": "tasks that fit on no host, or that nothing made room for",
    "task-late": "tasks that came after their window was due",
    "task-duplicate": "tasks that came more than once",
    "task-empty": "many tasks without fragments, which are not simulated",
    "dead-letter": "messages that could not be processed",
    "restarted": "services that died and were started again",
}
"""Every kind with what it is of, the most urgent first."""
OF_ALARMS: Final = frozenset({"meter-not-believed", "parameter-bound", "calibration"})
"""Kinds that repeat the calibrator's alarms."""
_ORDER: Final = {kind: place for place, kind in enumerate(KINDS)}


@dataclass(frozen=True, slots=True)
class Notice:
    """`kind` is one of KINDS, `time_ms` the event time of the first occurrence, if it has one; `text` says what is so, `action` what to
    do about it.

    `subject` tells several of one kind apart (a meter, a topic); machines read `kind`, people the text.
    """

    kind: str
    text: str
    action: str
    count: int = 1
    time_ms: int | None = None
    subject: str = ""

    @property
    def place(self) -> tuple[int, str, int]:
        """Where it stands among others."""
        return _ORDER[self.kind], self.subject, -1 if self.time_ms is None else self.time_ms

    def document(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "event_time": times.iso_or_none(self.time_ms),
            "count": self.count,
            "text": self.text,
            "action": self.action,
        }


def counts_by_kind(notices: Iterable[Notice]) -> dict[str, int]:
    """How many of what each kind counts, in the order of the notices."""
    found: dict[str, int] = {}
    for notice in notices:
        found[notice.kind] = found.get(notice.kind, 0) + notice.count
    return found


def many(count: int, one: str, more: str | None = None) -> str:
    """1 reading, 2,880 readings."""
    return f"{count:,} {one if count == 1 else more or one + 's'}"


def listed(names: list[str], most: int = 5) -> str:
    """Names in words, the first few of them."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
