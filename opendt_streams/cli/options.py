"""Flags that `opendt run` and `opendt service` share, and the settings keys that they override."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from opendt_streams.cli.paths import path_option

Config = Annotated[Path | None, path_option("--config", metavar="FILE", help="Settings that differ from the defaults (YAML).")]
Workload = Annotated[Path | None, path_option("--workload", metavar="DIR", help="Workload directory to replay.")]
Datacenter = Annotated[str | None, typer.Option("--datacenter", metavar="ID", help="Id of the datacenter.")]
Speed = Annotated[str | None, typer.Option("--speed", metavar="max|N", help="Simulated seconds per second.")]
Until = Annotated[str | None, typer.Option("--until", metavar="TIME", help="Where the replay ends, such as 2022-10-07T22:00:00Z.")]
Engine = Annotated[str | None, typer.Option("--engine", metavar="native|opendc", help="Simulation engine.")]
Calibration = Annotated[str | None, typer.Option("--calibration", metavar="recursive|least-squares|grid|off", help="Calibration method.")]
Broker = Annotated[str | None, typer.Option("--broker", metavar="URL", help="Your Kafka, such as kafka://host:9092.")]
Port = Annotated[int | None, typer.Option("--port", metavar="N", help="Port of the web page and the API.")]
Namespace = Annotated[str | None, typer.Option("--namespace", metavar="NS", help="Prefix of all topics on a shared cluster.")]


def as_settings(
    *,
    workload: Path | None = None,
    datacenter: str | None = None,
    speed: str | None = None,
    until: str | None = None,
    engine: str | None = None,
    calibration: str | None = None,
    broker: str | None = None,
    namespace: str | None = None,
    port: int | None = None,
) -> dict[str, object]:
    """Dotted settings keys; None where a flag was not given."""
    return {
        "workload.directory": None if workload is None else str(workload),
        "datacenter": datacenter,
        "workload.speed": speed,
        "workload.until": until,
        "engine.name": engine,
        "calibrator.method": calibration,
        "broker": broker,
        "kafka.namespace": namespace,
        "api.port": port,
    }
