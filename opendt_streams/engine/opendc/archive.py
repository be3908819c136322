"""Folders of invocations: made for one attempt, then kept with everything in them where that may help, else deleted."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from itertools import count
from pathlib import Path
from typing import Final

import psutil

_MOST_FAILED: Final = 20
_WORK: Final = "work"


class Archive:
    """`folder` None: in the machine's folder for temporary files, and gone with us."""

    def __init__(self, folder: Path | None, keep: int) -> None:
        self._keep, self._numbers = keep, count(1)
        self.stays = folder is not None
        if folder is None:
            folder = Path(tempfile.mkdtemp(prefix="opendt-opendc-"))
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self.folder = folder.absolute()  # invocations have it as their working directory
        for left in (folder / _WORK).glob("*"):  # by a process that was killed
            owner = left.name.partition("-")[0]
            if not owner.isdigit() or not psutil.pid_exists(int(owner)):
                shutil.rmtree(left, ignore_errors=True)

    def open(self) -> Path:
        """An empty folder for an attempt."""
        folder = self.folder / _WORK / f"{os.getpid()}-{next(self._numbers)}"
        folder.mkdir(parents=True)
        return folder

    def close(self, folder: Path, label: str, *, failed: bool) -> Path | None:
        """Put a finished attempt where it stays: the newest good ones, the newest failed ones."""
        shelf = self.folder / ("failed" if failed else "good")
        keep = _MOST_FAILED if failed else self._keep
        kept = None
        if keep:
            shelf.mkdir(exist_ok=True)
            kept = shelf / label
            shutil.rmtree(kept, ignore_errors=True)
            folder.replace(kept)
            os.utime(kept)
        shutil.rmtree(folder, ignore_errors=True)
        if shelf.is_dir():
            for old in sorted(shelf.iterdir(), key=lambda p: p.stat().st_mtime_ns)[: -keep or None]:
                shutil.rmtree(old, ignore_errors=True)
        return kept
