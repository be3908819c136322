"""`opendt config`: which settings are in force and where each came from; whether a file of settings is right."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from opendt_streams.cli import options as o
from opendt_streams.cli.output import AsJson, people, print_json
from opendt_streams.cli.paths import path_argument
from opendt_streams.settings import Loaded, effective_values, load

app = typer.Typer(help="Settings: what is in force, and whether a file is right.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def show(config: o.Config = None, as_json: AsJson = False) -> None:
    """Print every effective setting and where it came from: a default, the file, or the environment.

    Example: opendt config show --config experiment.yaml
    """
    loaded = load(config)
    if as_json:
        print_json(_document(loaded))
        return
    table = Table()
    for column in ("setting", "value", "from"):
        table.add_column(column, overflow="fold")
    for key, value in effective_values(loaded.settings).items():
        origin = loaded.origins[key]
        table.add_row(key, "-" if value in (None, "") else str(value), origin, style=None if origin == "default" else "bold")
    people().print(table)
    _show_notes(loaded)


@app.command()
def check(
    file: Annotated[Path, path_argument(metavar="FILE", help="Settings in our form, or an experiment file of OpenDT's.")],
    as_json: AsJson = False,
) -> None:
    """Find out whether a settings file can be used. The exit code is 2 if not, and the message says what is wrong.

    Example: opendt config check experiment.yaml
    """
    loaded = load(file)
    changed = sorted(key for key, origin in loaded.origins.items() if origin == str(file))
    if as_json:
        print_json({"file": str(file), "sets": changed, "notes": list(loaded.notes)})
        return
    people().print(f"{file} is right; it sets {', '.join(changed) or 'nothing'}", soft_wrap=True)
    _show_notes(loaded)


def _document(loaded: Loaded) -> dict[str, Any]:
    values = effective_values(loaded.settings)
    return {
        "settings": {key: {"value": value, "from": loaded.origins[key]} for key, value in values.items()},
        "notes": list(loaded.notes),
    }


def _show_notes(loaded: Loaded) -> None:
    for note in loaded.notes:
        people(stderr=True).print(f"Note: {note}", style="yellow", soft_wrap=True)
