"""A program that asks a runner of OpenDC and is to be killed meanwhile: `python -m … HOME ARCHIVE`."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.contract.engine.standing_in import ask, runner

if __name__ == "__main__":
    ask(runner(Path(sys.argv[1]), Path(sys.argv[2]), timeout_ms=600_000))
