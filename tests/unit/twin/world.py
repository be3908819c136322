"""Topics, workers and whatever may go wrong between them: one random schedule from a random number generator."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from random import Random
from typing import Final

from opendt_streams.engine.port import EngineKind
from opendt_streams.wire import topics
from opendt_streams.wire.messages import ResultRecorded, ResultsEnded
from tests.unit.twin import people
from tests.unit.twin.logs import Logs, Record, empty_logs
from tests.unit.twin.said import T0, S
from tests.unit.twin.scenario import EVERY, Faults, Scenario
from tests.unit.twin.workers import STUB_ENGINES, CalibratorWorker, SimulatorWorker, Table, Worker

MAX_AHEAD_S: Final = 3 * EVERY
MOST_STEPS: Final = 20_000
Step = tuple[Worker | None, str, str]


class World:
    """`trace` is the schedule as it went: (worker, verb, topic)."""

    def __init__(self, scenario: Scenario, *, paced: bool = False, engines: EngineKind = STUB_ENGINES) -> None:
        self.scenario, self.engines, self.table = scenario, engines, Table()
        self.logs: Logs = empty_logs()
        self.todo = deque(scenario.stream)
        self.trace: list[tuple[str, str, str]] = []
        self.watch: Callable[[World], None] | None = None
        self.workers: list[Worker] = [self.simulator(), self.calibrator()]
        while self.todo and not paced:
            self.produce()

    def simulator(self) -> SimulatorWorker:
        return SimulatorWorker(self.logs, self.table, self.engines)

    def calibrator(self) -> CalibratorWorker:
        return CalibratorWorker(self.logs, self.scenario.off)

    @property
    def done(self) -> bool:
        return all(w.machine.done for w in self.workers)

    # -- the datacenter --------------------------------------------------------------------------------------------------

    def produce(self) -> None:
        said = self.todo.popleft()
        self.logs[said.topic].append(Record(said.topic, said.value))

    def may_produce(self) -> bool:
        """Paced as dc-mock is: at most so far ahead of the results."""
        if not self.todo:
            return False
        said = [r.message for r in self.logs[topics.RESULTS]]
        until = max((m.result.window_end_ms for m in said if isinstance(m, ResultRecorded)), default=T0 + self.scenario.stream[0].at_s * S)
        return any(isinstance(m, ResultsEnded) for m in said) or T0 + self.todo[0].at_s * S <= until + MAX_AHEAD_S * S

    # -- a schedule ------------------------------------------------------------------------------------------------------

    def run(self, rng: Random, faults: Faults, most_faults: int = 12) -> bool:
        """At first chaos, then fairness until nothing is left to do. Whether all machines came to their end."""
        chaos, fond = rng.randrange(400), rng.random() < 0.5
        favourite: tuple[str, str] | None = None  # what is read or written before all else
        asleep: Worker | None = None  # a worker that does not run
        for _ in range(MOST_STEPS):
            chaos -= 1
            if most_faults and chaos > 0 and rng.random() < 0.12:
                most_faults -= 1
                self._fault(rng, faults)
                continue
            possible = self._possible()
            if not possible:
                if self.done or not (faults.silence and self._fall_silent()):
                    return self.done
                continue
            if rng.random() < 0.02:
                asleep = rng.choice([None, *self.workers])
            possible = [p for p in possible if p[0] is not asleep] or possible
            if fond and rng.random() < 0.2:
                favourite = rng.choice(possible)[1:]
            liked = [p for p in possible if p[1:] == favourite]
            self._do(*rng.choice(liked if liked and rng.random() < 0.9 else possible))
            if rng.random() < 0.05:
                rng.choice(self.workers).store()
        return False

    def _possible(self) -> list[Step]:
        possible: list[Step] = [(w, *p) for w in self.workers for p in w.possible()]
        return possible + ([(None, "produce", "")] if self.may_produce() else [])

    def _do(self, worker: Worker | None, verb: str, topic: str) -> None:
        self._note(worker, verb, topic)
        if worker is None:
            self.produce()
        else:
            worker.do(verb, topic)
        if self.watch is not None:
            self.watch(self)

    def _note(self, worker: Worker | None, verb: str, topic: str = "") -> None:
        self.trace.append((f"{worker.machine.name} {self.workers.index(worker)}" if worker else "-", verb, topic))

    def _fall_silent(self) -> bool:
        """Everything is read and still a calibrator waits: max_wait passes. Whether that led anywhere."""
        waiting = [w for w in self.workers if isinstance(w, CalibratorWorker) and w.machine.waits_for_power]
        for worker in waiting:
            self._note(worker, "silence")
            worker.silence()
        return any(w.sendable() for w in waiting)

    # -- what goes wrong -------------------------------------------------------------------------------------------------

    def _fault(self, rng: Random, faults: Faults) -> None:
        kinds = [k for k in ("redeliver", "crash", "double", "edit", "silence", "garbage") if getattr(faults, k)]
        kind, worker = rng.choice(kinds or ["none"]), rng.choice(self.workers)
        if kind == "redeliver":
            topic = rng.choice(list(worker.at))
            worker.at[topic] = max(0, worker.at[topic] - rng.randrange(1, 9))
        elif kind == "crash":
            worker.restart()
        elif kind == "double" and len(self.workers) < 5:
            self.workers.append(self.simulator() if isinstance(worker, SimulatorWorker) else self.calibrator())
        elif kind == "edit":
            people.edit(self.logs, rng, len(self.trace))
        elif kind == "silence" and isinstance(worker, CalibratorWorker):
            worker.silence()
        elif kind == "garbage":
            people.rubbish(self.logs, rng)
        self._note(worker, kind)
