"""`opendt broker`: a run's own Kafka log in the background, for looking at it with any Kafka client."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from opendt_streams.broker import declare
from opendt_streams.broker.run_log import BrokerRecord, live_broker, start_detached, stop_detached
from opendt_streams.cli import options as o
from opendt_streams.cli.output import AsJson, RunDir, print_json
from opendt_streams.errors import BadInput, NegativeAnswer, Unavailable
from opendt_streams.streams.deployment import Deployment

app = typer.Typer(help="Run the Kafka log of a run in the background.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def start(
    run_dir: RunDir,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Client port on 127.0.0.1; a free one otherwise.")] = None,
    as_json: AsJson = False,
) -> None:
    """Start the run's Kafka log and leave it running until `opendt broker stop`.

    Does nothing when it runs already. A folder without a log gets an empty one.

    Example: opendt broker start --run-dir data/my-run --port 9092
    """
    running = live_broker(run_dir)
    if running is not None:
        if running.pid is None:
            raise BadInput("this run uses a cluster of yours", where=running.url, hint="Nothing needs to be started")
        if port not in (None, running.port):
            raise Unavailable(
                f"the run's broker runs already, on port {running.port}",
                where=str(run_dir),
                hint="Stop it first with `opendt broker stop`",
            )
    record = running or start_detached(run_dir, port, quiet=as_json)
    _tell(
        _document(run_dir, record) | {"already_running": running is not None},
        f"Kafka {'runs already' if running else 'runs'} at {record.url} (process {record.pid})",
        as_json,
    )


@app.command()
def stop(run_dir: RunDir, as_json: AsJson = False) -> None:
    """Stop what `opendt broker start` started.

    Example: opendt broker stop --run-dir data/my-run
    """
    _must_exist(run_dir)
    stopped = stop_detached(run_dir)
    words = "Kafka is stopped" if stopped else "Kafka was not running"
    _tell(_document(run_dir, None) | {"stopped": stopped}, words, as_json)


@app.command()
def status(run_dir: RunDir, as_json: AsJson = False) -> None:
    """Tell whether the run's broker runs, and where it answers. The exit code is 1 when it does not run.

    Example: opendt broker status --run-dir data/my-run --json
    """
    _must_exist(run_dir)
    record = live_broker(run_dir)
    if record is None:
        if as_json:
            _tell(_document(run_dir, None), "", as_json)
        raise NegativeAnswer("the broker does not run", where=str(run_dir), hint="`opendt broker start` starts it")
    process = f"process {record.pid}" if record.pid else "your own cluster"
    _tell(_document(run_dir, record), f"Kafka runs at {record.url} ({process})", as_json)


@app.command()
def topics(
    run_dir: RunDir,
    config: o.Config = None,
    datacenter: o.Datacenter = None,
    broker: o.Broker = None,
    namespace: o.Namespace = None,
    as_json: AsJson = False,
) -> None:
    """Make the topics of a run that are missing, with the partitions and retention of its settings; leave the others as they are.

    Services do so when they start. This is for whoever wants to be first, or lets nobody else make topics.

    Example: opendt broker topics --run-dir data/my-run --datacenter SURF --broker kafka://localhost:9092
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    deployment = Deployment.open(run_dir, config, o.as_settings(datacenter=datacenter, broker=broker, namespace=namespace))
    deployment.describe()
    wanted, partitions = deployment.topic_settings(), deployment.settings.kafka.partitions
    asyncio.run(declare(deployment.url, wanted, partitions))
    _tell({"url": deployment.url, "topics": list(wanted), "partitions": partitions}, f"{len(wanted)} topics are there", as_json)


def _must_exist(run_dir: Path) -> None:
    if not run_dir.is_dir():
        raise BadInput("no such folder", expected="the folder of a run", where=str(run_dir))


def _document(run_dir: Path, record: BrokerRecord | None) -> dict[str, Any]:
    document: dict[str, Any] = {"run_dir": str(run_dir), "running": record is not None}
    if record is not None:
        document |= {"url": record.url, "port": record.port, "pid": record.pid, "owner": record.owner}
    return document


def _tell(document: dict[str, Any], words: str, as_json: bool) -> None:
    if as_json:
        print_json(document)
    else:
        typer.echo(words, err=True)
