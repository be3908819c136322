"""What a query costs depends on what it returns: ten times the history is not read for the same range."""

from __future__ import annotations

from typing import Any

import pytest
from opendt_api.context import Context
from opendt_api.graphite import readings
from opendt_api.graphite.catalogue import catalogue
from opendt_api.graphite.functions import evaluate
from opendt_api.graphite.span import Span

from opendt_streams.projection import series
from opendt_streams.projection.resample import resample
from tests.unit.api.site import HOUR, SITE, T0, WINDOW
from tests.unit.graphite.lively import END, WINDOWS, logs, projected

SPAN = Span(T0 + HOUR, T0 + 3 * HOUR, WINDOW)
TARGETS = [f"opendt.{SITE}.*", f"opendt.{SITE}.{{clusters,windows,scores,decisions}}.*", f"opendt.{SITE}.clusters.*.*"]


@pytest.mark.parametrize("target", TARGETS)
def test_rows_read_do_not_grow_with_history(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []

    def counting(time_ms: Any, *rest: Any) -> Any:
        read.append(len(time_ms))
        return resample(time_ms, *rest)

    monkeypatch.setattr(series, "resample", counting)
    monkeypatch.setattr(readings, "resample", counting)
    counts = []
    for windows in (WINDOWS, 10 * WINDOWS):
        read.clear()
        context = Context(projected(logs(windows), SITE), lambda: END, ready=lambda: True, datacenter=SITE)
        assert evaluate(catalogue(context), [target], SPAN)
        counts.append(list(read))
    assert counts[0] == counts[1]
    assert sum(counts[0]) > 0
