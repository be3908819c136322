"""How the real OpenDC is run on this machine. None of it decides about results."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Options:
    """`home`, `java`: None to look for them. `pool`: invocations at the same time; `keep`: archived folders of good ones."""

    home: Path | None = None
    java: Path | None = None
    timeout_ms: int = 120_000
    memory_mib: int = 2048
    pool: int = 1
    attempts: int = 3
    keep: int = 3
