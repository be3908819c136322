"""The `opendt` command: sub-commands, and the one place where errors become messages and exit codes."""

from __future__ import annotations

import signal
import sys
from types import FrameType

import structlog
import typer

from opendt_streams import __version__
from opendt_streams.cli.lazy import lazy_group
from opendt_streams.cli.output import INTERRUPTED
from opendt_streams.errors import OpenDTError

COMMANDS = ("run", "service", "calibrate", "audit", "broker", "config", "data", "engine", "runs", "topology", "twinlog")

app = typer.Typer(
    name="opendt",
    help="A self-calibrating datacenter digital twin on Kafka and Faust, with OpenDC's semantics.",
    cls=lazy_group("opendt_streams.cli", COMMANDS),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # stdout is for what was asked
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
