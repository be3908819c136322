"""`opendt service`: one process of the twin, for compose, systemd or Kubernetes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from opendt_streams.cli import options as o
from opendt_streams.cli.output import RunDir
from opendt_streams.streams.deployment import RUN_DIR_VARIABLE, Deployment
from opendt_streams.streams.service import Service, run_service


def service(
    name: Annotated[Service, typer.Argument(help="Which one.")],
    run_dir: RunDir,
    config: o.Config = None,
    workload: o.Workload = None,
    datacenter: o.Datacenter = None,
    speed: o.Speed = None,
    until: o.Until = None,
    engine: o.Engine = None,
    calibration: o.Calibration = None,
    broker: o.Broker = None,
    namespace: o.Namespace = None,
    port: o.Port = None,
) -> None:
    """Run one service of the twin in the foreground until SIGTERM.

    Settings come from --config, else from the run folder's config.yaml; the broker is the run's own, or yours with --broker.

    Example: opendt service simulator --run-dir data/my-run --datacenter SURF --broker kafka://localhost:9092
    """
    flags = o.as_settings(
        workload=workload,
        datacenter=datacenter,
        speed=speed,
        until=until,
        engine=engine,
        calibration=calibration,
        broker=broker,
        namespace=namespace,
        port=port,
    )
    os.environ[RUN_DIR_VARIABLE] = str(run_dir)
    Path(run_dir).mkdir(parents=True, exist_ok=True)
    deployment = Deployment.open(run_dir, config, flags)
    deployment.describe()
    run_service(name, deployment)
