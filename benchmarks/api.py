"""How fast the API answers while the twin runs at 300 times real time, and what it holds in memory after 30 days.

Run: make bench, or python benchmarks/api.py [--quick] [--write]. Everything is the real thing: `opendt run` on a sample that is made here,
with its Kafka and all its services; the load comes from this process, each request when it is due, whatever became of the one before, and a
request's time counts from then. Broker, services and load share the machine.
"""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp
import fastapi
import httpx
import numpy as np
from figures import HEAD, machine, parser, show

from opendt_streams.workload.sample import write_sample

PER_SECOND, SECONDS, SPEED = 200, 30, 300
SERIES: Final = "/api/v1/datacenters/sample/series"
DAY: Final = {"metric": "simulated_power_w,measured_power_w", "resolution": "5m"}  # the newest 24 hours, which is the default range
AHEAD_WINDOWS: Final = 72  # 6 h, which dc-mock may be ahead
PATIENCE_S = 600.0


@contextmanager
def running(run_dir: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "opendt_streams.cli", "run", "--run-dir", str(run_dir), "--no-serve", "--json", *arguments]
    process = subprocess.Popen(command, cwd=run_dir.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.communicate()


def windows_seen(client: httpx.Client) -> int:
    try:
        answer = client.get("/api/v1/datacenters/sample/state")
    except httpx.TransportError:
        return 0
    return int(answer.json()["windows"]) if answer.status_code == 200 else 0


def wait_for_windows(run_dir: Path, process: subprocess.Popen[str], windows: int) -> str:
    """The page's address, once the API knows of so many windows."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        manifest = run_dir / "manifest.json"
        page = json.loads(manifest.read_text())["page"] if manifest.exists() else None
        if page is not None:
            with httpx.Client(base_url=page) as client:
                if windows_seen(client) >= windows:
                    return str(page)
        time.sleep(0.2)
    raise SystemExit(f"{windows} windows were not simulated: {process.communicate()}")


async def load(page: str, seconds: int) -> tuple[list[float], int]:
    """Latencies in seconds of PER_SECOND requests a second, and how many windows came meanwhile."""
    latencies: list[float] = []
    async with aiohttp.ClientSession(page, raise_for_status=True) as client:
        before, began = await _windows(client), time.monotonic()

        async def ask(due: float) -> None:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            async with client.get(SERIES, params=DAY) as answer:
                await answer.read()
            latencies.append(time.monotonic() - due)

        await asyncio.gather(*(ask(began + n / PER_SECOND) for n in range(PER_SECOND * seconds)))
        return latencies, await _windows(client) - before


async def _windows(client: aiohttp.ClientSession) -> int:
    async with client.get("/api/v1/datacenters/sample/state") as answer:
        return int((await answer.json())["windows"])


def under_load(folder: Path, seconds: int) -> str:
    """A day at full speed, so that there is a day to ask for; then on at 300 times real time while the load is on."""
    write_sample(folder / "sample", seed=1, days=7)
    run_dir, workload = folder / "live", ("--workload", str(folder / "sample"))
    with running(run_dir, *workload, "--speed", "10000") as process:
        wait_for_windows(run_dir, process, 300)
    with running(run_dir, "--resume", "--speed", str(SPEED)) as process:
        reached = 300 + AHEAD_WINDOWS + 10  # what had been sent before is simulated: from now on windows come at the pace of the replay
        page = wait_for_windows(run_dir, process, reached)
        latencies, windows = asyncio.run(load(page, seconds))
    p50, p95, worst = np.percentile(latencies, [50, 95, 100]) * 1e3
    more = f"median {p50:.1f} ms, worst {worst:.0f} ms; {windows} windows came meanwhile"
    return f"| {PER_SECOND} requests/s of a day in 5 min steps, twin at {SPEED}x | p95 {p95:.1f} ms | {more} | {_peak_mb(run_dir)} |"


def in_memory(folder: Path, days: int) -> str:
    """A whole run at full speed."""
    write_sample(folder / "long", seed=2, days=days)
    with running(folder / "whole", "--workload", str(folder / "long"), "--speed", "max") as process:
        out, err = process.communicate()
    if process.returncode != 0:
        raise SystemExit(err)
    summary: dict[str, Any] = json.loads(out)
    more = f"{summary['windows']:,} windows, {summary['calibrations']} calibrations; run and all"
    return f"| {days} days | {summary['wall_seconds']:.0f} s | {more} | {summary['peak_rss_mb']['api']:.0f} MB |"


def _peak_mb(run_dir: Path) -> str:
    summary = json.loads((run_dir / "manifest.json").read_text())["summary"]
    return f"{summary['peak_rss_mb']['api']:.0f} MB"


def table(seconds: int, days: int) -> Iterator[str]:
    yield machine(fastapi)
    yield ""
    yield from HEAD
    with tempfile.TemporaryDirectory(prefix="opendt-bench-") as folder:
        yield under_load(Path(folder), seconds)
        yield in_memory(Path(folder), days)


def main() -> None:
    arguments = parser(__doc__, "10 s of load, a run of 3 days").parse_args()
    show(table(*((10, 3) if arguments.quick else (SECONDS, 30))), Path(__file__) if arguments.write else None, "The API")


if __name__ == "__main__":
    main()
