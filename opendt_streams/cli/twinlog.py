"""`opendt twinlog`: the Parquet projection of a run, made anew from its topics, and its digest."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from opendt_streams.audit.replay.machines import logged_machines
from opendt_streams.audit.replay.projection import rebuild_twinlog
from opendt_streams.cli.auditing import copied
from opendt_streams.cli.output import AsJson, RunDir, people, print_json
from opendt_streams.cli.paths import path_option
from opendt_streams.errors import BadInput, NegativeAnswer, Unavailable
from opendt_streams.run.manifest import MANIFEST_FILE, Manifest
from opendt_streams.twinlog.digest import twinlog_digest
from opendt_streams.twinlog.rebuild import differing
from opendt_streams.twinlog.writer import twinlog_folder

app = typer.Typer(help="The twinning log: the Parquet files that the topics give.", no_args_is_help=True, rich_markup_mode=None)

Out = Annotated[Path | None, path_option("--out", metavar="DIR", help="Where to write; default: what is missing in the run's own folder.")]


@app.command("rebuild")
def rebuild(run_dir: RunDir, out: Out = None, as_json: AsJson = False) -> None:
    """Make the twinning log anew from the topics alone, and compare it with the recorded one byte for byte.

    Example: opendt twinlog rebuild --run-dir data/my-run --out /tmp/twinlog
    """
    recorded = twinlog_folder(run_dir)
    if out is not None and (out.is_file() or (out.is_dir() and any(out.iterdir()))):
        raise BadInput("this is in the way", expected="a folder that is empty or not there yet", where=str(out))
    if out is None and _is_under_way(run_dir):
        raise Unavailable("this run is under way", where=str(run_dir), hint="Give --out DIR, or wait until it ends.")
    with copied(run_dir, quiet=as_json) as evidence, tempfile.TemporaryDirectory(prefix="opendt-twinlog-") as folder:
        rebuilt = out or Path(folder)
        complete = rebuild_twinlog(evidence, logged_machines(evidence).grid, rebuilt).done
        names = differing(recorded, rebuilt)
        missing = [name for name in names if not (recorded / name).exists()]
        different = [name for name in names if (recorded / name).exists()]
        if out is None:
            for name in missing:
                (recorded / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(rebuilt / name, recorded / name)
        digest = twinlog_digest(rebuilt)
    answer = {"run_dir": str(run_dir), "out": str(out or recorded), "digest": digest, "complete": complete}
    if as_json:
        print_json({**answer, "equal": not names, "different": different, "missing": missing})
    else:
        _say(out, recorded, digest, different, missing)
    if different:
        raise NegativeAnswer(
            f"{different[0]} holds other bytes than the topics give ({len(different)} files differ)",
            where=str(recorded),
            hint="It was changed after it was written, or written by another version; move the folder away and rebuild.",
        )


@app.command("digest")
def digest(run_dir: RunDir, as_json: AsJson = False) -> None:
    """Print the digest of the recorded twinning log: of its rows in order, not of file bytes.

    Example: opendt twinlog digest --run-dir data/my-run
    """
    folder = twinlog_folder(run_dir)
    if not folder.is_dir():
        raise BadInput("no twinning log here", expected="the folder of a run, with its twinlog/", where=str(run_dir))
    value = twinlog_digest(folder)
    if as_json:
        print_json({"run_dir": str(run_dir), "digest": value})
    else:
        typer.echo(value)


def _is_under_way(run_dir: Path) -> bool:
    return (run_dir / MANIFEST_FILE).exists() and Manifest.read(run_dir).state_now(run_dir) == "running"


def _say(out: Path | None, recorded: Path, digest: str, different: list[str], missing: list[str]) -> None:
    console = people()
    console.print(f"The twinning log, made anew{f' in {out}' if out else ''}: digest {digest}", soft_wrap=True)
    if missing and out is None:
        console.print(f"{len(missing)} files were missing in {recorded} and are there again.", soft_wrap=True)
    elif missing:
        console.print(f"{len(missing)} files are not in {recorded}.", soft_wrap=True)
    if not different:
        console.print(f"Every file in {recorded} is the same, byte for byte.", soft_wrap=True)
