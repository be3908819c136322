"""What must hold in a world that came to its end, whatever happened in it: violations, as words."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Final

from opendt_streams.model.canonical import digest
from opendt_streams.model.decision import Decision
from opendt_streams.model.event import TopologyEvent
from opendt_streams.model.result import WindowResult
from opendt_streams.topology.ledger import Ledger, Verdict
from opendt_streams.wire import headers as h
from opendt_streams.wire import topics
from opendt_streams.wire.messages import DecisionRecorded, Invalid, ResultRecorded, TaskSubmitted
from tests.unit.twin.logs import BY, DATACENTER, Logs, Record, keep_first, record_of
from tests.unit.twin.people import folded
from tests.unit.twin.scenario import GRID, Faults, Said, Scenario
from tests.unit.twin.workers import SimulatorWorker, new_calibrator, new_simulator
from tests.unit.twin.world import World

REPLAY_ORDER: Final = (topics.LEDGER, topics.CALIBRATION, topics.PHYSICAL, topics.WORKLOAD, topics.RESULTS, topics.POWER)
"""The ledger and its pins first; snapshots before heartbeats, since one that names none means the newest read."""


def digests(world: World) -> dict[str, str]:
    """As PROTOCOL 2.3 has them, but for the dead letters: those of the datacenter's topics, in order of their ids."""
    logs = world.logs
    dead = {k: r.document for k, r in keep_first(logs[topics.DEAD_LETTER]).items() if k.split("|")[0] in topics.DATACENTER_TOPICS}
    return {
        "results": digest([r.document for r in keep_first(logs[topics.RESULTS]).values()]),
        "calibration": digest([r.document for r in keep_first(logs[topics.CALIBRATION]).values()]),
        "topology": digest([a.event.id for a in folded(logs[topics.LEDGER]).main]),
        "dead letters": digest([dead[k] for k in sorted(dead)]),
    }


def confluence(world: World) -> Iterator[str]:
    """A calm run over what the datacenter's topics hold gives the same digests."""
    stream = [said for topic in topics.DATACENTER_TOPICS for said in _as_said(world, topic)]
    calm = World(Scenario(stream, world.scenario.off), engines=world.engines)
    if not calm.run(Random(1), Faults(), most_faults=0):
        yield "deadlock: of the calm run"
    before, after = digests(calm), digests(world)
    for name in before:
        if before[name] != after[name]:
            yield f"confluence: {name}"


def _as_said(world: World, topic: str) -> list[Said]:
    return [Said(0, topic, record.value) for record in world.logs[topic]]


# -- structure -------------------------------------------------------------------------------------------------------------


def structure(world: World) -> Iterator[str]:
    logs = world.logs
    results = [r.message for r in keep_first(logs[topics.RESULTS]).values()]
    windows = [m for m in results if isinstance(m, ResultRecorded)]
    decisions = [m for r in keep_first(logs[topics.CALIBRATION]).values() if isinstance(m := r.message, DecisionRecorded)]
    ledger = folded(logs[topics.LEDGER])
    yield from _equal_duplicates(logs)
    yield from _dead_letters(world)
    yield from _one_verdict(logs)
    yield from _windows([m.result for m in windows])
    yield from _instants([m.result for m in windows], [m.decision for m in decisions])
    yield from _no_lost_tasks(world, [m.result for m in windows])
    yield from _causes(ledger, {m.decision.id: m for m in decisions})
    yield from _pins(windows, decisions, ledger)


def _equal_duplicates(logs: Logs) -> Iterator[str]:
    for topic in (topics.RESULTS, topics.CALIBRATION, topics.DEAD_LETTER):
        kept = keep_first(logs[topic])
        for record in logs[topic]:
            if (record.headers.get(BY) or topic == topics.DEAD_LETTER) and record.value != kept[record.id].value:
                yield f"unequal duplicate: {record.id} on {topic}"


def _dead_letters(world: World) -> Iterator[str]:
    """What is no message is answered for. Not on sim.calibration: a restart skips what stood before the decision it goes on from."""
    letters = set(keep_first(world.logs[topics.DEAD_LETTER]))
    for topic in (*topics.DATACENTER_TOPICS, topics.LEDGER, topics.RESULTS):
        for offset, record in enumerate(world.logs[topic]):
            if isinstance(record.message, Invalid) and f"{topic}|0|{offset}" not in letters:
                yield f"no dead letter: {topic}|0|{offset}"


def _one_verdict(logs: Logs) -> Iterator[str]:
    ledger, final = Ledger(), folded(logs[topics.LEDGER]).verdicts
    for offset, record in enumerate(logs[topics.LEDGER]):
        if isinstance(record.message, TopologyEvent):
            known = record.message.id in ledger.verdicts
            judged = ledger.add(offset, record.message)
            if known != (judged is None) or (judged is not None and judged.verdict is not final[judged.event.id]):
                yield f"several verdicts: {record.message.id}"


def _windows(results: list[WindowResult]) -> Iterator[str]:
    starts = [r.window_start_ms for r in results]
    if starts and starts != list(range(starts[0], starts[0] + GRID.window_ms * len(starts), GRID.window_ms)):
        yield f"windows: {starts}"
    for r in results:
        rows = () if r.error else tuple(range(r.window_start_ms + GRID.sample_interval_ms, r.window_end_ms + 1, GRID.sample_interval_ms))
        if r.row_ms != rows:
            yield f"rows: {r.row_ms} in the window from {r.window_start_ms}"


def _instants(results: list[WindowResult], decisions: list[Decision]) -> Iterator[str]:
    if not results:
        return
    first = GRID.first_instant(results[0].window_start_ms)
    instants = [d.instant_ms for d in decisions]
    if instants != list(range(first, results[-1].window_end_ms + 1, GRID.publish_every_ms)):
        yield f"instants: {instants}"


def _no_lost_tasks(world: World, results: list[WindowResult]) -> Iterator[str]:
    """Every task message is simulated, a duplicate, empty or dead, or still listed as what could not be simulated."""
    dead = {k for k in keep_first(world.logs[topics.DEAD_LETTER]) if k.startswith(topics.WORKLOAD)}
    said = [f"{topics.WORKLOAD}|0|{o}" for o, r in enumerate(world.logs[topics.WORKLOAD]) if isinstance(r.message, TaskSubmitted)]
    accepted = sum(i not in dead for i in said)
    for worker in world.workers:
        if isinstance(worker, SimulatorWorker) and worker.machine.root is not None:
            intake = worker.machine.intake
            waiting = sum(len(tasks) for tasks in intake.waiting.values())
            if waiting and not worker.machine.failed:
                yield f"lost tasks: {waiting} never submitted"
            uncounted = sum(c.duplicate + c.empty for c in intake.counts.values())
            counted = sum(r.tasks.duplicate + r.tasks.empty + r.tasks.submitted for r in results)
            listed = len(worker.machine.unsimulated)
            if accepted != counted + uncounted + waiting + listed:
                yield f"lost tasks: {accepted} accepted, {counted} counted, {uncounted + waiting + listed} left"


def _causes(ledger: Ledger, decisions: dict[str, DecisionRecorded]) -> Iterator[str]:
    causes = [a.event.cause for a in ledger.main if a.event.actor in ("simulator", "calibrator") and a.event.cause.startswith(DATACENTER)]
    if len(causes) != len(set(causes)):
        yield "one cause, several accepted events"
    named = {m.decision.topology_event for m in decisions.values()}
    for a in ledger.main:
        if a.event.actor == "calibrator":
            if a.event.id not in named:
                yield f"orphan: {a.event.cause} is calibrated but no decision names it"
            elif a.offset >= decisions[a.event.cause].pin:
                yield f"pin: below the event of its own decision {a.event.cause}"
    for m in decisions.values():
        if m.decision.topology_event is not None and ledger.verdicts.get(m.decision.topology_event) is not Verdict.ACCEPTED:
            yield f"decision: {m.decision.id} names an event that is not accepted"


def _pins(windows: list[ResultRecorded], decisions: list[DecisionRecorded], ledger: Ledger) -> Iterator[str]:
    pins = [m.pin for m in decisions]
    if pins != sorted(pins):
        yield f"pins: go back {pins}"
    by_instant = {m.decision.instant_ms: m.pin for m in decisions}
    for window in windows:
        result = window.result
        instant = GRID.instant_of(result.window_start_ms)
        first = instant <= windows[0].result.window_start_ms
        used = ledger.main[0] if first else ledger.head_at(by_instant[instant])
        if used is None or used.event.id != result.topology_event:
            yield f"pins: window {result.id} used another topology than its pin says"
        if by_instant.get(result.window_end_ms, window.ledger) < window.ledger:
            yield f"pins: {result.window_end_ms} pins less than the result before it had folded"


# -- replay ----------------------------------------------------------------------------------------------------------------


def replay(world: World, rng: Random, most: int = 6) -> Iterator[str]:
    """Outputs, recomputed from the offsets that their headers name, the ledger first."""
    outputs = [r for topic in topics.TWIN_TOPICS for r in world.logs[topic] if BY in r.headers]
    for record in rng.sample(outputs, most) if len(outputs) > most else outputs:
        if not _recomputed(world, record):
            yield f"replay: {record.topic} {record.id}"


def _recomputed(world: World, record: Record) -> bool:
    read = {t: int(o) for t, o in Record("", record.headers[h.INPUTS].encode()).document.items()}
    simulates = record.headers[BY] == "simulator"
    machine = new_simulator(world.engines) if simulates else new_calibrator(world.scenario.off)
    for topic in (t for t in REPLAY_ORDER if t in machine.reads):
        for offset in range(read[topic]):
            for output in machine.step(topic, offset, world.logs[topic][offset].message):
                found = record_of(output, machine.name)
                if found is not None and (found.topic, found.value) == (record.topic, record.value):
                    return True
    return False


def violations(world: World, rng: Random, faults: Faults, finished: bool) -> list[str]:
    """Everything that is wrong with a world after its schedule."""
    if not finished:
        return [f"deadlock: {[w.machine.name for w in world.workers if not w.machine.done]}", *replay(world, rng)]
    found = list(structure(world))
    if not (faults.edit or faults.unnamed):
        found += confluence(world)
    return found + list(replay(world, rng))
