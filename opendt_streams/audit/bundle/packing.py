"""The one way in which a folder of evidence is packed: the same files give the same bytes, on any machine, at any time.

A bundle is a zip file without compression (the records are compressed already), in this order and with one fixed date:

    manifest.json                       the seal: what an auditor needs first (audit.sealing.manifest)
    run.json                            what the evidence is of (audit.evidence)
    topics/<topic>.parquet              all records of each topic (audit.evidence)
    seals.parquet                       the digest of every record, and of its parts (audit.sealing.digests_file)
    config.yaml                         the settings, as in the run folder
    summary.json                        what the run said of itself at its end
    twinlog.json                        the digest of the recorded twinning log
    report.json, report.html            what the topics tell, for machines and for people (audit.report)
"""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path
from typing import Final

from opendt_streams.audit.evidence import RUN_FILE, TOPICS_FOLDER
from opendt_streams.wire import topics

MANIFEST_FILE: Final = "manifest.json"
SEALS_FILE: Final = "seals.parquet"
TOPIC_FILES: Final = {topic: f"{TOPICS_FOLDER}/{topic}.parquet" for topic in topics.ALL_TOPICS}

NAMES: Final = (
    MANIFEST_FILE,
    RUN_FILE,
    *TOPIC_FILES.values(),
    SEALS_FILE,
    "config.yaml",
    "summary.json",
    "twinlog.json",
    "report.json",
    "report.html",
)

_DATE: Final = (1980, 1, 1, 0, 0, 0)  # the oldest that a zip file can name: no time of writing inside
_UNIX: Final = 3
_READABLE: Final = 0o100644 << 16


def pack(folder: Path, file: Path) -> None:
    """Write those files of a folder of evidence that there are into `file`, over what was there."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name in NAMES:
            path = folder / name
            if not path.is_file():
                continue
            entry = zipfile.ZipInfo(name, _DATE)
            entry.create_system, entry.external_attr, entry.file_size = _UNIX, _READABLE, path.stat().st_size
            with path.open("rb") as source, archive.open(entry, "w") as target:
                shutil.copyfileobj(source, target)
