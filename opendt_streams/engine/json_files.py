"""JSON files that a user names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from opendt_streams.errors import BadInput


def read_json(path: Path) -> Any:
    """What it holds, not looked at any further.

    Raises:
        BadInput: there is no such file, or it is not readable.
    """
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        raise BadInput("no such file", where=str(path)) from None
    except (ValueError, OSError) as error:
        raise BadInput(f"this is not readable JSON ({error})", where=str(path)) from None
