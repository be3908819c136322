"""Files that a user names."""

from __future__ import annotations

from pathlib import Path

from opendt_streams.errors import BadInput


def read_bytes(path: Path) -> bytes:
    """
    Raises:
        BadInput: there is no such file, or it is not readable.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise BadInput("no such file", where=str(path)) from None
    except (ValueError, OSError) as error:
        raise BadInput(f"this is not a readable file ({error})", where=str(path)) from None
