"""What all commands share in what they print: one JSON document on stdout for machines, everything else on stderr."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer
from rich.console import Console

from opendt_streams.cli.paths import path_option

DATA: Final = Path("data")  # the folder that runs land in
INTERRUPTED: Final = 130  # exit code after Ctrl-C, as shells have it

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
RunDir = Annotated[Path, path_option("--run-dir", metavar="DIR", help="Folder of the run.", file_okay=False)]


def print_json(document: Any) -> None:
    """One JSON document on stdout, indented, keys in the order given."""
    typer.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY).decode())


def people(*, stderr: bool = False) -> Console:
    """A console for people. Names and values from users' files are shown as they are, brackets included."""
    return Console(markup=False, highlight=False, stderr=stderr)
