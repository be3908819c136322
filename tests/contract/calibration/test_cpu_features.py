"""The same bytes on a processor with fewer instructions (PROTOCOL section 1, Numbers)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[3]


def decisions(**environment: str) -> bytes:
    command = [sys.executable, "-m", "tests.contract.calibration.decide"]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def test_decisions_do_not_depend_on_cpu_features() -> None:
    optional = _optional_features()
    if not optional:
        pytest.skip("this processor, or this build of NumPy, has no features that could be switched off")
    usual = decisions()
    assert len(usual.splitlines()) == 12
    assert decisions(NPY_DISABLE_CPU_FEATURES=" ".join(optional)) == usual


def _optional_features() -> list[str]:
    """What this build of NumPy would use on this processor, and can do without."""
    found: list[str] = np.show_config(mode="dicts")["SIMD Extensions"]["found"]
    return found
