"""`opendt audit as-of`: what the twin knew at a moment about a time, beside what is known of that time now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final

import typer
from rich.table import Table

from opendt_streams.audit.asof.answers import Answer, AsOf
from opendt_streams.audit.asof.beliefs import Belief
from opendt_streams.cli.auditing import SomeBundle, SomeRun, evidence_of
from opendt_streams.cli.output import AsJson, people, print_json
from opendt_streams.cli.topology_views import SHORT, short
from opendt_streams.model import times
from opendt_streams.topology.log_index import read_time

_NOTHING: Final = "-"


def as_of(
    believed: Annotated[
        str,
        typer.Option(
            "--believed", metavar="R", help="The moment: a time of recording, an offset of sim.topology or an event's id (8 characters do)."
        ),
    ],
    file: SomeBundle = None,
    run_dir: SomeRun = None,
    effective: Annotated[
        str | None, typer.Option("--effective", metavar="TIME", help="About which event time; default: the newest window simulated then.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what the twin knew at a moment, and beside it what is known now: topology, power, last decision, accuracy.

    "What did it show at 14:05" is the left column, "what is true of 14:05" the right one. Accuracy is the mean of the hourly scores
    until then, weighted by samples.

    Example: opendt audit as-of --run-dir data/my-run --believed 2026-03-01T14:05:00Z --effective 2022-10-08T12:00:00Z
    """
    time_ms = None if effective is None else read_time(effective, "--effective", "ISO 8601, such as 2022-10-06T22:00:00Z")
    with evidence_of(run_dir, file, quiet=as_json) as evidence:
        answer = AsOf.of(evidence).ask(believed, time_ms)
        datacenter = evidence.info.datacenter
    if as_json:
        print_json({"datacenter": datacenter, **answer.document()})
        return
    console = people()
    console.print(_table(datacenter, answer))
    for line in answer.changed or ["unchanged since"]:
        console.print(line, soft_wrap=True)


def _table(datacenter: str, answer: Answer) -> Table:
    table = Table(title=f"{datacenter} at {times.iso(answer.effective_ms)}", title_justify="left")
    table.add_column("")
    table.add_column(f"shown at {times.iso(answer.believed_ms)}", overflow="fold")
    table.add_column("true now", overflow="fold")
    for (name, shown), (_, true) in zip(_rows(answer.shown), _rows(answer.true), strict=True):
        table.add_row(name, shown, true, style=None if shown == true else "yellow")
    return table


def _rows(belief: Belief) -> Iterator[tuple[str, str]]:
    found, window, decision, score = belief.event, belief.window, belief.decision, belief.accuracy
    if found is None:
        yield "topology event", belief.undecided or _NOTHING
    else:
        yield (
            "topology event",
            f"#{found.offset} {found.event.id[:SHORT]} {found.event.kind} by {found.event.actor}: {short(found.event.reason)}",
        )
    groups = (belief.parameters or {}).items()
    yield "power models", "\n".join(f"{at}: {', '.join(f'{k} {v}' for k, v in model.items())}" for at, model in groups) or _NOTHING
    start, end = map(times.iso, belief.window_ms)
    yield "window", f"{start} to {end}" + ("" if window else ", not simulated") + (", draining" if window and window.drain else "")
    yield "simulated power", _power(belief.simulated.time_ms, belief.simulated.power_w) if belief.simulated else _NOTHING
    yield "measured power", _power(belief.measured.time_ms, belief.measured.power_w) if belief.measured else _NOTHING
    energy_j = window.energy_j if window else None
    yield "energy of the window", _NOTHING if energy_j is None else f"{energy_j / 3_600_000:.3f} kWh"
    yield "last decision", _NOTHING if decision is None else f"{times.iso(decision.instant_ms)} {decision.outcome}: {decision.reason}"
    half_width = decision.interval_half_width if decision else None
    yield "90 % interval", _NOTHING if half_width is None else f"± {100 * half_width:.2f} %"
    hour = decision.score_in_force if decision else None
    yield "MAPE of the hour before", _percent(hour.mape_percent if hour else None)
    yield "MAPE until then", f"{_percent(score.mape_percent)} over {score.samples} samples"
    yield "skill until then", _NOTHING if score.skill is None else f"{score.skill:.3f}"
    yield "newest window ends", _time(belief.progress.newest_window_end_ms)
    yield "workload read to", _time(belief.progress.workload_watermark_ms)
    yield "power read to", _time(belief.progress.power_watermark_ms)


def _power(time_ms: int, watts: float) -> str:
    return f"{watts:,.1f} W at {times.iso(time_ms)}"


def _percent(value: float | None) -> str:
    return _NOTHING if value is None else f"{value:.2f} %"


def _time(time_ms: int | None) -> str:
    return _NOTHING if time_ms is None else times.iso(time_ms)
