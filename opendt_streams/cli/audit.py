"""`opendt audit verify | export`: the seal over everything that a run's topics hold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from opendt_streams.audit.bundle.packing import pack
from opendt_streams.audit.evidence import DamagedEvidence, Evidence
from opendt_streams.audit.sealing.kept import Kept
from opendt_streams.audit.sealing.manifest import Manifest as Seal
from opendt_streams.audit.sealing.seal import read_all
from opendt_streams.audit.verify.of_bundle import verify_bundle
from opendt_streams.audit.verify.of_run import keep, unreadable, verify_run
from opendt_streams.audit.verify.verification import Verification, checked_root
from opendt_streams.cli import audit_asof, audit_replay
from opendt_streams.cli.audit_files import complete, summary_of
from opendt_streams.cli.audit_words import show_export, show_verification
from opendt_streams.cli.auditing import SomeBundle, SomeRun, copied, require_one
from opendt_streams.cli.log_damage import log_damage
from opendt_streams.cli.output import AsJson, RunDir, people, print_json
from opendt_streams.cli.paths import path_option
from opendt_streams.errors import BadInput, NegativeAnswer

app = typer.Typer(help="Prove from the topics alone what the twin knew, and why it said so.", no_args_is_help=True, rich_markup_mode=None)
app.command("replay")(audit_replay.replay)
app.command("as-of")(audit_asof.as_of)

KeptRoot = Annotated[str | None, typer.Option("--root", metavar="R", help="The root, or log root, that you kept elsewhere.")]
Out = Annotated[Path, path_option("--out", metavar="FILE", help="The bundle to write; nothing may be there yet.", dir_okay=False)]


@app.command()
def verify(file: SomeBundle = None, run_dir: SomeRun = None, root: KeptRoot = None, as_json: AsJson = False) -> None:
    """Find whatever was changed in a run's topics since they were sealed, or anywhere in a bundle.

    A run folder keeps a seal of each successful verification, and is compared with it. Without --root only inner consistency is shown:
    somebody who alters records and seals them anew is found by a root that was kept elsewhere.
    Exit 0: nothing was changed. Exit 1: what was, where, and in which part.

    Example: opendt audit verify run.zip --root 3f2a...
    """
    require_one(run_dir, file)
    kept_root = checked_root(root)
    with _step("verifying", quiet=as_json):
        answer = verify_bundle(file, kept_root) if file is not None else _verify_run(run_dir or Path(), kept_root, quiet=as_json)
    if as_json:
        print_json(answer.document())
    else:
        show_verification(answer)
    if not answer.ok:
        raise typer.Exit(NegativeAnswer.exit_code)


def _verify_run(run_dir: Path, root: str | None, *, quiet: bool) -> Verification:
    answer = Verification(str(run_dir), root)
    answer.add(log_damage(run_dir))
    if answer.findings:
        answer.notes.append("the log was not started: Kafka may cut off what follows the damage")
        return answer
    try:
        kept = Kept.read(run_dir)
        with copied(run_dir, quiet=quiet) as evidence:
            sealed = read_all(evidence)
            manifest = verify_run(evidence, sealed, kept, answer, summary_of(run_dir))
        keep(kept, manifest, sealed, answer)
    except DamagedEvidence as error:
        answer.add([unreadable(error)])
    return answer


@app.command()
def export(run_dir: RunDir, out: Out, as_json: AsJson = False) -> None:
    """Pack everything that an auditor needs into one file, which can be checked without Kafka and on another machine.

    Keep the root that it prints somewhere else: with it, whoever checks the bundle needs to trust nobody. The same run gives the same
    bytes. Exit 1: the bundle was written, but something is wrong with the run.

    Example: opendt audit export --run-dir data/my-run --out run.zip
    """
    if out.exists():
        raise BadInput("this file is there already", expected="a new file", where=str(out), hint="A bundle is never overwritten.")
    if not out.parent.is_dir():
        raise BadInput("no such folder", where=str(out.parent))
    with _step("exporting", quiet=as_json), copied(run_dir, quiet=as_json) as evidence:
        answer, seal = _export(run_dir, evidence, out)
    if as_json:
        print_json(
            {"run_dir": str(run_dir), "file": str(out), "bytes": out.stat().st_size, "root": seal.root, "log_root": seal.log_root}
            | {"verification": answer.document()}
        )
    else:
        show_export(out, seal, answer)
    if not answer.ok:
        raise typer.Exit(NegativeAnswer.exit_code)


def _export(run_dir: Path, evidence: Evidence, out: Path) -> tuple[Verification, Seal]:
    """
    1. The records are sealed and verified. 2. What else belongs into a bundle is put beside them, and the manifest closes it.
    3. All is packed. 4. The run folder remembers the root.
    """
    sealed = read_all(evidence)
    answer = Verification(str(run_dir), None)
    kept = Kept.read(run_dir)
    of_log = verify_run(evidence, sealed, kept, answer, summary_of(run_dir))
    keep(kept, of_log, sealed, answer)
    seal = complete(evidence, sealed, run_dir)
    answer.root = seal.root
    unfinished = out.with_name(f".{out.name}.unfinished")
    try:
        pack(evidence.folder, unfinished)
        unfinished.rename(out)
    finally:
        unfinished.unlink(missing_ok=True)
    try:
        kept.note(seal)
    except OSError as error:
        answer.notes.append(f"the root could not be noted in {kept.folder}: {error.strerror}")
    return answer, seal


@contextmanager
def _step(name: str, *, quiet: bool) -> Iterator[None]:
    """Something that moves, on a terminal."""
    console = people(stderr=True)
    if quiet or not console.is_terminal:
        yield
        return
    with console.status(name):
        yield
