"""Opening a bundle that came from anywhere: nothing of it is trusted, and only files with the names of a bundle are unpacked.

A byte that changed is found wherever it is. In a file's content the zip's checksum tells. In the container, where nothing may depend on
it, the comparison with the canonical packing of the same contents tells: few other bytes are damage, many another program's packing.
"""

from __future__ import annotations

import copy
import struct
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from opendt_streams.audit.bundle.container import packed_otherwise
from opendt_streams.audit.bundle.packing import NAMES
from opendt_streams.audit.evidence import TOPICS_FOLDER, DamagedEvidence, Evidence, first_line
from opendt_streams.audit.finding import Finding
from opendt_streams.errors import BadInput

# A bundle is hardly smaller than its contents, which are compressed already. What claims more is made to fill the disk.
MOST_EXPANSION: Final = 100
MOST_ANYWAY: Final = 64 * 2**20
_CHUNK: Final = 2**20

# What zipfile raises over bytes that are no zip file, or one that it cannot read.
_NO_ZIP: Final = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    RuntimeError,  # encrypted, and methods of compression that this Python lacks
    ValueError,
    IndexError,
    OverflowError,
    MemoryError,
)


@dataclass(slots=True)
class Unpacked:
    """What came out. `damaged` names the files whose bytes are not those that the zip's checksum is of."""

    folder: Path
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    damaged: set[str] = field(default_factory=set)

    def found(self, where: str, what: str) -> None:
        self.findings.append(Finding(where, what, "damage"))


@contextmanager
def opened(file: Path) -> Iterator[Evidence]:
    """The evidence in a bundle, unpacked for as long as the block. It is sound as a container; `verify` proves what it says.

    Raises:
        BadInput: there is no such file.
        DamagedEvidence: it is no bundle, or not as it was packed.
    """
    with unpacked(file) as found:
        if found.findings:
            first = found.findings[0]
            raise DamagedEvidence(first.what, where=f"{file}: {first.where}", hint="`opendt audit verify` says all that is wrong.")
        try:
            evidence = Evidence(found.folder)
        except BadInput as error:
            raise DamagedEvidence(error.what, expected=error.expected, where=f"{file}: {error.where}") from None
        yield evidence


@contextmanager
def unpacked(file: Path) -> Iterator[Unpacked]:
    """Everything that can be unpacked safely, and what is wrong with the rest. Damaged files are unpacked as they are.

    Raises:
        BadInput: there is no such file.
    """
    if not file.is_file():
        raise BadInput("no such file", expected="a bundle as `opendt audit export` writes it", where=str(file))
    with tempfile.TemporaryDirectory(prefix="opendt-bundle-") as folder:
        out = Unpacked(Path(folder))
        (out.folder / TOPICS_FOLDER).mkdir()
        try:
            with zipfile.ZipFile(file) as archive:
                _unpack(archive, file.stat().st_size, out)
        except _NO_ZIP as error:
            out.found(file.name, f"this is no zip file, or the end of it is missing: {first_line(error)}")
        if not out.findings:
            packed_otherwise(file, out)
        yield out


def _unpack(archive: zipfile.ZipFile, size: int, out: Unpacked) -> None:
    entries = [e for e in archive.infolist() if e.filename != f"{TOPICS_FOLDER}/"]
    declared, most = sum(e.file_size for e in entries), size * MOST_EXPANSION + MOST_ANYWAY
    if declared > most:
        out.found(
            archive.filename or "", f"the contents claim to be {declared} bytes, more than a bundle of {size} bytes can hold; not unpacked"
        )
        return
    for name, times in Counter(e.filename for e in entries).items():
        if name not in NAMES:
            out.found(_shown(name), "no bundle has a file of this name; it was not unpacked")
        elif times > 1:
            out.found(name, f"the bundle holds {times} files of this name; none was unpacked")
        else:
            _unpack_entry(archive, archive.getinfo(name), out)


def _unpack_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, out: Unpacked) -> None:
    unchecked = copy.copy(entry)
    del unchecked.CRC  # zipfile then hands out the damaged bytes too, in which the damage can be located
    checksum = 0
    try:
        with archive.open(unchecked) as source, (out.folder / entry.filename).open("wb") as target:
            while chunk := source.read(_CHUNK):
                checksum = zlib.crc32(chunk, checksum)
                target.write(chunk)
    except _NO_ZIP as error:
        out.damaged.add(entry.filename)
        out.found(entry.filename, f"cannot be unpacked: {first_line(error)}")
        return
    if checksum != entry.CRC:
        out.damaged.add(entry.filename)
        out.found(entry.filename, "the zip's own checksum of this file does not fit its bytes")


def _shown(name: str) -> str:
    """A name that may be anything, as one printable word of bearable length."""
    return name.encode("unicode_escape", "replace").decode()[:100] or "(no name)"
