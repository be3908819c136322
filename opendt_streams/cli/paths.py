"""Options and arguments that name a file or folder: commands see it absolute, whatever was typed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from opendt_streams.paths import absolute


def given(path: Path | None) -> Path | None:
    return None if path is None else absolute(path)


def path_option(*names: str, **more: Any) -> Any:
    """`typer.Option` of a path."""
    return typer.Option(*names, callback=given, **more)


def path_argument(**more: Any) -> Any:
    """`typer.Argument` of a path."""
    return typer.Argument(callback=given, **more)
