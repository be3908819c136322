"""Telling damage of a container from another program's packing of the same files."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from opendt_streams.audit.bundle.packing import pack

if TYPE_CHECKING:
    from opendt_streams.audit.bundle.opening import Unpacked

_CHUNK: Final = 2**20
_FEW: Final = 8  # bytes: another zip program changes some in every header, damage changes few

REPACKED: Final = "the bundle was unpacked and packed again by another program; its contents are compared all the same"


def packed_otherwise(file: Path, out: Unpacked) -> None:
    """Compare a file, all of whose contents have been unpacked, with their canonical packing."""
    with tempfile.TemporaryDirectory(prefix="opendt-packed-") as folder:
        canonical = Path(folder) / "canonical.zip"
        pack(out.folder, canonical)
        size, expected = file.stat().st_size, canonical.stat().st_size
        differing = _differing(file, canonical)
        extra = size > expected and _inserted(file, canonical, differing[0] if differing else expected)
    if not differing and size == expected:
        return
    if extra:
        at = differing[0] if differing else expected
        out.found(file.name, f"damaged at byte {at} of the container: {size - expected} bytes were put in that belong to nothing")
    elif size == expected and len(differing) <= _FEW:
        out.found(file.name, f"damaged at byte {differing[0]} of the container: it is not as it was packed")
    else:
        out.notes.append(REPACKED)


def _inserted(file: Path, canonical: Path, at: int) -> bool:
    """Whether the file is the canonical one with something put in at a byte up to which they are equal."""
    with file.open("rb") as one, canonical.open("rb") as other:
        one.seek(at - canonical.stat().st_size, os.SEEK_END)
        other.seek(at)
        while chunk := other.read(_CHUNK):
            if one.read(len(chunk)) != chunk:
                return False
    return True


def _differing(a: Path, b: Path) -> list[int]:
    """Where the first bytes are that differ, up to the length of the shorter file: one more than few at most."""
    found: list[int] = []
    at = 0
    with a.open("rb") as one, b.open("rb") as other:
        while (mine := one.read(_CHUNK)) and (theirs := other.read(_CHUNK)):
            if mine != theirs:
                found += [at + i for i, (x, y) in enumerate(zip(mine, theirs, strict=False)) if x != y][: _FEW + 1]
            if len(found) > _FEW:
                break
            at += len(mine)
    return found
