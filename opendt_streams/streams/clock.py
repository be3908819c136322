"""The wall clock, which paces replays and stamps headers, and never decides anything."""

from __future__ import annotations

import time


def now_ms() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000
