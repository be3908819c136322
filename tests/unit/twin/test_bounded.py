"""State does not grow with the stream as long as the producer is paced as dc-mock is (PROTOCOL 7.5)."""

from __future__ import annotations

from random import Random
from statistics import median

from opendt_streams.model.canonical import canonical
from opendt_streams.twin import simulator_state
from tests.unit.twin.checks import structure
from tests.unit.twin.scenario import Faults, scenario
from tests.unit.twin.workers import CalibratorWorker, SimulatorWorker, Worker
from tests.unit.twin.world import World

SHORT, LONG = 8, 40


def held(worker: Worker) -> int:
    """Messages and other items that a machine keeps; the ledger and the digests of snapshots are the history itself."""
    if isinstance(worker, CalibratorWorker):
        return len(worker.machine.results) + len(worker.machine.telemetry.entries)
    assert isinstance(worker, SimulatorWorker)
    intake = worker.machine.intake
    waiting = sum(len(tasks) for tasks in intake.waiting.values())
    kept = (intake.parked, intake.early, intake.counts, intake.seen, intake.named, worker.machine.pins)
    return waiting + sum(len(x) for x in kept)


def peaks(instants: int, seed: int) -> tuple[int, int]:
    """The most items held by a worker that is not done, and the most bytes of a stored state."""
    faults, rng = Faults(redeliver=True, crash=True, paced=True), Random(seed)
    world = World(scenario(rng, instants, faults), paced=True)
    most = [0, 0]

    def look(world: World) -> None:
        if len(world.trace) % 7 == 0:
            most[0] = max([most[0], *(held(w) for w in world.workers if not w.machine.done)])
        if len(world.trace) % 29 == 0:
            state = simulator_state.snapshot(next(w for w in world.workers if isinstance(w, SimulatorWorker)).machine)
            for own in ("physical", "engine", "engine_tasks", "unsimulated"):  # an overloaded datacenter has a long queue of its own
                del state[own]
            most[1] = max(most[1], len(canonical(state)))

    world.watch = look
    assert world.run(rng, faults)
    assert list(structure(world)) == []
    return most[0], most[1]


def test_a_five_times_longer_stream_needs_no_more_state() -> None:
    short, long = ([peaks(instants, seed) for seed in range(12)] for instants in (SHORT, LONG))
    for quantity in (0, 1):
        assert median(p[quantity] for p in long) <= 1.7 * median(p[quantity] for p in short)
