"""Starting one service as this process: by `opendt service NAME`, which is also what `opendt run` starts as its children."""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Final, TextIO

import faust
import structlog

from opendt_streams.assembly import require_engine
from opendt_streams.broker import declare
from opendt_streams.errors import Unavailable
from opendt_streams.streams import dc_mock, lifeline
from opendt_streams.streams.deployment import Deployment


class Service(StrEnum):
    DC_MOCK = "dc-mock"
    SIMULATOR = "simulator"
    CALIBRATOR = "calibrator"
    RECORDER = "recorder"
    API = "api"


SOCKET_VARIABLE: Final = "OPENDT_API_SOCKET"  # descriptor of a socket that the API inherits and serves, instead of its port
FAUST_SERVICES: Final = (Service.SIMULATOR, Service.CALIBRATOR, Service.RECORDER)


def run_service(name: Service, deployment: Deployment) -> None:
    """Run until the service ends by itself (dc-mock) or is told to by SIGTERM or SIGINT."""
    lifeline.hold()
    log_to_stderr()
    if name is Service.SIMULATOR:
        require_engine(deployment.settings)
    if name is Service.DC_MOCK:
        asyncio.run(dc_mock.run(deployment))
        return
    if name is Service.API:
        _serve_api(deployment)
        return
    module = importlib.import_module(f"opendt_streams.streams.{name.value}")
    asyncio.run(declare(deployment.url, deployment.topic_settings(), deployment.settings.kafka.partitions))
    nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - for Faust's spinner, which writes until the very end
    worker = faust.Worker(module.create(deployment), loglevel=logging.WARNING, redirect_stdouts=False, quiet=True, stdout=nowhere)
    worker.execute_from_commandline()


def _serve_api(deployment: Deployment) -> None:
    """The API is a package of its own, which this one does without."""
    try:
        server = importlib.import_module("opendt_api.server")
    except ModuleNotFoundError as error:
        raise Unavailable(f"the API is not installed: no module {error.name}", hint="Install it: pip install ./api") from None
    asyncio.run(declare(deployment.url, deployment.topic_settings(), deployment.settings.kafka.partitions))
    server.serve(deployment)


def log_to_stderr() -> None:
    """One JSON object a line, with the time, for whoever collects the log."""
    log_to(sys.stderr)


def log_to(file: TextIO) -> None:
    """Our own log lines as JSON, those of libraries as they come."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(file),
        cache_logger_on_first_use=True,
    )
