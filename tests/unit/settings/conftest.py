"""Settings in tests come from the test alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

WriteFile = Callable[[str], Path]


@pytest.fixture(autouse=True)
def _alone(no_settings_from_outside: None) -> None:
    pass


@pytest.fixture
def write(tmp_path: Path) -> WriteFile:
    """Make a settings file with this text."""

    def write_file(text: str) -> Path:
        path = tmp_path / "settings.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write_file
