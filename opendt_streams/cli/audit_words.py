"""What `opendt audit verify` and `export` tell people."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from opendt_streams.audit.sealing.manifest import Manifest as Seal
from opendt_streams.audit.verify.verification import AGAINST_LOG_ROOT, AGAINST_ROOT, INNER, Verification
from opendt_streams.cli.output import people
from opendt_streams.model import times

_DAY: Final = len("2024-03-04")
_SHOWN: Final = {
    AGAINST_ROOT: "Verified against the root that you kept: this is what was sealed then.",
    AGAINST_LOG_ROOT: "Verified against the log root that you kept: these are the records that were sealed then.",
    INNER: (
        "Verified: everything fits together. Only inner consistency was shown: whoever alters records and seals them all anew is found "
        "only with --root and a root that was kept elsewhere."
    ),
}


def show_verification(answer: Verification) -> None:
    console = people()
    _show(answer, console)
    if not answer.ok:
        console.print(f"NOT verified: {len(answer.findings)} findings.", style="bold red")
        return
    console.print(_SHOWN[answer.proved], soft_wrap=True)
    if answer.kept is None and answer.root is None:
        console.print(f"To keep elsewhere: log root {answer.log_root}", soft_wrap=True)


def show_export(out: Path, seal: Seal, answer: Verification) -> None:
    console = people()
    _show(answer, console)
    console.print(f"Written: {out} ({out.stat().st_size:,} bytes)", soft_wrap=True)
    console.print(f"root      {seal.root}\nlog root  {seal.log_root}", soft_wrap=True)
    console.print("Keep the root elsewhere: it proves that this bundle is what was exported now.", soft_wrap=True)
    console.print(f"Verify with: opendt audit verify {shlex.quote(str(out))} --root {seal.root}", soft_wrap=True)
    if not answer.ok:
        console.print(f"The run is NOT sound: {len(answer.findings)} findings, and the bundle holds what they are about.", style="bold red")


def _show(answer: Verification, console: Console) -> None:
    if answer.partitions:
        console.print(_topics(answer))
    for note in answer.notes:
        console.print(f"Note: {note}.", soft_wrap=True)
    for finding in answer.findings:
        field = f", {finding.field}" if finding.field else ""
        more = f" (and {finding.consequences} more)" if finding.consequences else ""
        console.print(f"{finding.cause}: {finding.where}{field}: {finding.what}{more}", style="red", soft_wrap=True)


def _topics(answer: Verification) -> Table:
    table = Table(title=f"{answer.subject}", title_justify="left")
    for column in ("topic", "offsets", "records", "gaps", "event time", "root"):
        table.add_column(column, justify="right" if column == "records" else "left", no_wrap=column != "event time")
    for entry in answer.partitions:
        span = answer.event_time_ms.get(entry.topic)
        since = answer.since.get(entry.topic)
        table.add_row(
            entry.topic,
            "-" if entry.first_offset is None else f"{entry.first_offset} to {entry.last_offset}",
            f"{entry.count:,}" + (f" (+{since:,} since)" if since else ""),
            str(len(entry.gaps)) if entry.gaps else "none",
            "-" if span is None else f"{times.iso(span[0])[:_DAY]} to {times.iso(span[1])[:_DAY]}",
            entry.root[:16],
        )
    return table
