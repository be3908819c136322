"""The program in docs/audit.md proves a bundle with nothing of ours, and finds what was changed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from opendt_streams.wire import topics
from tests.unit.audit.conftest import Sealed
from tests.unit.audit.tampering import Forger, change_time

PAGE = Path(__file__).resolve().parents[3] / "docs" / "audit.md"


@pytest.fixture
def listing(tmp_path: Path) -> Path:
    found = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert len(found) == 1
    path = tmp_path / "check.py"
    path.write_text(found[0], encoding="utf-8")
    return path


def run(listing: Path, bundle: Path) -> subprocess.CompletedProcess[str]:
    """Outside of the project, so that nothing of it can be imported by accident."""
    return subprocess.run([sys.executable, str(listing), str(bundle)], cwd=listing.parent, capture_output=True, text=True, check=False)


def test_it_gives_the_root(listing: Path, sealed: Sealed) -> None:
    answer = run(listing, sealed.file)
    assert (answer.returncode, answer.stdout.strip(), answer.stderr) == (0, sealed.manifest.root, "")
    assert "opendt" not in listing.read_text(encoding="utf-8")


@pytest.mark.parametrize("level", [Forger.leave, Forger.forge_files, Forger.forge_segments])
def test_it_finds_a_changed_record(listing: Path, sealed: Sealed, tmp_path: Path, level: object) -> None:
    assert callable(level)
    forged = level(Forger.of(sealed.folder, tmp_path / "forged").alter(topics.RESULTS, change_time)).pack()
    assert run(listing, forged).returncode == 1
