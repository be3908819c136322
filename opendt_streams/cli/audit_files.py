"""What a bundle holds besides the records: settings, the run's own words, the digest of its twinning log, the report."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from opendt_streams.audit.evidence import Evidence
from opendt_streams.audit.report.document import SUMMARY_FILE, TWINLOG_FILE
from opendt_streams.audit.report.files import report_files
from opendt_streams.audit.sealing.manifest import Manifest as Seal
from opendt_streams.audit.sealing.seal import Sealed, write_seal
from opendt_streams.run.manifest import MANIFEST_FILE, Manifest
from opendt_streams.streams.deployment import CONFIG_FILE
from opendt_streams.twinlog.digest import twinlog_digest
from opendt_streams.twinlog.writer import TwinLog, twinlog_folder


def complete(evidence: Evidence, sealed: Sealed, run_dir: Path) -> Seal:
    """Put everything else into the folder of evidence, and seal it. Equal runs give equal bytes.

    Raises:
        BadInput: the run's manifest cannot be understood.
    """
    folder = evidence.folder
    shutil.copyfile(run_dir / CONFIG_FILE, folder / CONFIG_FILE)
    log = TwinLog(twinlog_folder(run_dir))
    _write(folder / SUMMARY_FILE, _about(run_dir))
    _write(folder / TWINLOG_FILE, {"digest": twinlog_digest(log.folder) if log.complete else None})
    for name, content in report_files(evidence, sealed).items():
        (folder / name).write_bytes(content)
    return write_seal(folder, sealed)


def summary_of(run_dir: Path) -> Mapping[str, Any] | None:
    """What the run said of itself at its end; None where it did not."""
    return Manifest.read(run_dir).summary if (run_dir / MANIFEST_FILE).is_file() else None


def _about(run_dir: Path) -> dict[str, Any]:
    """The run's manifest, if `opendt run` made one."""
    if not (run_dir / MANIFEST_FILE).is_file():
        return {}
    manifest = Manifest.read(run_dir)
    return manifest.model_dump() | {"state": manifest.state_now(run_dir)}


def _write(path: Path, document: Mapping[str, Any]) -> None:
    path.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")
