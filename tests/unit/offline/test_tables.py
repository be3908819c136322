"""The tables of docs/calibration.md say what the code gives: the sample's is made anew."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_the_table_of_the_sample_is_up_to_date() -> None:
    command = [sys.executable, "benchmarks/calibration.py", "--check", "sample"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
