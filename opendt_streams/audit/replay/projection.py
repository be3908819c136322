"""The twinning log of an audit: made anew from the evidence."""

from __future__ import annotations

from pathlib import Path

from opendt_streams.audit.evidence import Evidence
from opendt_streams.twinlog.rebuild import rebuild
from opendt_streams.twinlog.recorder import Recorder
from opendt_streams.twinlog.writer import TwinLog
from opendt_streams.windows.grid import Grid


def rebuild_twinlog(evidence: Evidence, grid: Grid, folder: Path) -> Recorder:
    """Write the twinning log that the evidence gives into `folder`."""
    records = ((topic, record.offset, record.message()) for topic in Recorder.reads for record in evidence.own(topic))
    return rebuild(TwinLog(folder), evidence.info.datacenter, grid, records)
