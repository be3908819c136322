"""Sealing a run at its end: from then on `opendt audit verify` finds whatever is changed in its topics."""

from __future__ import annotations

from pathlib import Path

from opendt_streams.audit.evidence import DamagedEvidence, Evidence
from opendt_streams.audit.sealing.kept import Kept
from opendt_streams.audit.sealing.seal import read_all
from opendt_streams.audit.verify.of_run import verify_run
from opendt_streams.audit.verify.verification import Verification


def seal(evidence: Evidence, run_dir: Path) -> tuple[str, list[str]]:
    """The root of the topics, and why they could not be sealed, if so. An earlier seal is replaced only by one that continues it."""
    sealed = read_all(evidence)
    manifest = sealed.manifest({})
    try:
        kept = Kept.read(run_dir)
    except DamagedEvidence as error:
        return manifest.log_root, [f"not sealed: {error}"]
    if kept.manifest is not None:
        answer = Verification(str(run_dir), None)
        verify_run(evidence, sealed, kept, answer, None)
        if not answer.ok:
            return manifest.log_root, [f"not sealed: {answer.findings[0].where}: {answer.findings[0].what}"]
    kept.write(manifest, sealed.rows())
    return manifest.log_root, []
