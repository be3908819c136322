"""One sealed world for all tests that alter copies of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from opendt_streams.audit.sealing.manifest import Manifest
from tests.unit.audit.folders import make_bundle

PEACEFUL_SEED = 3


@dataclass(frozen=True, slots=True)
class Sealed:
    """A bundle, and the folder that was packed."""

    folder: Path
    file: Path
    manifest: Manifest


@pytest.fixture(scope="session")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Sealed:
    base = tmp_path_factory.mktemp("sealed")
    manifest = make_bundle(base / "evidence", PEACEFUL_SEED, base / "run.zip")
    return Sealed(base / "evidence", base / "run.zip", manifest)
