"""The twinning log made anew from the topics alone: the proof that it is a projection."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from opendt_streams.twinlog.recorder import Recorder
from opendt_streams.twinlog.writer import TwinLog
from opendt_streams.windows.grid import Grid
from opendt_streams.wire.messages import Message


def rebuild(log: TwinLog, datacenter: str, grid: Grid, records: Iterable[tuple[str, int, Message]]) -> Recorder:
    """Drive a recorder over (topic, offset, message) from the start of every topic to its end, and write and merge what it says.

    Topics may be read one after the other or in any other order. Returns the recorder, which knows whether the run was complete.

    Raises:
        HistoryGone: the log holds finished parts with other rows.
    """
    recorder = Recorder(datacenter, grid)
    for topic, offset, message in records:
        if topic in Recorder.reads:
            recorder.step(topic, offset, message)
            log.write_parts(recorder.take_parts())
    log.store(recorder.flush(), recorder.checkpoint())
    log.merge()
    if recorder.complete or recorder.waits_for_power:  # meters that never ended say no more
        log.mark_complete()
    return recorder


def differing(recorded: Path, rebuilt: Path) -> list[str]:
    """Names of the Parquet files of which the two folders hold other bytes, or only one holds any."""
    names = {path.relative_to(folder).as_posix() for folder in (recorded, rebuilt) for path in folder.rglob("*.parquet")}
    return [name for name in sorted(names) if _bytes(recorded / name) != _bytes(rebuilt / name)]


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None
