"""A run folder that several services share: each may be the first to describe it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
import yaml

from opendt_streams.settings import load
from opendt_streams.streams.deployment import Deployment

URL = "kafka://127.0.0.1:9"


@pytest.mark.usefixtures("no_settings_from_outside")
def test_services_that_start_at_once_describe_the_run_together(tmp_path: Path) -> None:
    """Threads have one pid, as containers that share a volume may; whoever wrote last, the files are whole and nothing is left over."""
    settings = load(None, {"datacenter": "site", "broker": URL}).settings
    for attempt in range(20):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        together = Barrier(8)

        def describe(deployment: Deployment, together: Barrier = together) -> None:
            together.wait()
            deployment.describe()

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(describe, [Deployment(folder, settings, URL)] * 8))
        assert yaml.safe_load((folder / "config.yaml").read_text())["datacenter"] == "site"
        assert {path.name for path in folder.iterdir()} == {"config.yaml", "broker.json"}
        assert Deployment.open(folder).settings == settings
