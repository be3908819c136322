"""What docker-compose.yml starts, started: its commands in its environment, in its order, until the sample is complete.

There is no container here: addresses and paths of theirs are translated, and nothing else. A day of the sample is enough.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from opendt_streams.broker.ports import free_port
from opendt_streams.streams.recorder import is_complete
from tests.unit.containers.compose import OURS, entry_point, interpolated

TOKEN = "a-token-of-forty-characters-for-the-test"
PATIENCE_S, POLL_S = 120, 0.2
ONE_DAY = {"OPENDT_WORKLOAD__UNTIL": "2024-03-05T00:00:00Z"}


class Machine:
    """Runs services of the compose file as processes."""

    def __init__(self, folder: Path, broker_url: str) -> None:
        self.folder, self.run_dir, self.port = folder, folder / "run", free_port(Random())
        self.run_dir.mkdir()
        (folder / "api_token").write_text(TOKEN)
        self._places = {
            "kafka://kafka:9092": broker_url,
            "/var/lib/opendt": str(folder),
            "/run/secrets": str(folder),
        }
        self._namespace = folder.name
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        service = OURS[name]
        words = [self._translated(word) for word in service["command"]]
        assert entry_point() == ["opendt"]
        self.processes[name] = self._process([sys.executable, "-m", "opendt_streams.cli", *words], name, self.environment(service))

    def environment(self, service: Mapping[str, Any]) -> dict[str, str]:
        """The image's, the service's, and what keeps tests apart."""
        told = {name: self._translated(interpolated(value)) for name, value in service.get("environment", {}).items()}
        apart = {"OPENDT_KAFKA__NAMESPACE": self._namespace, "OPENDT_RUN_DIR": str(self.run_dir), **ONE_DAY}
        return {name: value for name, value in os.environ.items() if not name.startswith("OPENDT_")} | told | apart

    def healthy(self, name: str) -> bool:
        """By the health check of the compose file."""
        test = OURS[name]["healthcheck"]["test"]
        assert test[:2] == ["CMD", "python"]
        return self._process([sys.executable, *test[2:]], f"{name}-health", self.environment(OURS[name])).wait(PATIENCE_S) == 0

    def ended(self, name: str) -> None:
        assert self.processes[name].wait(PATIENCE_S) == 0, self.said(name)

    def until(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            dead = [name for name, process in self.processes.items() if process.poll() not in (None, 0)]
            assert not dead, self.said(dead[0])
            assert time.monotonic() < deadline, what
            with suppress(subprocess.TimeoutExpired):  # meanwhile, whoever dies is noticed at once
                self.processes["simulator"].wait(POLL_S)

    def said(self, name: str) -> str:
        return f"{name}:\n{(self.folder / f'{name}.log').read_text(errors='replace')[-3_000:]}"

    def _process(self, words: list[str], name: str, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, cwd=self.folder)

    def _translated(self, word: str) -> str:
        """The port of the API is published as another one, as compose's `ports` would."""
        for there, here in self._places.items():
            word = word.replace(there, here)
        return str(self.port) if word == "8000" else word


@pytest.fixture
def machine(tmp_path: Path, broker_url: str) -> Iterator[Machine]:
    found = Machine(tmp_path, broker_url)
    try:
        yield found
    finally:
        for process in found.processes.values():
            process.kill()
            process.wait()


def test_the_services_of_the_compose_file_complete_the_sample(machine: Machine) -> None:
    assert set(OURS) == {"topics", "sample", "simulator", "calibrator", "recorder", "api", "dc-mock"}
    for once in ("topics", "sample"):
        machine.start(once)
    for once in ("topics", "sample"):
        machine.ended(once)
    assert (machine.run_dir / "config.yaml").exists()
    for name in ("simulator", "calibrator", "recorder", "api", "dc-mock"):
        machine.start(name)
    machine.until(lambda: machine.healthy("api"), "the API is ready")
    machine.ended("dc-mock")
    machine.until(lambda: is_complete(machine.run_dir), "the recorder has everything")

    with httpx.Client(base_url=f"http://127.0.0.1:{machine.port}", timeout=30) as client:
        assert client.get("/api/v1/datacenters").status_code == 401  # of every host but the own one
        client.headers["Authorization"] = f"Bearer {TOKEN}"
        machine.until(lambda: bool(client.get("/api/v1/datacenters/sample/state").json()["complete"]), "the API has everything")
        assert client.get("/api/v1/datacenters/sample/state").json()["windows"] >= 288
        query = {"target": "opendt.sample.simulated_power_w", "from": "1709510400", "until": "1709596800", "maxDataPoints": "288"}
        (series,) = client.post("/graphite/render", data=query).json()
        assert len([value for value, _ in series["datapoints"] if value]) == 288
        assert client.get("/graphite/metrics/find", params={"query": "opendt.*"}).json()[0]["text"] == "sample"
    assert not (machine.run_dir / "token").exists()  # the one of the secret holds
    assert len(list((machine.run_dir / "faust").iterdir())) == 3  # workers share the volume, not their tables
