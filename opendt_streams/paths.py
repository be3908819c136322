"""Paths of the user's, made absolute once, where they come in: a child process or a later command has another working directory."""

from __future__ import annotations

from pathlib import Path

from opendt_streams.errors import BadInput


def absolute(path: Path) -> Path:
    """The same file or folder wherever it is asked for. Links stay as they are, unless `..` leads out of one.

    Raises:
        BadInput: the working directory is gone, or the name cannot be written as text, which all our files are.
    """
    try:
        found = path.resolve() if ".." in path.parts else path.absolute()
    except FileNotFoundError:
        raise BadInput("the working directory does not exist any more", where=str(path), hint="Change into another one.") from None
    try:
        str(found).encode()
    except UnicodeEncodeError:
        raise BadInput("the name of this path is not UTF-8", where=ascii(str(found)), hint="Rename it, or reach it by a link.") from None
    return found


def settled(path: Path) -> Path:
    """`absolute` for paths in settings and in variables, where no shell puts the home folder for `~`."""
    try:
        return absolute(path.expanduser())
    except RuntimeError:  # nobody's home
        return absolute(path)
