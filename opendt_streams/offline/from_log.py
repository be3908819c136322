"""A recording of a run: what its topics hold, whatever was decided then."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from opendt_streams.errors import BadInput
from opendt_streams.model.event import MAIN, TopologyEvent
from opendt_streams.model.result import WindowResult
from opendt_streams.offline.recording import Hardware, PowerMessage, Recording
from opendt_streams.topology.ledger import Accepted, Ledger
from opendt_streams.windows.grid import Grid
from opendt_streams.wire import topics
from opendt_streams.wire.messages import Message, PowerBatch, ResultRecorded

READS: Final = (topics.LEDGER, topics.RESULTS, topics.POWER)
_BY_PEOPLE: Final = ("edited", "reverted")


def record_log(datacenter: str, grid: Grid, messages: Iterable[tuple[str, int, Message]]) -> Recording:
    """`messages`: (topic, offset, message) of the topics in READS, each in its order. Of repeated results the first counts.

    Raises:
        BadInput: the run has no results yet, or was given no power.
    """
    ledger, windows, power = Ledger(), list[WindowResult](), list[PowerMessage]()
    for topic, offset, message in messages:
        if topic == topics.LEDGER:
            if isinstance(message, TopologyEvent):
                ledger.add(offset, message)
            else:
                ledger.skip(offset)
        elif topic == topics.RESULTS and isinstance(message, ResultRecorded):
            result = message.result
            if result.branch == MAIN and (not windows or result.window_start_ms == windows[-1].window_end_ms):
                windows.append(result)
        elif topic == topics.POWER and isinstance(message, PowerMessage):
            power.append(message)
    if not windows:
        raise BadInput("the run has no results yet", expected="at least one window", where=datacenter)
    if not any(isinstance(message, PowerBatch) for message in power):
        raise BadInput("nothing was measured in the run", expected="samples on dc.power", where=datacenter)
    edits = sum(accepted.event.kind in _BY_PEOPLE for accepted in ledger.main)
    return Recording(datacenter, grid, tuple(windows), _hardware(windows, ledger), tuple(power), edits)


def _hardware(windows: list[WindowResult], ledger: Ledger) -> tuple[Hardware, ...]:
    """Where the hardware changed. Its power models are those of the first event that described it, before any calibration of it."""
    position = {accepted.event.id: i for i, accepted in enumerate(ledger.main)}
    found: list[Hardware] = []
    event = ""
    for index, window in enumerate(windows):
        if window.topology_event == event:
            continue
        event = window.topology_event
        if event not in position:
            raise BadInput(f"the ledger does not hold the event {event} of a result", expected="the whole of sim.topology")
        topology = _first_of_its_hardware(ledger.main, position[event])
        if not found or topology.topology.without_power_models() != found[-1].topology.without_power_models():
            found.append(Hardware(index, topology.topology))
    return tuple(found)


def _first_of_its_hardware(main: list[Accepted], at: int) -> Accepted:
    hardware = main[at].topology.without_power_models()
    while at and main[at - 1].topology.without_power_models() == hardware:
        at -= 1
    return main[at]
