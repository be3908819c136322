"""The files that draw: our modules and style sheets, and D3 as the package XStatic-D3 brings it. Nothing comes from another host."""

from __future__ import annotations

import re
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

from opendt_streams.errors import Unavailable

FOLDER: Final = Path(__file__).resolve().parent / "assets"
D3: Final = "d3.js"
D3_LICENCE: Final = "D3 3, copyright 2010-2016 Michael Bostock, BSD 3-Clause licence"
_D3_PACKAGE: Final = "XStatic-D3"
_D3_FILE: Final = "xstatic/pkg/d3/data/d3.js"
_IMPORT: Final = re.compile(r'^import .*? from "\./(?P<name>[\w.-]+)";\n', re.MULTILINE)
_EXPORT: Final = re.compile(r"^export ", re.MULTILINE)


@cache
def names() -> tuple[str, ...]:
    """Of all shared files, D3 among them."""
    return (D3, *sorted(path.name for path in FOLDER.iterdir()))


@cache
def text(name: str) -> str:
    """The content of one of `names`.

    Raises:
        Unavailable: the installation lacks it.
    """
    path = _d3() if name == D3 else FOLDER / name
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        raise Unavailable(f"{name} is missing from the installation", hint="Install the package again.") from None


def one_script(entry: str) -> str:
    """A module and all that it imports, as one script for a page that has no server to import from.

    Our modules keep to a form that makes this simple: every import is one line that names a file beside it, every export stands before a
    declaration, and no name is declared twice.
    """
    order: list[str] = []

    def visit(name: str) -> None:
        if name in order:
            return
        for found in _IMPORT.finditer(text(name)):
            visit(found["name"])
        order.append(name)

    visit(entry)
    bodies = "\n".join(_EXPORT.sub("", _IMPORT.sub("", text(name))) for name in order)
    return f'(() => {{\n"use strict";\n{bodies}}})();\n'


def _d3() -> Path:
    try:
        return Path(str(distribution(_D3_PACKAGE).locate_file(_D3_FILE)))
    except PackageNotFoundError:
        raise Unavailable(f"the package {_D3_PACKAGE} is not installed", hint="Install opendt-streams again.") from None
