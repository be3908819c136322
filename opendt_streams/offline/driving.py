"""A method over a recording: the twin's own calibrator, fed with what it would have read, and answered with what it wrote."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from opendt_streams.calibration.port import Evidence, Method, Proposal
from opendt_streams.model.canonical import JSON, canonical
from opendt_streams.model.decision import Alarm, Decision
from opendt_streams.model.result import Series, WindowResult
from opendt_streams.model.task import Float64
from opendt_streams.model.topology import Topology
from opendt_streams.offline.recording import Recording
from opendt_streams.topology.events import carried_over, make_event
from opendt_streams.twin.calibrator import Calibrator
from opendt_streams.twin.outputs import Publish
from opendt_streams.twin.results import result_id
from opendt_streams.windows.grid import Grid
from opendt_streams.wire import headers as h
from opendt_streams.wire import topics
from opendt_streams.wire.decode import decode
from opendt_streams.wire.messages import AlarmRecorded, DecisionRecorded, Message, ResultRecorded, ResultsEnded
from opendt_streams.wire.twin import event_value


@dataclass(frozen=True, slots=True)
class InForce:
    """What the windows from `from_ms` on use."""

    from_ms: int
    topology: Topology


@dataclass(frozen=True, eq=False)
class Driven:
    """What came of it. `row_w`: predicted power per row of the recording, as published at the time; `seconds`: what each decision cost."""

    method: str
    grid: Grid
    first_instant_ms: int
    decisions: tuple[Decision, ...]
    alarms: tuple[Alarm, ...]
    in_force: tuple[InForce, ...]
    row_w: Float64
    seconds: tuple[float, ...]

    @property
    def publications(self) -> int:
        return sum(d.outcome == "calibrated" for d in self.decisions)


def drive(
    recording: Recording,
    method: Method,
    publish_every_ms: int,
    *,
    delay_ms: int = 0,
    clock: Callable[[], float] = lambda: 0.0,
    progress: Callable[[float], None] = lambda _: None,
) -> Driven:
    """Every instant of the recording decided as a twin would have done.

    With `delay_ms` the windows use what was published so much later than a twin's do (OpenDT's are late by an hour and more); what the
    method is shown stays prompt. `clock` says the CPU seconds used so far. `progress` is told the share that is done.

    Raises:
        BadConfiguration: the recording's window does not divide the interval.
    """
    return _Run(recording, _Timed(method, clock), recording.grid(publish_every_ms), delay_ms).run(progress)


@dataclass(slots=True)
class _Timed:
    """A method that notes what each decision costs."""

    method: Method
    clock: Callable[[], float]
    seconds: list[float] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.method.name

    def decide(self, estimate: Mapping[str, JSON], evidence: Evidence) -> Proposal:
        began = self.clock()
        proposal = self.method.decide(estimate, evidence)
        self.seconds.append(self.clock() - began)
        return proposal


class _Run:
    def __init__(self, recording: Recording, method: _Timed, grid: Grid, delay_ms: int) -> None:
        self._recording, self._method, self._grid, self._delay_ms = recording, method, grid, delay_ms
        self._machine = Calibrator(recording.datacenter, grid, method)
        self._offsets = dict.fromkeys(self._machine.reads, 0)
        self._said: list[Message] = []  # on sim.calibration
        self._in_force: list[InForce] = []

    def run(self, progress: Callable[[float], None]) -> Driven:
        recording, grid = self._recording, self._grid
        for message in recording.power:
            self._feed(topics.POWER, message)
        row_w = np.empty(len(recording.load.row_ms))
        count = len(recording.windows)
        first = 0
        while first < count:
            stop = self._stop(first)
            topology = self._topology(first)
            start_ms = recording.windows[first].window_start_ms
            if not self._in_force or self._in_force[-1].topology != topology:
                self._in_force.append(InForce(start_ms, topology))
            power = recording.load.power_w(topology, first, stop)
            row_w[int(recording.load.first_row[first]) : int(recording.load.first_row[stop])] = power
            self._results(first, stop, power)
            progress(stop / count)
            first = stop
        self._feed(topics.RESULTS, ResultsEnded(0))
        return Driven(
            method=self._method.name,
            grid=grid,
            first_instant_ms=grid.first_instant(recording.start_ms),
            decisions=tuple(m.decision for m in self._said if isinstance(m, DecisionRecorded)),
            alarms=tuple(m.alarm for m in self._said if isinstance(m, AlarmRecorded)),
            in_force=tuple(self._in_force),
            row_w=row_w if not self._delay_ms else _late(recording, self._in_force, self._delay_ms),
            seconds=tuple(self._method.seconds),
        )

    def _stop(self, first: int) -> int:
        """The window after the last that uses what the window `first` does: the next instant, or other hardware."""
        recording = self._recording
        next_ms = self._grid.first_instant(recording.windows[first].window_start_ms)
        left = (next_ms - recording.windows[first].window_start_ms) // recording.recorded.window_ms
        changes = [x.first for x in recording.hardware if x.first > first]
        return min(first + left, len(recording.windows), *changes)

    def _topology(self, first: int) -> Topology:
        """What is in force from the window `first` on; other hardware comes into the ledger as a baseline, as the simulator writes it."""
        ledger = self._machine.ledger
        physical = next((x.topology for x in self._recording.hardware if x.first == first), None)
        if physical is not None:
            head = ledger.head
            topology = carried_over(physical, head.topology) if head else physical
            cause = f"{self._recording.datacenter}|window {first}"
            parent = head.event.id if head else None
            event = make_event(parent=parent, kind="baselined", actor="simulator", reason="", cause=cause, topology=topology)
            self._feed(topics.LEDGER, decode(topics.LEDGER, canonical(event_value(event)), {}))
        head = ledger.head
        assert head is not None  # the first window has hardware
        return head.topology

    def _results(self, first: int, stop: int, power: Float64) -> None:
        recording, event = self._recording, self._machine.ledger.head
        assert event is not None
        rows = recording.load.first_row[first : stop + 1] - recording.load.first_row[first]
        for i, window in enumerate(recording.windows[first:stop]):
            result = _with_power(window, tuple(power[int(rows[i]) : int(rows[i + 1])].tolist()))
            result = replace(result, id=result_id(recording.datacenter, window.window_start_ms), topology_event=event.event.id)
            self._feed(topics.RESULTS, ResultRecorded(result, self._offsets[topics.LEDGER]))

    def _feed(self, topic: str, message: Message) -> None:
        """One message, and everything that the calibrator writes because of it, read back as it stands on the topics."""
        waiting = [(topic, message)]
        while waiting:
            topic, message = waiting.pop(0)
            offset, self._offsets[topic] = self._offsets[topic], self._offsets[topic] + 1
            if topic == topics.CALIBRATION:
                self._said.append(message)
            waiting += [_read_back(o) for o in self._machine.step(topic, offset, message) if isinstance(o, Publish)]


def _late(recording: Recording, in_force: Sequence[InForce], delay_ms: int) -> Float64:
    """Power per row where windows use what was in force so much earlier; before that, the first."""
    starts = [window.window_start_ms for window in recording.windows]
    edges = [0, *(bisect_left(starts, x.from_ms + delay_ms) for x in in_force[1:]), len(starts)]
    return np.concatenate([recording.load.power_w(x.topology, a, b) for x, (a, b) in zip(in_force, pairwise(edges), strict=True)])


def _read_back(output: Publish) -> tuple[str, Message]:
    return output.topic, decode(output.topic, canonical(output.value), h.from_kafka(h.to_kafka(output.headers)))


def _with_power(window: WindowResult, power_w: tuple[float, ...]) -> WindowResult:
    """The window as simulated with other power parameters. Energy and carbon, which no method reads, stay out of it."""
    if window.total is None:
        return window
    return replace(window, total=Series(power_w, (), (), ()), clusters=())
