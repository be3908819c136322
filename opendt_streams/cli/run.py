"""`opendt run`: the whole twin on one machine."""

from __future__ import annotations

import sys
import time
from contextlib import nullcontext
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from opendt_streams.cli import options as o
from opendt_streams.cli.output import DATA, AsJson, people
from opendt_streams.cli.paths import path_option
from opendt_streams.errors import Unavailable
from opendt_streams.paths import absolute
from opendt_streams.run.page import find_page
from opendt_streams.settings import load
from opendt_streams.streams.clock import now_ms

Serve = Annotated[
    bool | None,
    typer.Option("--serve/--no-serve", help="Keep the page up at the end, until Ctrl-C. Default: on a terminal.", show_default=False),
]


def run(
    workload: o.Workload = None,
    external: Annotated[bool, typer.Option("--external", help="No dc-mock: others feed the dc topics.")] = False,
    datacenter: o.Datacenter = None,
    run_dir: Annotated[Path | None, path_option("--run-dir", metavar="DIR", help="Folder of the run; default: a new one in data/.")] = None,
    config: o.Config = None,
    speed: o.Speed = None,
    until: o.Until = None,
    engine: o.Engine = None,
    calibration: o.Calibration = None,
    broker: o.Broker = None,
    namespace: o.Namespace = None,
    port: o.Port = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --run-dir.")] = False,
    serve: Serve = None,
    as_json: AsJson = False,
) -> None:
    """Run the twin until its streams end, and report. Without --workload: a sample datacenter.

    Example: opendt run --workload workload/SURF --speed max --no-serve --json
    """
    began = time.monotonic()
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
    loaded = load(config, flags)
    if loaded.settings.engine.needs_opendc:  # without it not even the page begins; whether it runs is tried later
        import_module("opendt_streams.assembly").opendc_runner(loaded.settings.engine)
    page = find_page(loaded.settings.api, asked=loaded.origins["api.port"] != "default")
    if page is None and serve:
        raise Unavailable("the API is not installed, so there is no page to serve", hint="Install it: pip install ./api")
    if page is not None:
        people(stderr=True).print(f"Page: {page.url}{f'  ({page.note})' if page.note else ''}")
    # What follows takes its time to import: the page is known before.
    planned, doing = import_module("opendt_streams.run.plan"), import_module("opendt_streams.cli.run_doing")
    with nullcontext() if page is None else page.listening:
        plan = planned.make_plan(
            run_dir=run_dir, config=config, flags=flags, external=external, resume=resume, data_dir=absolute(DATA), now_ms=now_ms()
        )
        doing.do(plan, page, stay=sys.stdout.isatty() if serve is None else serve, as_json=as_json, began=began)
