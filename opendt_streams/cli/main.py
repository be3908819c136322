"""The `opendt` command: sub-commands, and the one place where errors become messages and exit codes."""

from __future__ import annotations

import signal
import sys
from types import FrameType

import typer

from opendt_streams import __version__
from opendt_streams.cli import (
    audit,
    audit_asof,
    audit_replay,
    broker,
    calibrate,
    config,
    data,
    engine,
    run,
    runs,
    service,
    topology,
    topology_edit,
    twinlog,
)
from opendt_streams.cli.output import INTERRUPTED
from opendt_streams.errors import OpenDTError

app = typer.Typer(
    name="opendt",
    help="A self-calibrating datacenter digital twin on Kafka and Faust, with OpenDC's semantics.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(run.run)
app.command()(service.service)
app.command()(calibrate.calibrate)
app.add_typer(audit.app, name="audit")
audit.app.command("replay")(audit_replay.replay)
audit.app.command("as-of")(audit_asof.as_of)
app.add_typer(broker.app, name="broker")
app.add_typer(config.app, name="config")
app.add_typer(data.app, name="data")
app.add_typer(engine.app, name="engine")
app.add_typer(runs.app, name="runs")
topology.app.command("edit")(topology_edit.edit)
topology.app.command("revert")(topology_edit.revert)
app.add_typer(topology.app, name="topology")
app.add_typer(twinlog.app, name="twinlog")


@app.callback(invoke_without_command=True)
def root(context: typer.Context, version: bool = typer.Option(False, "--version", help="Show the version.")) -> None:
    """A self-calibrating datacenter digital twin on Kafka and Faust, with OpenDC's semantics.

    Example: opendt run
    """
    if version:
        typer.echo(__version__)
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)


class Interrupted(BaseException):
    """Ctrl-C, as something that no library takes for its own."""


def main() -> None:
    """Exit codes: 0 success, 1 a negative answer, 2 wrong use or bad input, 3 something missing or unreachable, 130 interrupted."""
    signal.signal(signal.SIGINT, _interrupt)
    try:
        app()
    except OpenDTError as error:
        sys.exit(_say(str(error), error.exit_code))
    except Interrupted:
        sys.exit(_say("interrupted", INTERRUPTED))


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise Interrupted


def _say(text: str, code: int) -> int:
    typer.echo(f"opendt: {text}", err=True)
    return code
