"""The simulator's state as one versioned JSON value, and back (PROTOCOL 7.1).

Tasks, parked messages and snapshots are references: offsets in the topics where they stand. The ledger is a reference too: the prefix of
sim.topology before its next offset. So the value stays small, and a restore reads what it names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from opendt_streams.engine.port import EngineKind, Submission
from opendt_streams.errors import HistoryGone
from opendt_streams.model.canonical import JSON
from opendt_streams.model.task import Task
from opendt_streams.twin.carbon import with_traces
from opendt_streams.twin.intake import Counts, Naming, Seen, Waiting
from opendt_streams.twin.physical import Read
from opendt_streams.twin.simulator import Simulator
from opendt_streams.twin.unanswered import NONE, Unanswered
from opendt_streams.windows.grid import Grid
from opendt_streams.wire import topics
from opendt_streams.wire.messages import Message, Snapshot, TaskSubmitted
from opendt_streams.wire.twin import RESULT

VERSION: Final = 2


def snapshot(sim: Simulator) -> dict[str, JSON]:
    """The state after the inputs before `sim.next`."""
    return {
        "version": VERSION,
        "datacenter": sim.datacenter,
        "next": dict(sim.next),
        "intake": _intake(sim),
        "physical": {
            "contents": [[content, read.offset] for content, read in sim.physical.contents.items()],
            "digests": [[digest, content] for digest, content in sim.physical.digests.items()],
            "first": sim.physical.first,
            "newest": sim.physical.newest,
        },
        "pins": [[instant, pin] for instant, pin in sim.pins.items()],
        "root": sim.root.event.id if sim.root else None,
        "window_ms": sim.window_ms,
        "announced_ms": sim.announced_ms,
        "held": RESULT.dump_python(sim.held) if sim.held else None,
        "engine": sim.engine.checkpoint() if sim.engine else None,
        "engine_tasks": list(sim.engine.references()) if sim.engine else [],
        "applied": list(sim.applied) if sim.applied else None,
        "levels": list(sim.levels),
        "failed": sim.failed,
        "unsimulated": [[s.reference, s.at_ms] for s in sim.unsimulated],
        "inflight": dict(sim._inflight),
        "done": sim.done,
    }


def _intake(sim: Simulator) -> dict[str, JSON]:
    intake, mark = sim.intake, sim.intake.watermark
    return {
        "watermark_ms": mark.time_ms,
        "refused_ms": mark.refused_ms,
        "ended": mark.ended,
        "first_ms": intake.first_ms,
        "parked": [offset for offset, _ in intake.parked],
        "early": [w.offset for w in intake.early],
        "waiting": [[window, [w.offset for w in tasks]] for window, tasks in intake.waiting.items()],
        "counts": [[window, c.late, c.duplicate, c.empty] for window, c in intake.counts.items()],
        "seen": [[task_id, s.content, s.opened_ms] for task_id, s in intake.seen.items()],
        "named": [[n.time_ms, n.snapshot] for n in intake.named],
    }


def references(state: Mapping[str, Any]) -> dict[str, list[int]]:
    """Offsets per topic that a restore will read, ascending."""
    intake = state["intake"]
    tasks = {*intake["parked"], *intake["early"], *(o for _, offsets in intake["waiting"] for o in offsets)}
    tasks |= {reference for reference, _ in state["unsimulated"]} | set(state["engine_tasks"])
    return {topics.WORKLOAD: sorted(tasks), topics.PHYSICAL: sorted(offset for _, offset in state["physical"]["contents"])}


def restore(
    state: Mapping[str, Any],
    grid: Grid,
    engines: EngineKind,
    policy: str,
    ledger: Iterable[tuple[int, Message]],
    read: Callable[[str, int], Message],
    semantics: str = "2.4f",
    unanswered: Unanswered = NONE,
) -> Simulator:
    """The machine as it was. `ledger`: the records of sim.topology before its next offset; `read`: the message at (topic, offset).

    Raises:
        HistoryGone: something that the state refers to is not what it was, or not there any more.
    """
    if state["version"] != VERSION:
        raise HistoryGone(f"the stored state has version {state['version']}", expected=f"version {VERSION}")
    sim = Simulator(state["datacenter"], grid, engines, policy, semantics, unanswered)
    for offset, message in ledger:
        sim._fold(offset, message)
    sim.next.update(state["next"])
    _restore_physical(sim, state["physical"], read)
    _restore_intake(sim, state["intake"], read)
    sim.pins = dict(state["pins"])
    sim.root = sim.ledger.accepted(state["root"]) if state["root"] else None
    sim.window_ms, sim.announced_ms = state["window_ms"], state["announced_ms"]
    sim.held = RESULT.validate_python(state["held"]) if state["held"] else None
    sim.levels, sim.failed, sim.done = (state["levels"][0], state["levels"][1]), state["failed"], state["done"]
    sim.unsimulated = [Submission(_task(read, offset), at_ms, offset) for offset, at_ms in state["unsimulated"]]
    sim._inflight = dict(state["inflight"])
    if state["engine"] is not None:
        event_id, content = sim.applied = tuple(state["applied"])
        applied = sim.ledger.accepted(event_id)
        if applied is None:
            raise HistoryGone(f"the topology event {event_id} that the state simulates is not in sim.topology")
        topology, traces = with_traces(applied.topology, sim.physical.contents[content].snapshot.carbon if content else {})
        sim.engine = engines.restore(sim.engine_settings(), topology, traces, state["engine"], lambda reference: _task(read, reference))
    return sim


def _restore_physical(sim: Simulator, state: Mapping[str, Any], read: Callable[[str, int], Message]) -> None:
    physical = sim.physical
    for content, offset in state["contents"]:
        message = read(topics.PHYSICAL, offset)
        if not isinstance(message, Snapshot) or message.content != content:
            raise HistoryGone(f"{topics.PHYSICAL} at offset {offset} is not the snapshot that the state refers to")
        physical.contents[content] = Read(offset, message)
    physical.digests = dict(state["digests"])
    physical.first, physical.newest = state["first"], state["newest"]


def _restore_intake(sim: Simulator, state: Mapping[str, Any], read: Callable[[str, int], Message]) -> None:
    intake, mark = sim.intake, sim.intake.watermark
    mark.time_ms, mark.refused_ms, mark.ended = state["watermark_ms"], state["refused_ms"], state["ended"]
    intake.first_ms = state["first_ms"]
    intake.parked.extend((offset, read(topics.WORKLOAD, offset)) for offset in state["parked"])
    intake.early = [Waiting(offset, _task(read, offset)) for offset in state["early"]]
    intake.waiting = {window: [Waiting(o, _task(read, o)) for o in offsets] for window, offsets in state["waiting"]}
    intake.counts = {window: Counts(*numbers) for window, *numbers in state["counts"]}
    intake.seen = {task_id: Seen(content, opened) for task_id, content, opened in state["seen"]}
    intake.named = [Naming(time_ms, digest) for time_ms, digest in state["named"]]


def _task(read: Callable[[str, int], Message], offset: int) -> Task:
    message = read(topics.WORKLOAD, offset)
    if not isinstance(message, TaskSubmitted):
        raise HistoryGone(f"{topics.WORKLOAD} at offset {offset} is not the task that the state refers to")
    return message.task
