"""Disks: one that does not wait, and one on which the process is killed in the middle."""

from __future__ import annotations

from pathlib import Path

from opendt_streams.twinlog.files import Files


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


class Impatient(Files):
    """Does not wait for the disk."""

    def write_through(self, path: Path, content: bytes) -> None:
        path.write_bytes(content)

    def rename(self, temporary: Path, path: Path) -> None:
        temporary.replace(path)


class Killed(BaseException):
    """Not an Exception: nothing may catch it and go on."""


class Mortal(Impatient):
    """Dies in the operation of this number: a write is cut in half, a rename or removal does not happen."""

    def __init__(self, dies_at: int) -> None:
        self._left = dies_at

    def _live(self) -> bool:
        self._left -= 1
        return self._left >= 0

    def write_through(self, path: Path, content: bytes) -> None:
        lives = self._live()
        super().write_through(path, content if lives else content[: len(content) // 2])
        if not lives:
            raise Killed

    def rename(self, temporary: Path, path: Path) -> None:
        if not self._live():
            raise Killed
        super().rename(temporary, path)

    def remove(self, path: Path) -> None:
        if not self._live():
            raise Killed
        super().remove(path)
