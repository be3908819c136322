"""Files that belong to the package: beside it in a checkout, inside it in an installed wheel."""

from __future__ import annotations

from pathlib import Path

from opendt_streams.errors import Unavailable

_PACKAGE = Path(__file__).resolve().parent


def resource(name: str) -> Path:
    """The path of `config/default.yaml`, `schemas` and the like."""
    for root in (_PACKAGE / "_data", _PACKAGE.parent):
        if (path := root / name).exists():
            return path
    raise Unavailable(f"{name} is missing from the installation", hint="Install the package again.")
