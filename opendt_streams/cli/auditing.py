"""What the audit commands look at: a run's topics, copied once, or a bundle."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from opendt_streams.audit.bundle.opening import opened
from opendt_streams.audit.evidence import Evidence
from opendt_streams.cli.paths import path_argument, path_option
from opendt_streams.cli.reading import open_run
from opendt_streams.errors import BadInput
from opendt_streams.streams.copy import copy_topics

SomeRun = Annotated[Path | None, path_option("--run-dir", metavar="DIR", help="Folder of the run.", file_okay=False)]
SomeBundle = Annotated[Path | None, path_argument(metavar="[FILE]", help="A bundle that `opendt audit export` wrote.")]


@contextmanager
def evidence_of(run_dir: Path | None, file: Path | None, *, quiet: bool) -> Iterator[Evidence]:
    """The evidence of a run or in a bundle, for as long as the block. The run's broker is stopped again before it begins.

    Raises:
        BadInput: not exactly one of the two is given, or it is not there.
        BrokerUnavailable: the run's log cannot be reached or started.
        DamagedEvidence: the log or the bundle is damaged.
    """
    require_one(run_dir, file)
    if file is not None:
        with opened(file) as evidence:
            yield evidence
    elif run_dir is not None:
        with copied(run_dir, quiet=quiet) as evidence:
            yield evidence


@contextmanager
def copied(run_dir: Path, *, quiet: bool) -> Iterator[Evidence]:
    """A run's topics as they are now, with the same errors."""
    with tempfile.TemporaryDirectory(prefix="opendt-evidence-") as folder:
        with open_run(run_dir, quiet=quiet) as deployment:
            asyncio.run(copy_topics(deployment, Path(folder)))
        yield Evidence(Path(folder))


def require_one(run_dir: Path | None, file: Path | None) -> None:
    """Exactly one of the two.

    Raises:
        BadInput: none or both are given.
    """
    if (run_dir is None) == (file is None):
        raise BadInput(
            "nothing to audit is given" if file is None else "a run and a bundle are given",
            expected="--run-dir DIR, or the FILE of a bundle",
        )
