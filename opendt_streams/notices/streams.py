"""Notices of dc.workload and dc.topology: what the twin waits for, what the hardware has that is not simulated, and carbon."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator

from opendt_streams.model import times
from opendt_streams.model.carbon import CarbonTrace
from opendt_streams.model.plausible import holes
from opendt_streams.notices.notice import Notice, listed, many
from opendt_streams.windows.watermark import Watermark
from opendt_streams.wire.messages import End, Heartbeat, Invalid, Message, Snapshot

_SEND_AGAIN = (
    "Send the snapshot to dc.topology with exactly the bytes whose sha256 the heartbeats name, or let them name the sha256 of what was "
    "sent: whoever writes the JSON anew on the way changes it."
)


class Workload:
    """Which snapshots heartbeats name, in the order of dc.workload, and which dc.topology has said."""

    def __init__(self, max_jump_ms: int) -> None:
        self._mark = Watermark(max_jump_ms)
        self.first_ms: int | None = None  # the first heartbeat
        self.tasks = 0
        self.ended = False
        self._messages = 0
        self._blocked: deque[tuple[int, Heartbeat]] = deque()  # heartbeats whose snapshot is missing, with their place in the topic
        self._digests: dict[str, str | None] = {}  # of dc.topology: its place in `_snapshots`, None for an invalid one
        self._named: set[str] = set()
        self._names_none = False
        self._snapshots: dict[str, Snapshot] = {}  # valid ones, the first of each content

    @property
    def newest_ms(self) -> int | None:
        return self._mark.time_ms

    def said(self, message: Message | None) -> None:
        """The next message of dc.workload; None for a task that nobody decoded."""
        self._messages += 1
        match message:
            case Heartbeat() if not self.ended and not self._mark.refuses(message.time_ms):
                self.first_ms = message.time_ms if self.first_ms is None else self.first_ms
                self._mark.advance(message.time_ms)
                if message.snapshot is None:
                    self._names_none = True
                else:
                    self._named.add(message.snapshot)
                    if message.snapshot not in self._digests:
                        self._blocked.append((self._messages, message))
            case End():
                self.ended = True
            case Heartbeat() | Invalid():
                pass
            case _:
                self.tasks += 1

    def read(self, message: Message) -> None:
        """The next message of dc.topology."""
        if isinstance(message, Snapshot):
            place = " ".join([message.content, *(part.where for part in message.unmodelled)])
            self._digests[message.digest] = place
            self._snapshots.setdefault(place, message)
        elif isinstance(message, Invalid):
            self._digests.setdefault(message.digest, None)
        while self._blocked and self._blocked[0][1].snapshot in self._digests:
            self._blocked.popleft()

    def notices(self, span_ms: tuple[int, int] | None) -> Iterator[Notice]:
        """`span_ms`: what is simulated so far; without, all that carbon traces are looked at for is their holes."""
        yield from self._waits(span_ms[1] if span_ms is not None else None)
        if self.ended and not self.tasks:
            yield Notice(
                "no-tasks", "dc.workload ended without a single task: idle power is all there is.", "Look at what feeds dc.workload."
            )
        in_use = self._in_use()
        for snapshot in in_use:
            yield from self._not_modelled(snapshot)
        yield from _carbon(in_use, span_ms)

    def _in_use(self) -> list[Snapshot]:
        """Valid snapshots that heartbeats name; the first one, where they name none."""
        named = {place for digest, place in self._digests.items() if place is not None and digest in self._named}
        if named or not self._snapshots or (self._named and not self._names_none):
            return [snapshot for place, snapshot in self._snapshots.items() if place in named]
        return [next(iter(self._snapshots.values()))]

    def _waits(self, until_ms: int | None) -> Iterator[Notice]:
        """`until_ms`: what is simulated so far: the heartbeats until then were taken, wherever their snapshot is by now."""
        taken_ms = -math.inf if until_ms is None else until_ms
        missing = (each for each in self._blocked if each[1].time_ms > taken_ms and each[1].snapshot not in self._digests)
        blocked = next(missing, None)
        if blocked is not None:
            number, beat = blocked
            behind = self._messages - number + 1
            valid = [digest for digest, place in self._digests.items() if place is not None]
            found = f"What dc.topology holds has sha256 {listed(valid, 2)}" if valid else "It holds no valid snapshot"
            yield Notice(
                "waiting-for-snapshot",
                f"The twin waits since the heartbeat of {times.iso(beat.time_ms)} for the snapshot with sha256 {beat.snapshot}, which "
                f"nobody sent on dc.topology. Behind it {many(behind, 'message')} of dc.workload {'waits' if behind == 1 else 'wait'}. "
                f"{found}.",
                _SEND_AGAIN,
                behind,
                beat.time_ms,
            )
        elif until_ms is None and self.first_ms is not None and not self._in_use():
            bad = (
                f"{many(len(self._digests), 'message')} of dc.topology, but no valid one" if self._digests else "no message on dc.topology"
            )
            yield Notice(
                "waiting-for-topology",
                f"There is {bad}: nothing can be simulated.",
                "Send a topology-snapshot to dc.topology; dead letters say what is wrong with those that came.",
                max(1, len(self._digests)),
                self.first_ms,
            )
        if self.first_ms is None and self.tasks and not self.ended:
            yield Notice(
                "waiting-for-heartbeat",
                f"{many(self.tasks, 'task')} came, but no heartbeat: time has not begun, and nothing is simulated.",
                "Send heartbeats to dc.workload, at least one per window, each after the tasks before its time.",
                self.tasks,
            )

    def _not_modelled(self, snapshot: Snapshot) -> Iterator[Notice]:
        for kind, word, effect in (
            ("battery", "battery", "power is drawn from the grid as if it were not there, and carbon with it"),
            ("gpu", "GPU", "neither their power nor tasks on them are in any number"),
        ):
            parts = [part for part in snapshot.unmodelled if part.part == kind]
            if parts:
                count = sum(part.count for part in parts)
                yield Notice(
                    f"{kind}-not-modelled",
                    f"{many(count, word, 'batteries' if kind == 'battery' else None)} ({listed([part.name for part in parts])}) "
                    f"{'is' if count == 1 else 'are'} not simulated: {effect}.",
                    "Read the results without it, or simulate the experiment with the real OpenDC itself.",
                    count,
                    self.first_ms,
                    snapshot.content,
                )


def _carbon(snapshots: list[Snapshot], span_ms: tuple[int, int] | None) -> Iterator[Notice]:
    unknown: dict[str, str] = {}
    traces: dict[str, CarbonTrace] = {}
    for snapshot in snapshots:
        traces |= snapshot.carbon
        for cluster in snapshot.topology.clusters:
            if cluster.carbon_trace is None:
                unknown.setdefault(cluster.name, "its topology names no carbon trace")
            elif cluster.carbon_trace not in snapshot.carbon:
                unknown.setdefault(cluster.name, f"no dc.topology message carries the carbon trace {cluster.carbon_trace}")
    by_reason: dict[str, list[str]] = {}
    for name, reason in unknown.items():
        by_reason.setdefault(reason, []).append(name)
    for reason, names in by_reason.items():
        yield Notice(
            "carbon-unknown",
            f"The carbon of {'cluster' if len(names) == 1 else 'clusters'} {listed(names)} is not known: {reason}.",
            "Name a trace in powerSource.carbonTracePath, and send it with the topology-snapshot.",
            len(names),
            None,
            reason,
        )
    for name, trace in traces.items():
        yield from _of_trace(name, trace, span_ms)


def _of_trace(name: str, trace: CarbonTrace, span_ms: tuple[int, int] | None) -> Iterator[Notice]:
    after_ms, until_ms = span_ms or (None, None)
    found = holes(trace.time_ms, after_ms, until_ms)
    if found:
        longest = max(b - a for a, b in found)
        yield Notice(
            "carbon-hole",
            f"The carbon trace {name} has {many(len(found), 'hole')}, the longest of {longest / times.HOUR:.1f} h, the first from "
            f"{times.iso(found[0][0])} to {times.iso(found[0][1])}: the value before a hole is held.",
            "Fill the trace, or read the carbon of that time as a guess.",
            len(found),
            found[0][0],
            name,
        )
    if span_ms is not None:
        first_ms, last_ms = int(trace.time_ms[0]), int(trace.time_ms[-1])
        step_ms = last_ms - int(trace.time_ms[-2]) if len(trace.time_ms) > 1 else 0
        if len(trace.time_ms) > 1 and not (first_ms <= span_ms[0] and span_ms[1] <= last_ms + max(step_ms, times.HOUR)):
            yield Notice(
                "carbon-span",
                f"The carbon trace {name} covers {times.iso(first_ms)} to {times.iso(last_ms + step_ms)}, and what is simulated "
                f"{times.iso(span_ms[0])} to {times.iso(span_ms[1])}: its first and last value are held.",
                "Give a trace that covers the whole time, in the same time zone and unit of time.",
                1,
                span_ms[0],
                name,
            )
