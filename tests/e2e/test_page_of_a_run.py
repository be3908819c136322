"""The page of `opendt run`: its address at once, answers while the twin runs, and stays as long as somebody wants it."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import time
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from opendt_streams.broker.ports import free_port
from opendt_streams.workload.sample import write_sample
from tests.e2e.command import OPENDT, TIMEOUT_S, opendt, wait_gone

pytestmark = pytest.mark.broker
UNTIL = "2024-03-04T03:00:00Z"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    here = tmp_path_factory.mktemp("page")
    write_sample(here / "site", seed=5, days=1, hosts=12)
    return here


def test_the_page_is_told_first_answers_and_stays_until_interrupted(folder: Path) -> None:
    port = free_port(Random())
    command = [*OPENDT, "run", "--workload", "site", "--until", UNTIL, "--run-dir", "run", "--port", str(port), "--serve", "--json"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None and process.stdout is not None
        first = process.stderr.readline()
        assert first.startswith(f"Page: http://127.0.0.1:{port}/")
        assert not (folder / "run" / "services.json").exists(), "the address comes before anything is started"
        seen = _until_complete(port, process)
        assert seen["windows"] >= 36
        document = json.loads("".join(iter(process.stdout.readline, "}\n")) + "}")
        assert document["peak_rss_mb"]["api"] > 0
        manifest = json.loads((folder / "run" / "manifest.json").read_text())
        assert (manifest["state"], manifest["page"]) == ("complete", f"http://127.0.0.1:{port}/")
        pids = [who["pid"] for who in json.loads((folder / "run" / "services.json").read_text()).values()]
        assert httpx.get(f"http://127.0.0.1:{port}/health/ready").status_code == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(TIMEOUT_S) == 0
        assert wait_gone([pid for pid in pids if pid != process.pid]) == []
    finally:
        process.kill()
        process.communicate()


def _until_complete(port: int, process: subprocess.Popen[str]) -> dict[str, Any]:
    """The state of the datacenter, as soon as the API calls it complete."""
    deadline = time.monotonic() + TIMEOUT_S
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", transport=httpx.HTTPTransport(retries=8)) as client:
        while time.monotonic() < deadline and process.poll() is None:
            try:
                answer = client.get("/api/v1/datacenters/site/state")
            except httpx.TransportError:
                continue  # not listening yet
            if answer.status_code == 200 and answer.json()["complete"]:
                found: dict[str, Any] = answer.json()
                return found
    raise AssertionError(f"not complete in time; exit code {process.poll()}")


def test_a_port_that_is_taken_is_refused_before_anything_starts(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        done = opendt(folder, "run", "--workload", "site", "--run-dir", "other", "--port", port)
    assert (done.returncode, f"port {port} of 127.0.0.1" in done.stderr) == (3, True), done.stderr
    assert not (folder / "other").exists()
