"""Fixtures of unit tests."""

from __future__ import annotations

import os

import pytest


@pytest.fixture
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of whoever runs the tests sets nothing."""
    for name in list(os.environ):
        if name.startswith("OPENDT_") or name == "WORKLOAD_DIR":
            monkeypatch.delenv(name)
