"""Which code this is: the released version and a digest of the source that runs."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from opendt_streams import __version__


@cache
def code_version() -> str:
    """Such as 0.1.0+3f2a9c01d4e5: equal exactly where the code of the package is equal."""
    package = Path(__file__).resolve().parent
    h = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        h.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return f"{__version__}+{h.hexdigest()[:12]}"
