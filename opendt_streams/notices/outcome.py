"""Notices of sim.results and sim.calibration: what became of windows and tasks, and what the calibrator complains about."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass

from opendt_streams.model import times
from opendt_streams.model.decision import Alarm, Decision
from opendt_streams.model.event import MAIN
from opendt_streams.model.result import WindowResult
from opendt_streams.notices.notice import Notice, many

EMPTY_SHARE = 0.25
"""Share of tasks without fragments from which on they are no usual leftovers of a trace."""


_NOTHING = float("nan")


@dataclass(slots=True)
class _Tally:
    count: int = 0
    first_ms: int | None = None
    text: str = ""

    def add(self, count: int, time_ms: int, text: str = "") -> None:
        if not count:
            return
        if self.first_ms is None or time_ms < self.first_ms:
            self.first_ms, self.text = time_ms, text
        self.count += count


class Outcome:
    """Windows in order, the first of each; decisions and alarms, the first of each id."""

    def __init__(self) -> None:
        self.first_ms: int | None = None
        self.end_ms: int | None = None
        self.data_end_ms: int | None = None  # of the newest window that is no drain
        self.windows = self.answered = self.tasks = 0
        self.busy_ms: tuple[int, int] | None = None  # where tasks ran
        self.ended = False
        self.events: list[tuple[int, str]] = []  # (window start, topology event) wherever it changes
        # Per window, of each cluster and of all (None), NaN where none: mean power, and demand that is met, which no parameters change.
        self.mean_w: dict[str | None, array[float]] = {None: array("d")}
        self.demand: dict[str | None, array[float]] = {None: array("d")}
        self.drained = array("b")
        self._failed, self._late, self._duplicate, self._empty = _Tally(), _Tally(), _Tally(), _Tally()
        self._late_samples, self._silent = _Tally(), _Tally()
        self._unplaceable = 0
        self._decided: set[int] = set()
        self._alarms: dict[str, _Tally] = {}
        self._alarm_ids: set[str] = set()

    # -- inputs ----------------------------------------------------------------------------------------------------------

    def result(self, result: WindowResult) -> bool:
        """The next result; whether it is new."""
        if result.branch != MAIN or (self.end_ms is not None and result.window_start_ms != self.end_ms):
            return False
        start, tasks = result.window_start_ms, result.tasks
        self.first_ms = start if self.first_ms is None else self.first_ms
        self.end_ms = result.window_end_ms
        if not result.drain:
            self.data_end_ms = result.window_end_ms
        self.windows += 1
        self.tasks += tasks.submitted + tasks.empty
        if result.error is None:
            self.answered += 1
        else:
            self._failed.add(1, start, result.error)
        if tasks.running or tasks.submitted or tasks.completed:
            self.busy_ms = (start if self.busy_ms is None else self.busy_ms[0], result.window_end_ms)
        for tally, count in ((self._late, tasks.late), (self._duplicate, tasks.duplicate), (self._empty, tasks.empty)):
            tally.add(count, start)
        if not self.events or self.events[-1][1] != result.topology_event:
            self.events.append((start, result.topology_event))
        self._note_power(result)
        return True

    def _note_power(self, result: WindowResult) -> None:
        means: dict[str | None, float] = {}
        met: dict[str | None, float] = {}
        if result.total is not None and result.row_ms:
            means[None], met[None] = sum(result.total.power_w) / len(result.row_ms), 0.0
            for cluster in result.clusters:
                mean = sum(cluster.series.power_w) / len(result.row_ms)
                means[cluster.name], met[cluster.name] = means.get(cluster.name, 0.0) + mean, 0.0
            for basis in result.basis:
                loads = zip(basis.window_demand_mhz, basis.window_host_ms, strict=True)
                done = sum(min(mhz, basis.capacity_mhz) * ms for mhz, ms in loads)
                met[None] += done
                met[result.clusters[basis.cluster].name] += done
        for columns, values in ((self.mean_w, means), (self.demand, met)):
            for name in values.keys() - columns.keys():
                columns[name] = array("d", [_NOTHING] * (self.windows - 1))
            for name, column in columns.items():
                column.append(values.get(name, _NOTHING))
        self.drained.append(result.drain)

    def results_ended(self, unplaceable: int) -> None:
        if not self.ended:
            self.ended, self._unplaceable = True, unplaceable

    def decision(self, decision: Decision) -> None:
        if decision.instant_ms in self._decided:
            return
        self._decided.add(decision.instant_ms)
        self._late_samples.add(decision.late_samples, decision.instant_ms)
        self._silent.add(decision.reason == "no telemetry", decision.instant_ms)

    def alarm(self, alarm: Alarm) -> None:
        if alarm.id not in self._alarm_ids:
            self._alarm_ids.add(alarm.id)
            self._alarms.setdefault(alarm.kind, _Tally()).add(1, alarm.time_ms, alarm.text)

    # -- what follows ----------------------------------------------------------------------------------------------------

    @property
    def decided_ms(self) -> int | None:
        return max(self._decided, default=None)

    def notices(self) -> Iterator[Notice]:
        yield from self._windows()
        for kind, tally in self._alarms.items():
            yield _of_alarm(kind, tally)
        if self._silent.count:
            yield Notice(
                "telemetry-silent",
                f"At {many(self._silent.count, 'instant')}, the first {times.iso(self._silent.first_ms or 0)}, there was nothing "
                "on dc.power to compare with: the parameters were kept.",
                "Look at the meters and at what feeds dc.power.",
                self._silent.count,
                self._silent.first_ms,
            )
        if self._late_samples.count:
            yield Notice(
                "reading-late",
                f"{many(self._late_samples.count, 'reading')} came after the decision of their time, or twice: nothing was fitted to them.",
                "Send readings in order of time, all meters' of a time before any later one.",
                self._late_samples.count,
                self._late_samples.first_ms,
            )
        yield from self._tasks()

    def _windows(self) -> Iterator[Notice]:
        failed = self._failed
        if not failed.count:
            return
        if not self.answered:
            what = "No window got an answer of the engine: there is nothing in any total."
        else:
            what = (
                f"{failed.count:,} of {self.windows:,} windows got no answer of the engine: their power, energy and carbon are in no total."
            )
        yield Notice(
            "window-failed",
            f"{what} The first, from {times.iso(failed.first_ms or 0)}: {failed.text.rstrip('.')}.",
            "Remove the cause and run it again; the simulator's log in logs/ has the details.",
            failed.count,
            failed.first_ms,
        )

    def _tasks(self) -> Iterator[Notice]:
        if self._unplaceable:
            yield Notice(
                "task-unplaceable",
                f"{many(self._unplaceable, 'task')} never started: no host has the cores or the memory, room for them never came, or their "
                "window could not be simulated.",
                "`opendt data check` says which want more than any host has.",
                self._unplaceable,
            )
        for kind, tally, what, action in (
            (
                "task-late",
                self._late,
                "came after their window was due: each was submitted in the next open one, later than it was.",
                "Send tasks before the heartbeat that passes their time.",
            ),
            ("task-duplicate", self._duplicate, "came more than once: the first counts.", "Look at what feeds dc.workload."),
        ):
            if tally.count:
                yield Notice(kind, f"{many(tally.count, 'task')} {what}", action, tally.count, tally.first_ms)
        if self._empty.count > EMPTY_SHARE * self.tasks:
            yield Notice(
                "task-empty",
                f"{self._empty.count:,} of {many(self.tasks, 'task')} have no fragments: they are not simulated, as in OpenDC.",
                "Give fragments to the tasks, or read the results without them.",
                self._empty.count,
                self._empty.first_ms,
            )


def _of_alarm(kind: str, tally: _Tally) -> Notice:
    """The calibrator's kinds are its own, with the name of the meter; here they are three."""
    first, _, meter = kind.partition(" ")
    of, more = f" {meter}" if meter else "", f" ({many(tally.count, 'alarm')} of this kind.)" if tally.count > 1 else ""
    if first == "telemetry":
        return Notice(
            "meter-not-believed",
            f"The meter{of or ' of the datacenter'} is not believed: {tally.text}.{more}",
            "Look at the meter. While it is not believed, parameters are kept and scores say little.",
            tally.count,
            tally.first_ms,
            kind,
        )
    if first == "bound":
        action = "Compare the hardware with the topology: its hosts, and what their power models say."
        return Notice(
            "parameter-bound", f"The calibrator says{of and f' of{of}'}: {tally.text}.{more}", action, tally.count, tally.first_ms, kind
        )
    return Notice("calibration", f"The calibrator says: {tally.text}.{more}", "See calibrator.grid.", tally.count, tally.first_ms, kind)
