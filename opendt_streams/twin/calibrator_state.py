"""The calibrator as it was, from the two topics that hold its state: decisions are its snapshots (PROTOCOL 6.6)."""

from __future__ import annotations

from collections.abc import Iterable

from opendt_streams.calibration.port import Method
from opendt_streams.twin.calibrator import Calibrator
from opendt_streams.windows.grid import Grid
from opendt_streams.wire import topics
from opendt_streams.wire.messages import DecisionRecorded, Message


def restore(
    datacenter: str,
    grid: Grid,
    method: Method,
    ledger_records: Iterable[tuple[int, Message]],
    calibration_records: Iterable[tuple[int, Message]],
) -> Calibrator:
    """The machine to go on with: it says in `next` from which offset every topic is read.

    `ledger_records` are (offset, message) of sim.topology from its start; `calibration_records` those of sim.calibration, from its start or
    from anywhere before the newest instant's first decision. Of an instant the first record counts, whoever wrote it and whatever older
    instants are repeated behind it; without any decision the machine starts from nothing.
    """
    calibrator = Calibrator(datacenter, grid, method)
    for offset, message in ledger_records:
        calibrator.step(topics.LEDGER, offset, message)
    newest: tuple[int, DecisionRecorded] | None = None
    for offset, message in calibration_records:
        if isinstance(message, DecisionRecorded) and (newest is None or message.decision.instant_ms > newest[1].decision.instant_ms):
            newest = offset, message
    if newest is not None:
        calibrator.resume_from(newest[1], next_calibration=newest[0] + 1)
    return calibrator
