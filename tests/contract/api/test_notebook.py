"""The notebook of the docs runs as it is, cell after cell."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from opendt_api.app import create_app

from tests.contract.api.serving import served
from tests.unit.api.test_routes import context_of_site, principals

pytest.importorskip("matplotlib", reason="matplotlib is not installed")
NOTEBOOK = Path(__file__).resolve().parents[3] / "docs" / "examples" / "notebook.py"


def test_it_runs_and_draws_a_day(tmp_path: Path) -> None:
    context, _ = context_of_site()
    with served(create_app(context, principals(), host="127.0.0.1", per_second=1e6)) as address:
        done = run(tmp_path, address)
    assert done.returncode == 0, done.stderr
    assert "24 windows" in done.stdout
    assert "MAPE" in done.stdout
    assert "<svg" in (tmp_path / "day.svg").read_text()


def test_what_is_wrong_is_one_sentence(tmp_path: Path) -> None:
    context, _ = context_of_site()
    with served(create_app(context, principals(), host="0.0.0.0", per_second=1e6)) as address:
        done = run(tmp_path, address)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "token" in done.stderr


def run(folder: Path, address: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"MPLBACKEND": "Agg", "MPLCONFIGDIR": str(folder)}
    return subprocess.run(
        [sys.executable, str(NOTEBOOK), address], cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
