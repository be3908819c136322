"""The real OpenDC, where OPENDC_HOME says that there is one."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from opendt_streams.engine.opendc.installation import VARIABLE, find_installation
from opendt_streams.engine.opendc.kind import OpenDcKind
from opendt_streams.engine.opendc.options import Options
from opendt_streams.engine.opendc.probe import probe
from opendt_streams.engine.opendc.runner import Runner

needs_opendc: Final = pytest.mark.skipif(VARIABLE not in os.environ, reason=f"{VARIABLE} names no runner of OpenDC (docs/opendc.md)")


@cache
def real_runner() -> Runner:
    options = Options(timeout_ms=60_000, attempts=1)
    return Runner(find_installation(options), options)


@cache
def real_semantics() -> str:
    return probe(real_runner())


def real_kind() -> OpenDcKind:
    return OpenDcKind(real_runner())


def home() -> Path:
    return find_installation(Options()).home
