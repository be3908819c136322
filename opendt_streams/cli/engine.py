"""`opendt engine`: the engines by themselves, on OpenDC's experiment files and against each other."""

from __future__ import annotations

import typer

from opendt_streams.cli import engine_compare, engine_run

app = typer.Typer(help="Simulate OpenDC experiment files, with the twin's own engine or the real OpenDC.", no_args_is_help=True)
app.command("run")(engine_run.run)
app.command("compare")(engine_compare.compare)
