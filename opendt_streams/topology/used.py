"""Whether decisions and results refer to the ledger as the protocol says: what they name is accepted, and pinned where they need it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import gcd

from opendt_streams.model import times
from opendt_streams.model.event import MAIN
from opendt_streams.topology.compact import CompactLedger
from opendt_streams.topology.problem import Problem
from opendt_streams.wire import headers as h
from opendt_streams.wire.messages import DecisionRecorded, Invalid, ResultRecorded
from opendt_streams.wire.record import Record


@dataclass(slots=True)
class _Pins:
    """What the first decision of every instant pins, in the order of time."""

    instants: list[int] = field(default_factory=list)
    offsets: dict[int, int] = field(default_factory=dict)

    def every_ms(self) -> int:
        """The distance of two instants: all are multiples of it. 0 while there are not two."""
        return gcd(*(b - self.instants[0] for b in self.instants)) if self.instants else 0


def references(
    ledger: CompactLedger, causes: Mapping[str, str], decisions: Iterable[Record], results: Iterable[Record]
) -> Iterator[Problem]:
    """What is wrong in decisions, then in results. `causes`: those of the accepted events of main, by id."""
    pins = _Pins()
    for record in decisions:
        message = record.message()
        if isinstance(message, DecisionRecorded) and message.decision.instant_ms not in pins.offsets:
            yield from _decision(record, message, ledger, causes, pins)
            pins.instants.append(message.decision.instant_ms)
            pins.offsets[message.decision.instant_ms] = message.pin
        elif isinstance(message, Invalid):
            yield from _unreadable(record, message)
    yield from _results(ledger, causes, pins, results)


def _decision(
    record: Record, message: DecisionRecorded, ledger: CompactLedger, causes: Mapping[str, str], pins: _Pins
) -> Iterator[Problem]:
    decision, before = message.decision, pins.offsets[pins.instants[-1]] if pins.instants else 0
    yield from _named(record, decision.id)
    if message.pin > ledger.log.end:
        yield _problem(
            record, h.PIN, f"it pins ledger offset {message.pin}; the ledger ends before offset {ledger.log.end}: events are missing"
        )
    elif message.pin < before:
        yield _problem(record, h.PIN, f"it pins ledger offset {message.pin}; the decision before it pins {before}")
    if pins.instants and decision.instant_ms < pins.instants[-1]:
        yield _problem(record, "instant_ms", f"{times.iso(decision.instant_ms)} is decided after {times.iso(pins.instants[-1])}")
    event = decision.topology_event
    if event is None:
        return
    if event not in causes:
        yield _problem(record, "topology_event", f"{event} is no accepted event of main")
    elif causes[event] != decision.id:
        yield _problem(record, "topology_event", f"{event} was made for {causes[event]}, not for {decision.id}")
    elif ledger.log.offsets[ledger.first[event]] >= message.pin:
        yield _problem(record, h.PIN, f"it pins ledger offset {message.pin}, before its own event {event}")


def _results(ledger: CompactLedger, causes: Mapping[str, str], pins: _Pins, results: Iterable[Record]) -> Iterator[Problem]:
    every_ms = pins.every_ms()
    instants = sorted(pins.instants)
    seen: set[int] = set()
    first_ms: int | None = None
    for record in results:
        message = record.message()
        if isinstance(message, Invalid):
            yield from _unreadable(record, message)
        if not isinstance(message, ResultRecorded) or message.result.window_start_ms in seen:
            continue
        result = message.result
        seen.add(result.window_start_ms)
        first_ms = result.window_start_ms if first_ms is None else first_ms
        yield from _named(record, result.id)
        if message.ledger > ledger.log.end:
            what = f"the simulator had folded the ledger to offset {message.ledger}; it ends before {ledger.log.end}: events are missing"
            yield _problem(record, h.LEDGER, what)
        elif (after := pins.offsets.get(result.window_end_ms)) is not None and after < message.ledger:
            what = f"the simulator had folded the ledger to offset {message.ledger}; the decision of the window's end pins {after}"
            yield _problem(record, h.LEDGER, what)
        if result.topology_event not in causes:
            yield _problem(record, "topology_event", f"{result.topology_event} is no accepted event of main")
            continue
        at = bisect_right(instants, result.window_start_ms) - 1
        instant = instants[at] if at >= 0 else None
        if every_ms and times.floor(result.window_start_ms, every_ms) not in (instant, times.floor(first_ms, every_ms)):
            undecided = times.iso(times.floor(result.window_start_ms, every_ms))
            yield _problem(record, "topology_event", f"the decision of {undecided}, which says what its windows use, is missing")
            continue
        pin = None if instant is None or instant <= first_ms else pins.offsets[instant]
        if pin is not None and message.ledger < pin:
            yield _problem(record, h.LEDGER, f"the simulator had folded the ledger to offset {message.ledger} only; its windows need {pin}")
        expected = _in_force(ledger, pin)
        if expected != result.topology_event:
            since = "the first baseline" if instant is None else f"what the decision of {times.iso(instant)} pins"
            yield _problem(record, "topology_event", f"{result.topology_event}; {since} is {expected}")


def _in_force(ledger: CompactLedger, pin: int | None) -> str | None:
    """Id of the head of main at a pin; of the first baseline without one."""
    accepted = ledger.branches[MAIN]
    row = ledger.head_at(pin, len(ledger)) if pin is not None else (accepted[0] if accepted else None)
    return None if row is None else ledger.log.ids[row]


def _named(record: Record, identity: str) -> Iterator[Problem]:
    named = record.headers.get(h.ID)
    if named != identity and (named is not None or _is_ours(record)):
        yield _problem(record, h.ID, f"the header is {named}, the id {identity}")


def _unreadable(record: Record, message: Invalid) -> Iterator[Problem]:
    if _is_ours(record):
        yield _problem(record, "value", f"{record.headers[h.SOURCE]} wrote this, and it cannot be read: {message.reason}")


def _is_ours(record: Record) -> bool:
    return h.writer_of(record.headers) is not None


def _problem(record: Record, field_: str, what: str) -> Problem:
    return Problem(record.topic, record.offset, field_, what)
