"""The file operations of the twinning log, each of which leaves every file whole or untouched."""

from __future__ import annotations

import os
from pathlib import Path


class Files:
    def write(self, path: Path, content: bytes) -> None:
        """Replace a file at once: under another name, to the disk, then renamed."""
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.tmp")
        self.write_through(temporary, content)
        self.rename(temporary, path)

    def remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)

    def write_through(self, path: Path, content: bytes) -> None:
        with path.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

    def rename(self, temporary: Path, path: Path) -> None:
        temporary.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # the new name is on the disk, too
        finally:
            os.close(folder)
